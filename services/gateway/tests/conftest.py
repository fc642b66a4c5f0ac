"""Tests that need real servers are left out where testkit is not installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("testkit") else ["integration"]
