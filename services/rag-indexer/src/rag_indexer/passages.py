"""What is said to the index of a version: batch i of n."""

import base64
from collections.abc import Sequence

from contracts.v1.documents import EmbeddedPassage, PassagesEmbedded
from rag_indexer.chunking import Chunk
from rag_indexer.domain import batch_message_id, embedded_text, heading_path, passage_id
from rag_indexer.job_store import Job, Reading


def texts_of(reading: Reading, chunks: Sequence[Chunk]) -> list[str]:
    """What the model reads of these passages."""
    return [embedded_text(reading.title, one.headings, one.text) for one in chunks]


def passages_message(
    job: Job, reading: Reading, batch: int, chunks: Sequence[Chunk], vectors: Sequence[bytes]
) -> PassagesEmbedded:
    """Batch i of n; said again after a crash it is the same message."""
    return PassagesEmbedded.make(
        tenant_id=job.tenant_id,
        correlation_id=job.document_id,
        message_id=batch_message_id(job.document_id, job.version, batch, job.repeats),
        document_id=job.document_id,
        document_version=job.version,
        title=reading.title,
        language=reading.language,
        embedding_model=reading.embedding_model,
        dimensions=reading.dimensions,
        batch=batch,
        batches=reading.batches,
        passages_total=reading.passages_total,
        passages=[
            EmbeddedPassage(
                passage_id=passage_id(job.document_id, job.version, one.ordinal),
                ordinal=one.ordinal,
                text=one.text,
                page=one.page,
                heading=heading_path(one.headings),
                start_offset=one.start,
                end_offset=one.end,
                token_count=one.token_count,
                sha256=one.sha256,
                vector=base64.b64encode(vector).decode("ascii"),
                parent_start=one.parent_start,
                parent_end=one.parent_end,
            )
            for one, vector in zip(chunks, vectors, strict=True)
        ],
    )
