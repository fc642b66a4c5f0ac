"""Vectors are paid for once, asked for at a pace that the model bears, and never shared."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from bus import AskFailed
from rag_indexer.domain import RATE_LIMITED, vector_text_bytes
from rag_indexer.embedding import _slices
from rag_indexer.pace import FAST_SECONDS, SLOW_SECONDS, Lane, Pace

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")

PARAGRAPHS = [
    " ".join(f"Paragraph {n} says thing {m} about the bridge of town {n}." for m in range(18))
    for n in range(200)
]


def lane(most: int = 8) -> tuple[Lane, list[float]]:
    now = [0.0]
    return Lane(most, lambda: now[0]), now


def test_quick_answers_widen_and_slow_ones_narrow() -> None:
    one, _ = lane(most=8)
    assert one.limit == 2
    for _ in range(50):
        one.answered(FAST_SECONDS / 2)
    assert one.limit == 8
    for _ in range(50):
        one.answered(SLOW_SECONDS * 2)
    assert one.limit == 2


def test_a_burst_of_refusals_halves_once_and_pauses() -> None:
    one, now = lane(most=8)
    one.limit = 8.0
    for _ in range(5):
        one.rate_limited(3.0)
    assert one.limit == 4
    assert one.pause_seconds() == 3.0
    now[0] = 4.0
    one.rate_limited(1.0)
    assert (one.limit, one.pause_seconds()) == (2, 1.0)


async def test_no_more_than_the_limit_are_on_their_way_and_none_is_lost() -> None:
    pace, running, most = Pace(4), 0, 0

    async def one() -> None:
        nonlocal running, most
        async with pace.turn("a"):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    tasks = [asyncio.create_task(one()) for _ in range(40)]
    await asyncio.sleep(0)
    for cancelled in tasks[5:15]:
        cancelled.cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    assert (most, running) == (2, 0)
    async with pace.turn("a"), pace.turn("a"):
        assert pace.lane("b").limit == 2


async def test_a_place_that_was_given_to_somebody_who_left_is_not_lost() -> None:
    one, _ = lane(most=1)
    await one.enter()
    waiting = asyncio.create_task(one.enter())
    await asyncio.sleep(0)
    one.leave()
    waiting.cancel()
    await asyncio.wait([waiting])
    await asyncio.wait_for(one.enter(), 5)


def test_a_question_and_its_answer_fit_into_messages() -> None:
    texts = [(bytes([n]), "x" * 1_000) for n in range(200)]
    for dimensions in (384, 1_536, 3_072, 4_000):
        parts = _slices(texts, dimensions)
        assert [text for part in parts for text in part] == texts
        for part in parts:
            assert len(part) <= 64
            assert len(part) * vector_text_bytes(dimensions) <= 200 * 1024


async def test_a_changed_paragraph_is_all_that_is_embedded_anew(indexer: Any) -> None:
    """Each paragraph is a section of its own, so an edit moves no border of its neighbours."""
    text = "".join(f"# Town {n}\n\n{words}\n\n" for n, words in enumerate(PARAGRAPHS))
    document_id = await indexer.ready(text.encode(), "towns.md", title="Towns")
    total = (await indexer.document(document_id)).passages
    assert total >= 200
    first = len(indexer.router.texts())
    assert first == total
    changed = text.replace("thing 7 about the bridge of town 77", "nothing about it")
    await indexer.replace(document_id, changed.encode(), 1, "towns.md", title="Towns")
    await indexer.work()
    fresh = indexer.router.texts()[first:]
    assert 1 <= len(fresh) <= 2
    assert all("nothing about it" in one for one in fresh)
    await indexer.confirm(document_id)
    newest = (await indexer.versions(document_id))[0]
    assert newest.passages_reused == newest.passages - len(fresh)


async def test_nothing_is_shared_between_tenants(indexer: Any) -> None:
    await indexer.ready(b"The same words for everybody.")
    before = len(indexer.router.texts())
    indexer.tenant_id = uuid4()
    document_id = await indexer.ready(b"The same words for everybody.")
    assert len(indexer.router.texts()) == before + 1
    assert (await indexer.versions(document_id))[0].passages_reused == 0
    stranger = uuid4()
    async with indexer.database.transaction(stranger) as tx:
        assert await tx.fetchval("select count(*) from embeddings") == 0


async def test_what_vectors_cost_outlives_the_document(indexer: Any) -> None:
    indexer.router.cost_usd = 0.25
    await indexer.ready(b"Some words that cost.")
    assert (await indexer.use()).embedding_cost_usd == 0.25
    await indexer.execute("delete from documents")
    assert (await indexer.use()).embedding_cost_usd == 0.25
    indexer.router.cost_usd = None
    await indexer.ready(b"Other words whose price nobody knows.")
    assert (await indexer.use()).embedding_cost_usd is None


async def test_a_rate_limit_slows_down_and_fails_nothing(indexer: Any) -> None:
    document_id = await indexer.upload(" ".join(PARAGRAPHS[:40]).encode())
    embed, refused = indexer.router.ask, []

    async def limited(request: Any, *, timeout_seconds: float) -> Any:
        if request.model and len(refused) < 3:
            refused.append(request)
            raise AskFailed("rate_limited", "429", 0.02)
        return await embed(request, timeout_seconds=timeout_seconds)

    indexer.router.ask = limited
    await indexer.worker.work_once()
    assert len(refused) == 3
    assert (await indexer.document(document_id)).stage == "storing"
    assert len(indexer.router.texts()) == len(set(indexer.router.texts()))


async def test_a_long_rate_limit_lets_others_have_the_worker(indexer: Any) -> None:
    document_id = await indexer.upload(b"Some words.")
    indexer.router.failure = AskFailed("rate_limited", "429", 120.0)
    indexer.router.answers_left = 1
    await indexer.worker.work_once()
    waiting = await indexer.document(document_id)
    assert (waiting.stage, waiting.detail) == ("embedding", RATE_LIMITED)
    assert not await indexer.worker.work_once()
    async with indexer.database.system() as tx:
        seconds = await tx.fetchval("select extract(epoch from run_after - now()) from jobs")
    assert 100 < seconds <= 120


async def test_a_model_that_refuses_is_said_at_once(indexer: Any) -> None:
    document_id = await indexer.upload(b"Some words.")
    indexer.router.failure, indexer.router.answers_left = AskFailed("unknown_model", "no"), 1
    await indexer.work()
    failed = await indexer.document(document_id)
    assert failed.code == "embedding_refused"
    assert "builtin/minilm" in failed.detail
    assert "settings" in failed.detail


async def test_other_vectors_than_were_planned_begin_a_new_version(indexer: Any) -> None:
    await indexer.upload(b"Some words.")
    assert await indexer.embedding.model_of(indexer.tenant_id, None)
    indexer.router.dimensions = 512
    await indexer.work()
    (said,) = indexer.batches()
    assert (said.document_version, said.dimensions) == (2, 512)


async def test_which_model_there_is_is_asked_once(indexer: Any) -> None:
    for n in range(3):
        await indexer.ready(f"Words number {n}.".encode())
    assert len([one for one in indexer.router.asked if one.model is None]) == 1
