"""MCP servers as tenants keep them, and what they offer, made fit to be offered. Pure."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from orchestrator.storable import storable_text
from orchestrator.tool_schemas import InvalidSchema, checked_schema, schema_text
from orchestrator.tool_text import cleaned

OFFERED_MAX: Final = 128
DESCRIPTION_CHARACTERS_MAX: Final = 2_000
NAME_CHARACTERS_MAX: Final = 64

_DROPPED: Final = frozenset({"$schema", "$id", "pattern", "format", "title", "examples", "default"})
"""What a server checks itself, or what only costs tokens."""


class ServerFailed(Exception):
    """A server could not be asked; the sentence is for a person, and says no address."""


@dataclass(frozen=True, slots=True)
class McpAddress:
    """Where one tenant's server is, and which version of that this is."""

    tenant_id: UUID
    name: str
    transport: Literal["streamable_http", "stdio"]
    url: str | None = None
    command: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def key(self) -> tuple[UUID, str]:
        """One session for each: tenants share none."""
        return self.tenant_id, self.name


@dataclass(frozen=True, slots=True)
class Announced:
    """A tool as a server announces it."""

    name: str
    description: str
    schema: Mapping[str, Any]
    repeatable: bool


def offered_tools(
    server: str, announced: Iterable[Announced]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what can be offered, as it is kept, and the names of what cannot."""
    offered: list[dict[str, Any]] = []
    left_out: list[str] = []
    taken: set[str] = set()
    for tool in announced:
        try:
            schema = checked_schema(_without(dict(tool.schema)))
            text = schema_text(schema)
        except InvalidSchema:
            left_out.append(tool.name[:200])
            continue
        if len(offered) == OFFERED_MAX or not 0 < len(tool.name) <= 200:
            left_out.append(tool.name[:200])
            continue
        name = offered_name(server, tool.name, taken)
        taken.add(name)
        offered.append(
            {
                "name": storable_text(tool.name),
                "offered_as": name,
                "description": storable_text(cleaned(tool.description, DESCRIPTION_CHARACTERS_MAX)),
                "schema": text,
                "repeatable": tool.repeatable,
            }
        )
    return offered, left_out


def offered_name(server: str, name: str, taken: Iterable[str] = ()) -> str:
    """Return `<server>__<tool>` in the letters that every provider takes, and only once."""
    plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    whole = f"{server}__{plain.strip('_') or 'tool'}"
    if len(whole) <= NAME_CHARACTERS_MAX and whole not in taken:
        return whole
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{whole[: NAME_CHARACTERS_MAX - 9]}_{mark}"


def detail_of(left_out: Sequence[str]) -> str | None:
    """Say which tools a server announces that cannot be offered."""
    if not left_out:
        return None
    names = ", ".join(left_out[:5])
    return storable_text(f"left out, their arguments cannot be checked here: {names}")[:200]


def _without(schema: Any) -> Any:
    """Return a schema without the keywords that are not looked at here."""
    if isinstance(schema, list):
        return [_without(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _properties(value)
        if key in {"properties", "$defs", "definitions"}
        else _without(value)
        for key, value in schema.items()
        if key not in _DROPPED
    }


def _properties(value: Any) -> Any:
    # Names of properties are no keywords, whatever they are called.
    if not isinstance(value, dict):
        return value
    return {name: _without(inner) for name, inner in value.items()}
