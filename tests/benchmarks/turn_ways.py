"""Ways a turn can go: a shop of its own each, with what the provider simulator then says."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from llm_roads import Wire
from road_load import RoadLoad, RoadResult, cpu_of_each
from whole_platform import Shop, WholePlatform

RETURNS = """# Returns

You have 30 days from delivery to return an unused item.

# Shipping

Standard shipping takes 2 to 4 working days and costs 4.90 euros.

# Warranty

Tents and backpacks have a warranty of 3 years.
"""
UNPRICED, PRICED = "openai/sim", "openai/gpt-4.1-nano"
FREELY = {"monthly_usd": 100_000.0, "when_spent": "builtin"}
TOOL = "get_conversation_facts"
TOOL_FIRST = {"tool_first": True, "default": {"tool": TOOL, "arguments": {}}}


@dataclass(frozen=True)
class Way:
    """Settings, budget and script that make a turn go this way."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    budget: dict[str, Any] | None = None
    script: dict[str, Any] = field(default_factory=dict)
    model_calls: int = 1


SURE = {"confidence_minimum": 0.0}
"""The simulator never says how sure it is: else each answer would count as unsure and be kept."""
PLAIN = Way("plain")
WAYS = (
    PLAIN,
    Way("strict grounding", {"grounding": "strict"}),
    Way("an unsure answer", {"confidence_minimum": 1.0}),
    Way("a tool call", script=TOOL_FIRST, model_calls=2),
    Way("a model with a price", {"model": PRICED}),
    Way("a price and a budget", {"model": PRICED}, FREELY),
    Way("all of them", {"model": PRICED, "grounding": "strict"}, FREELY, TOOL_FIRST, 2),
)


@dataclass
class Seen:
    """What turns of one way took, and whose CPU."""

    result: RoadResult = field(default_factory=RoadResult)
    cpu: Counter[str] = field(default_factory=Counter)
    calls: int = 0

    def cpu_milliseconds(self, process: str = "") -> float:
        """CPU a turn, of one process or of all."""
        seconds = self.cpu[process] if process else sum(self.cpu.values())
        return seconds / max(1, self.result.replies) * 1000

    @property
    def calls_a_turn(self) -> float:
        """Calls of the model that a turn made."""
        return self.calls / max(1, self.result.replies)


class Bench:
    """Shops by way, and turns in them."""

    def __init__(self, platform: WholePlatform) -> None:
        self.platform = platform
        self._shops: dict[str, Shop] = {}

    def shop(self, way: Way) -> Shop:
        """The shop whose turns go this way."""
        if way.name not in self._shops:
            settings = {"model": UNPRICED, "fallback_models": [], **SURE, **way.settings}
            shop = self.platform.shop({"returns.md": RETURNS}, **settings)
            if way.budget:
                asyncio.run(_allow(shop, way.budget))
            self._shops[way.name] = shop
        return self._shops[way.name]

    def load(self, shop: Shop) -> RoadLoad:
        """A load on the shop's WhatsApp number."""
        url = f"{self.platform.url}/webhooks/whatsapp"
        secret = self.platform.secrets["whatsapp-secret"]
        return RoadLoad(url, secret, shop.phone_number_id, self.platform.meta_url)

    def script(self, body: dict[str, Any] | None = None) -> None:
        """What the provider simulator does from now on."""
        self.platform.simulator(self.platform.providers_url, "script", body or {})

    def total_calls(self) -> int:
        """Calls of the provider simulator so far."""
        url = self.platform.providers_url
        return int(self.platform.simulator(url, "calls?limit=0")["total"])

    def turns(self, way: Way, seen: Seen, conversations: int, seconds: float, **how: Any) -> None:
        """Turns for so long, added to what was seen of this way."""
        shop = self.shop(way)
        self.script(way.script)
        calls, before = self.total_calls(), cpu_of_each(self.platform)
        result = asyncio.run(self.load(shop).run(conversations, seconds, **how))
        seen.cpu.update(
            {name: spent - before[name] for name, spent in cpu_of_each(self.platform).items()}
        )
        seen.calls += self.total_calls() - calls
        self.script()
        add(seen.result, result)


def add(sum_: RoadResult, more: RoadResult) -> None:
    """Add one run to another."""
    sum_.replies += more.replies
    sum_.unanswered += more.unanswered
    sum_.seconds += more.seconds
    sum_.milliseconds += more.milliseconds
    sum_.accepted_milliseconds += more.accepted_milliseconds


async def bare_call_milliseconds(providers_url: str, calls: int) -> float:
    """The model's own time: the median of a whole call over raw aiohttp."""
    async with aiohttp.ClientSession() as session:
        wire, took = Wire("raw", calls, session, providers_url, "sim"), []
        for _ in range(calls):
            started = time.perf_counter()
            await wire.whole()
            took.append((time.perf_counter() - started) * 1000)
    return sorted(took)[len(took) // 2]


async def _allow(shop: Shop, budget: dict[str, Any]) -> None:
    async with shop.platform.api() as admin:
        await admin.put(f"/api/tenants/{shop.tenant_id}/budget", budget)
