"""Checks of one value that every send request needs, in Meta's words."""

from __future__ import annotations

from typing import Any

from simulators.meta.envelope import GraphError

Json = dict[str, Any]


def required_text(value: Any, name: str, limit: int) -> str:
    """A text of 1 to `limit` characters."""
    if not isinstance(value, str) or not value.strip():
        raise GraphError(131008, f"Param {name} is required")
    return within(value, name, limit)


def within(value: Any, name: str, limit: int) -> str:
    """A text of at most `limit` characters; empty for one that is absent."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise GraphError(131009, f"Param {name} must be a string")
    if len(value) > limit:
        raise GraphError(100, f"Param {name} must be at most {limit} characters long.")
    return value


def required_object(value: Any, name: str) -> Json:
    """A JSON object."""
    if value is None:
        raise GraphError(131008, f"Required parameter '{name}' is missing")
    if not isinstance(value, dict):
        raise GraphError(131009, f"Param {name} must be an object")
    return value


def required_list(value: Any, name: str, least: int, most: int) -> list[Any]:
    """A list of `least` to `most` elements."""
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise GraphError(131009, f"Invalid {name} count. Min allowed: {least}, max: {most}")
    return value


def unique(values: list[str], name: str) -> None:
    """No value twice."""
    if len(set(values)) != len(values):
        raise GraphError(131009, f"Duplicated {name}: each must be unique")
