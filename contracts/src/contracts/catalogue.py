"""Every message there is, found from the classes themselves."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from contracts.message import Answer, Command, Event, Message, Part, Request, Stream

STORIES = (
    "tenants",
    "channels",
    "turns",
    "sending",
    "contacts",
    "templates",
    "channel_health",
    "conversations",
    "inbox",
    "curated",
    "tools",
    "trying",
    "timelines",
    "documents",
    "web_sources",
    "knowledge",
    "models",
    "model_routes",
    "spending",
    "webhooks",
)


@cache
def all_messages() -> tuple[type[Message], ...]:
    """All message classes, in the order of the stories and of the road inside each."""
    modules = [import_module(f"contracts.v1.{story}") for story in STORIES]
    return tuple(_messages_in(modules))


@cache
def by_address() -> dict[str, type[Message]]:
    """Address -> class."""
    return {message.address: message for message in all_messages()}


def heard_by(service: str) -> tuple[type[Message], ...]:
    """What a service takes off its queues: events, commands and requests to it, streams."""
    return tuple(message for message in all_messages() if service in message.listeners)


def said_by(service: str) -> tuple[type[Message], ...]:
    """What a service may say."""
    return tuple(message for message in all_messages() if service in message.speakers)


def _messages_in(modules: list[Any]) -> Iterator[type[Message]]:
    for module in modules:
        for item in vars(module).values():
            if not (isinstance(item, type) and issubclass(item, Message)):
                continue
            if item.address and item.__module__ == module.__name__:
                yield item


__all__ = [
    "Answer",
    "Command",
    "Event",
    "Message",
    "Part",
    "Request",
    "Stream",
    "all_messages",
    "by_address",
    "heard_by",
    "said_by",
]
