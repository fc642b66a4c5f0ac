"""The platform's command line: starts, stops, shows and drives it."""
