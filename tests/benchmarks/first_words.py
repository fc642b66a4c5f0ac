"""From the provider's first event to the first words: at a widget, and at a bare reader."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import orjson
from channel_desk import ChannelDesk, channel_desk
from llm_roads import HEADERS, chat_call
from whole_platform import Shop, WholePlatform
from widget_visitor import Visitor

from llm_router.openai_wire import chat_body

QUESTION = "How long do I have to return an item?"
MESSAGES_EACH = 10
"""A visitor may not say more in a burst."""
FLOWING = {"default": {"chunk_delay_ms": 5, "chunk_words": 1}}
"""A stream that is still being written when its first words arrive."""


class TimedVisitor(Visitor):
    """A visitor who looks at the clock when the first words of each turn arrive."""

    def __init__(self, desk: ChannelDesk, http: aiohttp.ClientSession) -> None:
        super().__init__(desk, http)
        self.first_at: dict[str, float] = {}

    async def _delta(self, words: dict[str, Any]) -> None:
        self.first_at.setdefault(words["turn_id"], time.time())
        await super()._delta(words)


async def at_the_widget(shop: Shop, count: int) -> list[float]:
    """Milliseconds, one turn after the other."""
    platform, took = shop.platform, []
    async with channel_desk(shop) as desk, aiohttp.ClientSession() as http:
        while len(took) < count:
            visitor = TimedVisitor(desk, http)
            await visitor.connect()
            try:
                for number in range(1, min(MESSAGES_EACH, count - len(took)) + 1):
                    await visitor.say(text=QUESTION)
                    await visitor.hears("bot", number)
                    first = list(visitor.first_at.values())
                    assert len(first) == number, "an answer without words in the making"
                    took.append((first[-1] - await _first_event_at(http, platform)) * 1000)
            finally:
                await visitor.socket.disconnect()
    return took


async def at_a_bare_reader(platform: WholePlatform, count: int) -> list[float]:
    """Milliseconds of the same stream, read by raw aiohttp."""
    body = orjson.dumps(chat_body(chat_call(""), stream=True) | {"model": "sim"})
    url, took = f"{platform.providers_url}/v1/chat/completions", []
    async with aiohttp.ClientSession() as http:
        for _ in range(count):
            heard = 0.0
            async with http.post(url, data=body, headers=HEADERS) as answer:
                async for line in answer.content:
                    if not heard and line.startswith(b"data: {"):
                        choices = orjson.loads(line[6:])["choices"]
                        heard = time.time() if choices[0]["delta"].get("content") else 0.0
            took.append((heard - await _first_event_at(http, platform)) * 1000)
    return took


async def _first_event_at(http: aiohttp.ClientSession, platform: WholePlatform) -> float:
    """When the simulator began to write its newest stream."""
    async with http.get(f"{platform.providers_url}/_sim/calls", params={"limit": 5}) as answer:
        calls = (await answer.json())["calls"]
    streamed = [call["first_chunk_at"] for call in calls if "first_chunk_at" in call]
    return float(streamed[-1])


def both(shop: Shop, count: int) -> tuple[list[float], list[float]]:
    """The widget and the bare reader, in two rounds each."""
    widget: list[float] = []
    bare: list[float] = []
    for _ in range(2):
        widget += asyncio.run(at_the_widget(shop, count // 2))
        bare += asyncio.run(at_a_bare_reader(shop.platform, count // 2))
    return widget, bare
