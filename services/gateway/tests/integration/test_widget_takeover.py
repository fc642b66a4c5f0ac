"""What a visitor sees when somebody takes over in the middle of an answer; and when they type."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from bus.service_bus import outgoing
from contracts.v1.turns import ConversationUpdated, TurnStarted, VisitorTyping
from testkit import eventually_async

from .conftest import Owners, Running
from .test_widget_sockets import ORIGIN, Story, Widget, answer_places, opened_widgets, session


async def owned_by(story: Story, owner: str, number: int, cause: UUID | None = None) -> None:
    updated = ConversationUpdated.make(
        status="active" if owner == "bot" else "assigned_human",
        owner_kind=owner,
        assignee=None,
        ownership_number=number,
        correlation_id=cause or uuid4(),
        **story.who,
    )
    await story.owners.of("orchestrator").publish(outgoing(updated))


async def after_all_that_was_streamed(running: Running, story: Story, channel: Any) -> None:
    """Another visitor's words come on the same queue: when they come, earlier ones are over."""
    opened = (await session(running, channel["external_id"])).json
    other = Widget(running.url)
    await other.connect(opened["token"], Origin=ORIGIN)
    await other.hears("ready")
    await Story(story.owners, channel, opened["visitor_id"]).streams("Hello")
    await other.hears("delta")
    await other.client.disconnect()


async def test_half_an_answer_is_taken_back_and_no_more_of_it_comes(
    running: Running, owners: Owners
) -> None:
    answer_places(owners.of("orchestrator"), [])
    owners.of("llm-router")
    await owners.start()
    channel, opened, (widget,) = await opened_widgets(running, 1)
    story = Story(owners, channel, opened["visitor_id"])
    await story.begins(str(uuid4()))
    await story.streams("It is ", "on its ")
    await eventually_async(lambda: len(widget.of("delta")) == 2, "half an answer")
    await owned_by(story, "human", 2)
    assert "unless_turn_id" in await widget.hears("withdrawn")
    await eventually_async(lambda: {"on": False} in widget.of("typing"), "nobody types")
    making = await widget.client.call("resume", {"last_seq": 1}, timeout=10)
    assert "streaming" not in making
    await story.streams("It is ", "on its ", "way.")  # a model that was not stopped yet
    await after_all_that_was_streamed(running, story, channel)
    await owned_by(story, "bot", 3)
    again = TurnStarted.make(turn_id=story.turn_id, attempt=2, first_seq=1, last_seq=1, **story.who)
    await owners.of("orchestrator").publish(outgoing(again))
    await eventually_async(lambda: widget.of("typing")[-1] == {"on": True}, "the bot again")
    assert len(widget.of("delta")) == 2
    await story.streams("Yes.")
    await eventually_async(lambda: len(widget.of("delta")) == 3, "the next answer")
    await widget.client.disconnect()


async def test_a_turn_that_brings_a_person_itself_is_named(
    running: Running, owners: Owners
) -> None:
    answer_places(owners.of("orchestrator"), [])
    await owners.start()
    channel, opened, (widget,) = await opened_widgets(running, 1)
    story = Story(owners, channel, opened["visitor_id"])
    await owned_by(story, "human", 2, cause=story.turn_id)
    assert await widget.hears("withdrawn") == {"unless_turn_id": str(story.turn_id)}
    await widget.client.disconnect()


async def test_who_waits_for_words_hears_that_more_are_typed(
    running: Running, owners: Owners
) -> None:
    answer_places(owners.of("orchestrator"), [])
    heard: list[VisitorTyping] = []

    async def hear(typing: VisitorTyping) -> None:
        heard.append(typing)

    owners.of("orchestrator").hear_stream(VisitorTyping, hear)
    await owners.start()
    channel, opened, (widget,) = await opened_widgets(running, 1)
    junk: Any
    for junk in ({"on": False}, {"on": "yes"}, None, [True], {"on": True}):
        await widget.client.emit("typing", junk)
    await eventually_async(lambda: heard, "the visitor types")
    assert [one.visitor_id for one in heard] == [opened["visitor_id"]]
    assert str(heard[0].channel_id) == channel["channel_id"]
    await widget.client.disconnect()
