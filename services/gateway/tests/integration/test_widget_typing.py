"""A colleague types in the inbox: the customer's windows show it, and that it ended."""

from __future__ import annotations

from contracts.v1.sending import TypingShown

from .conftest import Owners, Running, eventually_async
from .test_widget_sockets import Story, answer_places, opened_widgets


async def test_a_colleague_who_types_is_seen_typing(running: Running, owners: Owners) -> None:
    answer_places(owners.of("orchestrator"), [])
    await owners.start()
    channel, opened, (widget,) = await opened_widgets(running, 1)
    who = Story(owners, channel, opened["visitor_id"]).who
    for ended in (None, True):
        sign = TypingShown.make(provider_message_id=None, ended=ended, **who)
        await owners.of("orchestrator").stream(sign)
    await eventually_async(
        lambda: widget.of("typing") == [{"on": True}, {"on": False}], "both signs"
    )
