"""The indexer as a real process on a real broker: killed at its worst moments, nothing is lost."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import numpy as np
import pytest
import pytest_asyncio

from blobs import Blobs
from bus import Bus
from bus.service_bus import outgoing
from contracts.v1.documents import (
    Document,
    DocumentSearchable,
    DocumentUploaded,
    GetDocument,
    PassagesEmbedded,
)
from contracts.v1.models import EmbedTexts, TextsEmbedded

pytest.importorskip("testkit", reason="needs a real broker and database")
pytestmark = [pytest.mark.resilience, pytest.mark.timeout(180)]

TEXT = " ".join(f"Fact number {n} tells something small about bridges." for n in range(2_000))
VECTOR = base64.b64encode(np.full(384, 384**-0.5, dtype="<f4").tobytes()).decode()


class Neighbours:
    """The services around the indexer, on the same broker: gateway, llm-router and retriever."""

    def __init__(self, url: str, blobs: Blobs) -> None:
        self.blobs = blobs
        self.tenant_id = uuid4()
        self.gateway = Bus(url, service="gateway")
        self.router = Bus(url, service="llm-router")
        self.retriever = Bus(url, service="retriever")
        self.batches: list[PassagesEmbedded] = []
        self.embedded: list[str] = []

    async def start(self) -> None:
        self.router.answer(EmbedTexts, self._embed)
        self.retriever.listen(PassagesEmbedded, self._store)
        for bus in (self.gateway, self.router, self.retriever):
            await bus.start()
            await bus.until_can_say()

    async def close(self) -> None:
        for bus in (self.gateway, self.router, self.retriever):
            await bus.stop_hearing()
            await bus.close()

    async def _embed(self, request: EmbedTexts) -> TextsEmbedded:
        self.embedded += request.texts
        return TextsEmbedded(
            model="builtin/minilm",
            dimensions=384,
            vectors=[VECTOR] * len(request.texts),
            tokens=1,
            cost_usd=None,
        )

    async def _store(self, delivery: Any) -> None:
        """As the retriever: says searchable when every batch is there."""
        batch = PassagesEmbedded.hear(delivery.body)
        self.batches.append(batch)
        if {one.batch for one in self.batches} == set(range(1, batch.batches + 1)):
            searchable = DocumentSearchable.after(
                batch,
                document_id=batch.document_id,
                document_version=batch.document_version,
                passages=batch.passages_total,
            )
            await self.retriever.publish(outgoing(searchable))
        await delivery.done()

    async def upload(self, content: bytes) -> UUID:
        document_id = uuid4()
        message = DocumentUploaded.make(
            tenant_id=self.tenant_id,
            document_id=document_id,
            title="bridges.txt",
            file_name="bridges.txt",
            declared_type="text/plain",
            size_bytes=len(content),
            sha256=await self.blobs.put(content),
            language=None,
        )
        await self.gateway.publish(outgoing(message))
        await self.gateway.publish(outgoing(message))
        return document_id

    async def document(self, document_id: UUID) -> Document:
        request = GetDocument.make(tenant_id=self.tenant_id, document_id=document_id)
        return (await self.gateway.ask(request, timeout_seconds=5)).document


@pytest_asyncio.fixture
async def neighbours(amqp_vhost: Any, tmp_path: Path) -> AsyncIterator[Neighbours]:
    around = Neighbours(amqp_vhost.url, Blobs.open(f"file://{tmp_path}/blobs"))
    await around.start()
    yield around
    await around.close()


@pytest.fixture
def environment(
    service_database: Callable[..., Any], amqp_vhost: Any, tmp_path: Path
) -> dict[str, str]:
    return {
        "CHAT_RAG_INDEXER_DATABASE_URL": service_database("rag_indexer").url,
        "CHAT_RAG_INDEXER_AMQP_URL": amqp_vhost.url,
        "CHAT_BLOB_URL": f"file://{tmp_path}/blobs",
        "CHAT_RAG_INDEXER_LEASE_SECONDS": "3",
        "CHAT_RAG_INDEXER_POLL_SECONDS": "0.2",
    }


async def until_ready(around: Neighbours, document_id: UUID, seconds: float = 60) -> Document:
    async def ready() -> Document | None:
        try:
            found = await around.document(document_id)
        except Exception:  # the service is down or has not heard of it yet
            return None
        return found if found.stage in {"ready", "failed"} else None

    from testkit.polling import eventually_async

    found = await eventually_async(ready, "the document is ready", seconds)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "failpoint",
    ["rag-indexer.half_embedded", "rag-indexer.after_parse", "rag-indexer.after_commit_before_ack"],
)
async def test_killed_at_its_worst_moment_it_goes_on(
    processes: Any, environment: dict[str, str], neighbours: Neighbours, failpoint: str
) -> None:
    process = processes.spawn("rag_indexer", environment, CHAT_FAILPOINTS=f"{failpoint}=kill")
    document_id = await neighbours.upload(TEXT.encode())
    assert await asyncio.to_thread(process.wait_killed, 60) == -9
    await asyncio.to_thread(process.restart)
    ready = await until_ready(neighbours, document_id)
    assert (ready.stage, ready.percent) == ("ready", 100)
    by_number = {batch.batch: batch for batch in neighbours.batches}
    total = neighbours.batches[0].passages_total
    ordinals = [p.ordinal for n in sorted(by_number) for p in by_number[n].passages]
    assert ordinals == list(range(total))
    assert ready.passages == total
    assert {batch.document_version for batch in neighbours.batches} == {1}
    assert len({batch.message_id for batch in neighbours.batches}) == len(by_number)
    if failpoint.endswith("half_embedded"):
        again = len(neighbours.embedded) - len(set(neighbours.embedded))
        assert again <= 16


async def test_a_worker_that_slept_through_its_lease_writes_nothing(
    processes: Any, environment: dict[str, str], neighbours: Neighbours
) -> None:
    """Stopped in the middle, another takes over; continued, the first one notices."""
    slow = processes.spawn(
        "rag_indexer",
        environment,
        name="slow",
        CHAT_FAILPOINTS="rag-indexer.half_embedded=sleep:1|once",
    )
    await asyncio.to_thread(slow.wait_ready)
    document_id = await neighbours.upload(TEXT.encode())
    await eventually_batches(neighbours)
    slow.pause()
    quick = processes.spawn("rag_indexer", environment, name="quick")
    await asyncio.to_thread(quick.wait_ready)
    await eventually_batches(neighbours, share=1.0)
    slow.resume()
    ready = await until_ready(neighbours, document_id)
    assert (ready.stage, ready.passages) == ("ready", neighbours.batches[0].passages_total)
    passages = {p.passage_id for batch in neighbours.batches for p in batch.passages}
    assert len(passages) == ready.passages
    assert "lease_lost" in str(await asyncio.to_thread(slow.log_tail, 200))


async def eventually_batches(around: Neighbours, share: float = 0.5) -> None:
    """Wait until this share of the document's batches was heard."""
    from testkit.polling import eventually_async

    async def some() -> bool:
        heard = {batch.batch for batch in around.batches}
        return bool(heard) and len(heard) >= share * around.batches[0].batches

    await eventually_async(some, f"{share:.0%} of the batches are said", 60)


async def test_it_stops_at_once_and_the_next_one_goes_on(
    processes: Any, environment: dict[str, str], neighbours: Neighbours
) -> None:
    process = processes.spawn(
        "rag_indexer", environment, CHAT_FAILPOINTS="rag-indexer.half_embedded=sleep:30|once"
    )
    await asyncio.to_thread(process.wait_ready)
    document_id = await neighbours.upload(TEXT.encode())
    await eventually_batches(neighbours)
    assert await asyncio.to_thread(process.terminate) == 0
    connection = await asyncpg.connect(environment["CHAT_RAG_INDEXER_DATABASE_URL"])
    await connection.execute("set chat.scope = 'platform'")
    assert await connection.fetchval("select lease_until from jobs") is None
    await connection.close()
    await asyncio.to_thread(process.restart)
    assert (await until_ready(neighbours, document_id)).stage == "ready"
