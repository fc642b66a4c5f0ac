"""A trace goes from who says to who hears, through the broker (FastStream 5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from bus import Bus
from bus.service_bus import outgoing
from contracts.v1.channels import ChannelWebhookReceived
from contracts.v1.knowledge import KnowledgeFound, SearchKnowledge
from testkit import eventually_async

TRACE = 0x4BF92F3577B34DA6A3CE929D0E0E4736


@contextmanager
def within_a_trace(flags: int) -> Iterator[None]:
    span = NonRecordingSpan(SpanContext(TRACE, 0xF067AA0BA902B7, False, TraceFlags(flags)))
    token = context.attach(trace.set_span_in_context(span))
    try:
        yield
    finally:
        context.detach(token)


def trace_here() -> int:
    return trace.get_current_span().get_span_context().trace_id


@pytest.fixture
async def pair(amqp_vhost: Any) -> AsyncIterator[Any]:
    """Make two started buses: who says or asks, and who hears or answers."""
    buses: list[Bus] = []

    async def make(first: Bus, second: Bus) -> None:
        buses.extend((first, second))
        for bus in buses:
            await bus.start()
        for bus in buses:
            await asyncio.wait_for(bus.until_can_say(), 10)

    yield lambda service: Bus(amqp_vhost.url, service=service), make
    for bus in buses:
        await bus.stop_hearing()
        await bus.close()


@pytest.mark.parametrize("flags", [0, 1])
async def test_an_event_is_heard_in_the_trace_that_said_it(pair: Any, flags: int) -> None:
    bus, start = pair
    speaker, listener = bus("gateway"), bus("channel-ingress")
    traces: list[int] = []

    async def keep(delivery: Any) -> None:
        traces.append(trace_here())
        await delivery.done()

    listener.listen(ChannelWebhookReceived, keep)
    await start(speaker, listener)
    event = ChannelWebhookReceived.make(
        tenant_id=uuid4(),
        delivery_id=uuid4(),
        channel_type="whatsapp",
        channel_id=None,
        body="{}",
        body_sha256=None,
    )
    with within_a_trace(flags):
        await speaker.publish(outgoing(event))
    await eventually_async(lambda: len(traces) == 1, "the event")
    await speaker.publish(outgoing(event))
    await eventually_async(lambda: traces == [TRACE, 0], "the same outside of the trace")


async def test_a_question_is_answered_in_the_trace_that_asks(pair: Any) -> None:
    bus, start = pair
    asker, owner = bus("orchestrator"), bus("retriever")
    traces: list[int] = []

    async def answer(_asked: SearchKnowledge) -> KnowledgeFound:
        traces.append(trace_here())
        return KnowledgeFound(
            passages=[], reason="no_documents", degraded=False, candidates=0, milliseconds=0.0
        )

    owner.answer(SearchKnowledge, answer)
    await start(asker, owner)
    with within_a_trace(1):
        await asker.ask(
            SearchKnowledge.make(tenant_id=uuid4(), query="returns?", limit=3), timeout_seconds=10
        )
    assert traces == [TRACE]
