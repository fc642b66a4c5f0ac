"""Normalises what comes in and sends what goes out, on every channel."""
