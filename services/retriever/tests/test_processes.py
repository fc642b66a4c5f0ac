"""The retriever as a real process on a real broker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from bus import Bus
from bus.service_bus import outgoing
from contracts.v1.documents import (
    DocumentForgotten,
    DocumentRemoved,
    DocumentSearchable,
    ForgetDocument,
    PassagesEmbedded,
)
from contracts.v1.knowledge import KnowledgeFound, SearchKnowledge
from contracts.v1.models import EmbedTexts

pytest.importorskip("testkit", reason="needs a real broker and database")
pytestmark = [pytest.mark.resilience, pytest.mark.timeout(150)]

WORDS = [f"Bridge number {n} stands over a river and carries a road." for n in range(40)]


class Neighbours:
    """rag-indexer, gateway and llm-router on the same broker."""

    def __init__(self, url: str, words_bus: Any) -> None:
        self.indexer = Bus(url, service="rag-indexer")
        self.gateway = Bus(url, service="gateway")
        self.router = Bus(url, service="llm-router")
        self.words_bus = words_bus
        self.searchable: list[DocumentSearchable] = []

    async def start(self) -> None:
        self.indexer.listen(DocumentSearchable, self._heard)
        self.router.answer(EmbedTexts, self._embed)
        for bus in (self.indexer, self.gateway, self.router):
            await bus.start()
            await bus.until_can_say()

    async def close(self) -> None:
        for bus in (self.indexer, self.gateway, self.router):
            await bus.stop_hearing()
            await bus.close()

    async def _heard(self, delivery: Any) -> None:
        self.searchable.append(DocumentSearchable.hear(delivery.body))
        await delivery.done()

    async def _embed(self, request: EmbedTexts) -> Any:
        return await self.words_bus.ask(request, timeout_seconds=1)

    async def search(self, tenant_id: UUID, question: str) -> KnowledgeFound:
        request = SearchKnowledge.make(tenant_id=tenant_id, query=question, limit=5)
        return await self.gateway.ask(request, timeout_seconds=10)

    async def forget(self, tenant_id: UUID, document_id: UUID) -> DocumentForgotten:
        request = ForgetDocument.make(tenant_id=tenant_id, document_id=document_id)
        return await self.gateway.ask(request, timeout_seconds=10)


@pytest_asyncio.fixture
async def neighbours(amqp_vhost: Any, words_bus: Any) -> AsyncIterator[Neighbours]:
    around = Neighbours(amqp_vhost.url, words_bus)
    await around.start()
    yield around
    await around.close()


@pytest.fixture
def environment(service_database: Callable[..., Any], amqp_vhost: Any) -> dict[str, str]:
    return {
        "CHAT_RETRIEVER_DATABASE_URL": service_database("retriever").url,
        "CHAT_RETRIEVER_AMQP_URL": amqp_vhost.url,
    }


async def until_searchable(around: Neighbours, document_id: UUID) -> DocumentSearchable:
    from testkit.polling import eventually_async

    async def said() -> DocumentSearchable | None:
        mine = [one for one in around.searchable if one.document_id == document_id]
        return mine[0] if mine else None

    found = await eventually_async(said, "the document is searchable", 60)
    assert found is not None
    return found


async def test_killed_between_commit_and_acknowledgement_it_indexes_once(
    processes: Any,
    environment: dict[str, str],
    neighbours: Neighbours,
    batches_of: Callable[..., list[PassagesEmbedded]],
) -> None:
    failpoint = "retriever.after_commit_before_ack=kill|after:1"
    process = processes.spawn("retriever", environment, CHAT_FAILPOINTS=failpoint)
    tenant_id, document_id = uuid4(), uuid4()
    for batch in batches_of(tenant_id, document_id, 1, WORDS):
        await neighbours.indexer.publish(outgoing(batch))
    assert await asyncio.to_thread(process.wait_killed, 60) == -9
    await asyncio.to_thread(process.restart)
    assert (await until_searchable(neighbours, document_id)).passages == 40
    found = await neighbours.search(tenant_id, "which road does bridge number 7 carry?")
    assert found.candidates == 40
    assert not found.degraded
    assert "number 7 " in found.passages[0].text
    assert (await neighbours.search(uuid4(), "bridge")).reason == "no_documents"


async def test_removal_by_event_and_by_request(
    processes: Any,
    environment: dict[str, str],
    neighbours: Neighbours,
    batches_of: Callable[..., list[PassagesEmbedded]],
) -> None:
    process = processes.spawn("retriever", environment)
    await asyncio.to_thread(process.wait_ready)
    tenant_id, one, two = uuid4(), uuid4(), uuid4()
    for document_id in (one, two):
        for batch in batches_of(tenant_id, document_id, 1, WORDS[:3]):
            await neighbours.indexer.publish(outgoing(batch))
        await until_searchable(neighbours, document_id)
    assert (await neighbours.forget(tenant_id, one)).passages == 3
    left = await neighbours.search(tenant_id, "bridge over a river")
    assert {passage.document_id for passage in left.passages} == {two}
    removed = DocumentRemoved.make(tenant_id=tenant_id, document_id=two)
    await neighbours.gateway.publish(outgoing(removed))

    async def nothing() -> bool:
        return not (await neighbours.search(tenant_id, "bridge over a river")).passages

    from testkit.polling import eventually_async

    await eventually_async(nothing, "the removed document is not found", 30)
