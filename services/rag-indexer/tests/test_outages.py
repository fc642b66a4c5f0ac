"""The embedding model is away for long, comes back as another one, or forgets what it was."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from bus import AskFailed
from contracts.message import MESSAGE_BYTES_MAX
from rag_indexer.embedding import _slices

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")


async def test_a_file_is_not_read_again_and_again_while_nobody_embeds(indexer: Any) -> None:
    document_id = await indexer.upload(b"Some words of a file.")
    reads, read = [], indexer.reader.read

    async def counted(*args: Any) -> Any:
        reads.append(args)
        return await read(*args)

    indexer.reader.read = counted
    indexer.router.failure = AskFailed("no_responder", "nobody takes embed-texts")
    indexer.router.answers_left = 0
    for _ in range(4):
        await indexer.worker.work_once()
        await indexer.due_now()
    assert len(reads) == 1
    assert "Waiting" in (await indexer.document(document_id)).detail
    said = [one for one in indexer.outbox.said if getattr(one, "stage", None) == "reading"]
    assert len(said) == 1
    indexer.router.answers_left = None
    await indexer.work()
    await indexer.confirm(document_id)
    assert (await indexer.document(document_id)).stage == "ready"


async def test_a_file_that_cannot_be_read_is_said_though_nobody_embeds(indexer: Any) -> None:
    document_id = await indexer.upload(b"%PDF-1.7 and nothing else", "a.pdf")
    indexer.router.failure, indexer.router.answers_left = AskFailed("no_responder", "away"), 0
    await indexer.work()
    assert (await indexer.document(document_id)).stage == "failed"


async def test_kept_vectors_of_another_length_are_made_anew(indexer: Any) -> None:
    """A model may be set to another length and keep its name."""
    await indexer.ready(b"The same words.")
    indexer.router.dimensions = 512
    indexer.embedding.forget_models()
    for _ in range(2):
        document_id = await indexer.upload(b"The same words.")
        await indexer.work()
        await indexer.confirm(document_id)
        said = indexer.batches()[-1]
        assert (said.document_id, said.dimensions) == (document_id, 512)
        assert len(said.passages[0].vector) == (512 * 4 + 2) // 3 * 4
    assert len(indexer.router.texts()) == 2


async def test_a_worker_that_is_killed_over_a_large_file_leaves_none_behind(
    indexer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    content = b"Words of a large file. " * 1_000
    sha256 = await indexer.blobs.put(content)
    async with indexer.reader._file(sha256) as path:
        assert path.read_bytes() == content
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("told", "least", "most"), [(0.0, 0.001, 1.0), (9e9, 3_000.0, 3_600.0)])
async def test_what_a_provider_says_of_when_to_come_back_has_bounds(
    indexer: Any, told: float, least: float, most: float
) -> None:
    """Neither asked without a pause, nor let be for years."""
    await indexer.upload(b"Some words.")
    indexer.router.failure, indexer.router.answers_left = AskFailed("overloaded", "", told), 1
    await indexer.worker.work_once()
    async with indexer.database.system() as tx:
        seconds = await tx.fetchval(
            "select extract(epoch from run_after)::float8 - extract(epoch from d.updated_at)"
            "::float8 from jobs join documents d using (document_id)"
        )
    assert least < seconds <= most


def test_a_question_full_of_escapes_fits_into_a_message() -> None:
    texts = [(bytes([n]), '"\n' * 4_000) for n in range(60)]
    for part in _slices(texts, 384):
        assert len(json.dumps([text for _, text in part])) < MESSAGE_BYTES_MAX
