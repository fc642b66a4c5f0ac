"""Puts together what people ask about models: routes, health, their own ways to providers."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from bus import Bus
from llm_router.config import Settings
from llm_router.known_providers import known_providers
from llm_router.money import Money
from llm_router.probing import Prober
from llm_router.provider_check import ProviderCheck
from llm_router.provider_requests import ProviderRequests
from llm_router.provider_ways import Ways, egress_policy
from llm_router.route_requests import RouteRequests
from llm_router.route_store import RouteStore
from llm_router.tiny_calls import TinyCalls
from postgres import Database


@dataclass(frozen=True, slots=True)
class Administration:
    """The handlers of what is asked, and the prober behind them."""

    routes: RouteRequests
    providers: ProviderRequests
    prober: Prober

    def listen(self, bus: Bus) -> None:
        """Answer what is asked about models."""
        self.routes.listen(bus)
        self.providers.listen(bus)


def administer(
    settings: Settings,
    database: Database,
    session: aiohttp.ClientSession,
    guarded: aiohttp.ClientSession,
    ways: Ways,
    money: Money,
) -> Administration:
    """Wire everything; nothing connects here."""
    store, known = RouteStore(), known_providers()
    calls = TinyCalls(ways.chat.of, money.purses)
    check = ProviderCheck(session, guarded, egress_policy(settings), calls)
    routes, cooldowns = ways.routes, ways.cooldowns
    return Administration(
        routes=RouteRequests(database, store, routes, cooldowns, ways.choices, known),
        providers=ProviderRequests(database, store, routes, cooldowns, check, known),
        prober=Prober(cooldowns, calls, settings.probe_seconds),
    )
