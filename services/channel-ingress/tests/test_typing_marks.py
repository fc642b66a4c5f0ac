"""Read marks and typing indicators: the right calls, never too many, never in the way."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from uuid import uuid4

import pytest

from channel_ingress.store import SendingChannel
from channel_ingress.typing_marks import AT_ONCE, WAITING_MAX, TypingMarks, typing_bodies
from contracts.v1.sending import TypingShown
from testkit import eventually_async


def shown(channel_type: str = "whatsapp", message_id: str | None = "wamid.1") -> TypingShown:
    return TypingShown.make(
        tenant_id=uuid4(),
        conversation_id=uuid4(),
        channel_id=uuid4(),
        channel_type=channel_type,
        contact_external_id="1",
        provider_message_id=message_id,
    )


def channel(channel_type: str) -> SendingChannel:
    return SendingChannel(uuid4(), uuid4(), channel_type, "1", "active", None, 1)


def test_whatsapp_marks_and_types_in_one_call() -> None:
    (body,) = typing_bodies(channel("whatsapp"), shown())
    assert (body["status"], body["message_id"]) == ("read", "wamid.1")
    assert body["typing_indicator"] == {"type": "text"}
    assert typing_bodies(channel("whatsapp"), shown(message_id=None)) == []


def test_messenger_takes_two() -> None:
    bodies = typing_bodies(channel("messenger"), shown("messenger"))
    assert [body["sender_action"] for body in bodies] == ["mark_seen", "typing_on"]


def test_a_takeover_takes_the_sign_away_where_it_can_be():
    ended = shown("messenger").model_copy(update={"ended": True})
    (body,) = typing_bodies(channel("messenger"), ended)
    assert body["sender_action"] == "typing_off"
    assert typing_bodies(channel("whatsapp"), shown().model_copy(update={"ended": True})) == []


class SlowMarks(TypingMarks):
    """Calls that do not end until they are let go."""

    def __init__(self) -> None:
        nothing = cast("Any", None)
        super().__init__(nothing, nothing, nothing, nothing, nothing)
        self.called: list[TypingShown] = []
        self.free = asyncio.Event()

    async def _call(self, shown: TypingShown) -> str:
        self.called.append(shown)
        await self.free.wait()
        return "shown"


async def test_the_oldest_are_dropped_when_too_many_wait() -> None:
    marks = SlowMarks()
    running = asyncio.create_task(marks.run())
    said = [shown() for _ in range(AT_ONCE + WAITING_MAX + 5)]
    for one in said[:AT_ONCE]:
        await marks.hear(one)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(marks.called) == AT_ONCE
    for one in said[AT_ONCE:]:
        await marks.hear(one)
        await asyncio.sleep(0)
    assert len(marks.called) == AT_ONCE
    marks.free.set()
    await eventually_async(lambda: len(marks.called) == AT_ONCE + WAITING_MAX, "every call")
    assert marks.called[AT_ONCE:] == said[-WAITING_MAX:]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_web_chat_has_its_own_way() -> None:
    marks = SlowMarks()
    await marks.hear(shown("webchat"))
    assert not marks._waiting
