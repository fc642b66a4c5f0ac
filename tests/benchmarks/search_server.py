"""A PostgreSQL of its own for the benchmark of search, filled faster than documents come."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import numpy as np
from search_data import DIMENSIONS, MODEL, NAMESPACE, Passage

from embedded import postgres_server
from embedded.postgres_server import PostgresServer
from postgres import Database
from retriever.segment import Passage as PackedPassage
from retriever.segment import pack_passages
from retriever.store import Store
from retriever.upkeep import Upkeep

SERVER_SETTINGS = {
    "shared_buffers": "2GB",
    "maintenance_work_mem": "2GB",
    "max_wal_size": "8GB",
    "max_parallel_maintenance_workers": "2",
    "max_parallel_workers_per_gather": "0",
}
NEAR_INDEX = (
    "create index vectors_near_384 on vectors"
    " using hnsw ((embedding::halfvec(384)) halfvec_cosine_ops) where dimensions = 384"
)
SEGMENT_PASSAGES = 1_000


def start_server(folder: Path) -> PostgresServer:
    """Without fsync, for what is measured only reads; with memory as a database server has."""
    folder.chmod(0o755)
    postgres_server.SETTINGS.update(SERVER_SETTINGS)
    server = PostgresServer(folder, durable=False)
    server.start()
    return server


async def connect_admin(url: str) -> Any:
    """As the superuser, whose rows no policy hides, and who may COPY."""
    admin = await asyncpg.connect(url)
    await admin.set_type_codec(
        "halfvec", schema="public", encoder=_encoded, decoder=bytes, format="binary"
    )
    return admin


def _encoded(vector: np.ndarray) -> bytes:
    return struct.pack(">HH", len(vector), 0) + vector.astype(">f2").tobytes()


async def load(admin: Any, documents: Sequence[list[Passage]]) -> float:
    """Documents, versions, passages and vectors by binary COPY; seconds to build the HNSW index."""
    await admin.execute("drop index vectors_near_384")
    owners = [document[0].tenant_id for document in documents]
    ids = [uuid5(NAMESPACE, f"document {number}") for number in range(len(documents))]
    await admin.copy_records_to_table(
        "documents", columns=["document_id", "tenant_id"], records=zip(ids, owners, strict=True)
    )
    await admin.copy_records_to_table(
        "document_versions",
        columns=[
            "version_id", "tenant_id", "document_id", "document_version", "state", "title",
            "language", "configuration", "embedding_model", "dimensions", "batches",
            "passages_total", "passages", "rows_left",
        ],
        records=[
            (
                number, owners[number - 1], ids[number - 1], 1, "live", "Abstracts", "en",
                "english", MODEL, DIMENSIONS, 1, len(document), len(document), False,
            )
            for number, document in enumerate(documents, start=1)
        ],
    )  # fmt: skip
    passages, vectors, key = [], [], 0
    for number, document in enumerate(documents, start=1):
        for ordinal, passage in enumerate(document):
            key += 1
            passages.append(
                (
                    key, uuid5(NAMESPACE, str(key)), passage.tenant_id, number, ordinal,
                    passage.text, 0, len(passage.text), 150, "0" * 64,
                )
            )  # fmt: skip
            vectors.append((key, passage.tenant_id, number, DIMENSIONS, passage.vector))
    await admin.copy_records_to_table(
        "passages",
        columns=[
            "passage_key", "passage_id", "tenant_id", "version_id", "ordinal", "text",
            "start_offset", "end_offset", "token_count", "sha256",
        ],
        records=passages,
    )  # fmt: skip
    await admin.copy_records_to_table(
        "vectors",
        columns=["passage_key", "tenant_id", "version_id", "dimensions", "embedding"],
        records=vectors,
    )
    started = time.perf_counter()
    await admin.execute(NEAR_INDEX, timeout=3_600)
    seconds = time.perf_counter() - started
    for table in ("passages", "vectors", "document_versions", "documents"):
        await admin.execute(f"vacuum analyze {table}", timeout=3_600)
    return seconds


async def pack_words(admin: Any, database: Database, tenants: Sequence[UUID]) -> float:
    """Stem, pack and merge the words of all passages as the service does; in seconds."""
    started = time.perf_counter()
    store = Store()
    for tenant_id in tenants:
        rows = await admin.fetch(
            """
            select passage_key, version_id, array_agg(lexeme) as terms,
                   array_agg(cardinality(positions)) as frequencies
            from passages
            cross join lateral unnest(to_tsvector('english', 'Abstracts' || E'\\n' || text))
            where tenant_id = $1::uuid
            group by passage_key, version_id
            order by passage_key
            """,
            tenant_id,
            timeout=3_600,
        )
        lengths: dict[int, int] = {}
        for first in range(0, len(rows), SEGMENT_PASSAGES):
            packed = [
                PackedPassage(
                    row["passage_key"],
                    row["version_id"],
                    dict(zip(row["terms"], row["frequencies"], strict=True)),
                )
                for row in rows[first : first + SEGMENT_PASSAGES]
            ]
            for version, group in groupby(packed, key=lambda one: one.version_id):
                terms = sum(sum(one.terms.values()) for one in group)
                lengths[version] = lengths.get(version, 0) + terms
            async with database.transaction(tenant_id) as tx:
                versions = sorted({one.version_id for one in packed})
                await store.add_segment(tx, tenant_id, "english", pack_passages(packed), versions)
        await admin.executemany(
            "update document_versions set terms = $2::bigint where version_id = $1::bigint",
            list(lengths.items()),
        )
        await admin.execute("insert into collections (tenant_id) values ($1::uuid)", tenant_id)
    upkeep, more = Upkeep(store), True
    while more:
        async with database.system() as tx:
            more = await upkeep.merge_piece(tx)
    for table in ("segments", "segment_pages", "document_versions", "collections"):
        await admin.execute(f"vacuum analyze {table}")
    return time.perf_counter() - started
