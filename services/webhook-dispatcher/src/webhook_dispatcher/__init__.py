"""Delivers public events to integrators: signed webhooks and event queues."""
