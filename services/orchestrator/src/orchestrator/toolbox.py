"""Which tools a turn is offered: built-in ones that the settings leave, and the tenant's own.

Kept by tenant under the number that rises with each change here (`own_revision`), which comes with
every lease: no replica offers what was taken away, and no turn asks the database for what it knows.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

import observe
from contracts.v1.tenants import TenantSettings
from orchestrator.builtin_tools import Facts, builtin_tools
from orchestrator.domain import Leased
from orchestrator.own_tools import OwnTool, OwnTools
from orchestrator.tool_schemas import ArgumentCheck
from orchestrator.tools import Tool, ToolRegistry
from postgres import DatabaseAway

TENANTS_MAX: Final = 1_000
OFFERED_MAX: Final = 128
"""Most tools of one request: some providers take no more."""

OFFERED_BYTES_MAX: Final = 60_000
"""Room that definitions may take in a request, which travels in one message of 256 KiB."""

_log = observe.get_logger("orchestrator.toolbox")


class Toolbox(Protocol):
    """Gives each turn its tools."""

    async def of(self, leased: Leased, settings: TenantSettings, /) -> ToolRegistry:
        """Return what this turn is offered."""
        ...


class BuiltinToolbox:
    """The built-in tools alone, as the settings leave them."""

    def __init__(self, facts: Facts | None = None) -> None:
        self._facts = facts
        self._made: dict[object, ToolRegistry] = {}

    async def of(self, _leased: Leased, settings: TenantSettings) -> ToolRegistry:
        """Return the built-in tools."""
        return self.registry(settings)

    def registry(self, settings: TenantSettings) -> ToolRegistry:
        """Return the built-in tools as a registry; the same one for the same choice."""
        key = _choice(settings)
        registry = self._made.get(key)
        if registry is None:
            registry = self._made[key] = ToolRegistry(self.tools(settings))
        return registry

    def tools(self, settings: TenantSettings) -> tuple[Tool, ...]:
        """Return the built-in tools."""
        return builtin_tools(settings, self._facts) if self._facts else builtin_tools(settings)


class OwnToolsSource(Protocol):
    """Where a tenant's own tools are kept."""

    async def load(self, tenant_id: UUID) -> list[OwnTool]:
        """Return the enabled ones, by name."""
        ...


class TenantToolbox:
    """Built-in tools and the tenant's own, MCP servers' included."""

    def __init__(
        self, builtin: BuiltinToolbox, sources: Sequence[OwnToolsSource], own: OwnTools
    ) -> None:
        self._builtin = builtin
        self._sources = sources
        self._own = own
        self._known: dict[UUID, tuple[int, tuple[Tool, ...]]] = {}
        self._registries: dict[UUID, tuple[object, ToolRegistry]] = {}

    async def of(self, leased: Leased, settings: TenantSettings) -> ToolRegistry:
        """Return what this turn is offered; built-in tools alone while the database is away."""
        try:
            own = await self._own_tools(leased)
        except DatabaseAway as error:
            _log.warning("answering without the tenant's own tools", reason=str(error))
            own = ()
        if not own:
            return self._builtin.registry(settings)
        tenant_id = leased.tenant_id
        key = (id(own), _choice(settings))
        made_for, registry = self._registries.get(tenant_id, (None, None))
        if registry is None or made_for != key:
            registry = ToolRegistry((*self._builtin.tools(settings), *own))
            self._registries[tenant_id] = (key, registry)
        return registry

    async def _own_tools(self, leased: Leased) -> tuple[Tool, ...]:
        if leased.own_revision == 0 or (leased.trial and leased.trial.tools == "none"):
            return ()
        known = self._known.get(leased.tenant_id)
        if known is not None and known[0] >= leased.own_revision:
            return known[1]
        loaded = [tool for one in self._sources for tool in await one.load(leased.tenant_id)]
        tools = tuple(self._offered(loaded))
        if len(self._known) >= TENANTS_MAX:
            self._known.clear()
            self._registries.clear()
        self._known[leased.tenant_id] = (leased.own_revision, tools)
        return tools

    def _offered(self, own: list[OwnTool]) -> list[Tool]:
        offered: list[Tool] = []
        room = OFFERED_BYTES_MAX
        for tool in own[:OFFERED_MAX]:
            room -= _bytes_of(tool.description, tool.parameters)
            if room < 0:
                _log.warning("not every tool fits into a request", left_out_from=len(offered))
                break
            offered.append(self._own.offered(tool, ArgumentCheck(tool.parameters)))
        return offered


def _choice(settings: TenantSettings) -> object:
    chosen = None if settings.tools is None else tuple(settings.tools)
    return settings.rag_enabled, chosen


def _bytes_of(description: str, parameters: Mapping[str, Any]) -> int:
    return 200 + 2 * len(description.encode()) + 2 * len(str(parameters).encode())
