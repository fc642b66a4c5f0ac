"""Renders a channel-neutral body into the messages of a channel; pure, and the same each time."""

from channel_ingress.rendering.part import CannotRender, Json, Part
from channel_ingress.rendering.render import render

__all__ = ["CannotRender", "Json", "Part", "render"]
