"""Renders a channel-neutral body into the messages of a channel; pure, and the same each time."""

from channel_ingress.rendering.part import Json, Part
from channel_ingress.rendering.render import render

__all__ = ["Json", "Part", "render"]
