"""Life of a service process: signals, start, drain and exit code."""
