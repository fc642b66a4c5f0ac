"""Leaves the tests on real servers out where only this service is installed."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("testkit") and find_spec("simulators") else ["integration"]
