"""What customer, desk and admin see of a conversation: one answer, a brief, every step."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from channel_desk import ChannelDesk, Json, channel_desk
from whole_platform import Shop
from widget_visitor import Visitor

from testkit import eventually_async

BURST = ("hi", "I bought a tent", "two weeks ago", "it is too big", "can I return it?")
QUESTION = "How many days do I have to return an item?"
WAY_OF_A_MESSAGE = [
    ("gateway", "accepted"),
    ("channel-ingress", "received"),
    ("orchestrator", "placed"),
    ("orchestrator", "turn_began"),
    ("orchestrator", "model_called"),
    ("orchestrator", "answer_placed"),
    ("channel-ingress", "send_accepted"),
]
BESIDE_IT = [("llm-router", "paid"), ("webhook-dispatcher", "event_said")]


@pytest.fixture
async def desk(desk_shop: Shop) -> AsyncIterator[ChannelDesk]:
    async with channel_desk(desk_shop) as open_desk:
        yield open_desk


@pytest.fixture
async def visitor(desk: ChannelDesk) -> AsyncIterator[Visitor]:
    async with aiohttp.ClientSession() as http:
        visiting = Visitor(desk, http)
        await visiting.connect()
        yield visiting
        await visiting.socket.disconnect()


async def roles(desk: ChannelDesk, customer: Any) -> list[str]:
    """Who said something, in order."""
    return [message["role"] for message in await desk.messages(customer)]


async def turns(desk: ChannelDesk, customer: Any) -> list[Json]:
    """The turns of the conversation, the newest first."""
    return list((await desk.api.get(f"{await desk.path(customer)}/turns"))["items"])


async def test_five_messages_in_a_row_are_answered_once(desk: ChannelDesk):
    ana = desk.customer()
    for text in BURST:
        await ana.say(text)
    await ana.reply()
    await eventually_async(lambda: all_answered(desk, ana), "nothing waits")
    assert await roles(desk, ana) == ["customer"] * 5 + ["bot"]
    assert len(await desk.sent_to(ana)) == 1
    (turn,) = await turns(desk, ana)
    assert (turn["first_seq"], turn["last_seq"]) == (1, 5)


async def all_answered(desk: ChannelDesk, customer: Any) -> bool:
    """Whether no customer's message waits for an answer."""
    shown = await desk.api.get(await desk.path(customer))
    return shown["waiting_since"] is None


async def test_who_asks_for_a_person_is_seen_with_a_brief(desk: ChannelDesk, visitor: Visitor):
    async with desk.slow_model(0) as model:
        await model.script({"text": "You have 30 days. [1]"})
        await visitor.say(text=QUESTION)
        await visitor.hears("bot")
    await visitor.say(text="I want a human, my parcel 4711 is lost")
    await visitor.hears("system")
    shown = await desk.api.get(await desk.path(visitor))
    assert (shown["owner_kind"], shown["status"]) == ("human", "assigned_human")
    assert "4711" in shown["brief"]["wish"]
    assert shown["brief"]["sources"] == ["Returns"]
    waiting = await desk.api.get(f"{desk.tenant}/conversations", owner_kind="human", assignee="-")
    assert shown["conversation_id"] in [one["conversation_id"] for one in waiting["items"]]


async def test_the_model_may_call_a_person_and_says_why(desk: ChannelDesk):
    ana = desk.customer()
    async with desk.slow_model(0) as model:
        arguments = {"reason": "The customer wants to pay in gold."}
        called = {"kind": "tool_call", "tool": "hand_off_to_human", "arguments": arguments}
        await model.script(called, {"text": "A colleague will answer you."})
        await ana.say("May I pay in gold?")
        assert (await ana.reply()).text == "A colleague will answer you."
    shown = await desk.api.get(await desk.path(ana))
    brief = shown["brief"]
    assert (shown["owner_kind"], brief["wish"]) == ("human", "May I pay in gold?")
    assert len(brief["tried"]) == len(set(brief["tried"])) > 0


async def test_one_request_shows_the_way_of_a_message(desk: ChannelDesk):
    ana = desk.customer()
    await ana.say(QUESTION)
    await ana.reply()
    asked = (await desk.messages(ana))[0]["recorded_message_id"]
    path = f"{await desk.path(ana)}/messages/{asked}/timeline"

    async def told() -> list[tuple[str, str]]:
        shown = await desk.api.get(path)
        assert shown["missing"] == []
        times = [datetime.fromisoformat(step["at"]) for step in shown["items"]]
        assert times == sorted(times)
        way = [(step["service"], step["what"]) for step in shown["items"]]
        return way if {*WAY_OF_A_MESSAGE, *BESIDE_IT} <= set(way) else []

    way = await eventually_async(told, "every service's steps")
    assert [step for step in way if step in WAY_OF_A_MESSAGE] == WAY_OF_A_MESSAGE
    assert all(way.index(step) > way.index(WAY_OF_A_MESSAGE[1]) for step in BESIDE_IT)


async def test_a_model_that_dies_while_it_answers_is_followed_once(
    desk: ChannelDesk, visitor: Visitor
):
    words = "Half of an answer that nobody will ever read to its end."
    async with desk.slow_model(0) as model:
        await model.script({"kind": "cut", "text": words, "after_chunks": 3, "times": 9})
        await visitor.say(text=QUESTION)
        answer = await visitor.hears("bot")
        await model.script()
    assert "30 days" in answer["text"]
    assert await roles(desk, visitor) == ["customer", "bot"]
    (turn,) = await turns(desk, visitor)
    assert turn["evidence"]["model_calls"][-1]["model"] == "builtin/extractive"
