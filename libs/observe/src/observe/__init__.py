"""Logs, metrics, traces and the admin endpoints of a process."""
