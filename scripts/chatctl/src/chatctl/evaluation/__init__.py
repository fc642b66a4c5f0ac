"""Measures search against people's judgements, through the running platform."""
