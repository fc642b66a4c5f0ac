"""What tests need: real servers, a fake clock, a recording bus, failpoints, a TCP proxy and real processes."""
