"""What keeps the index small and quick behind the searches' backs; for the platform."""

import asyncio
from typing import Any
from uuid import UUID

from postgres import Queries, Transaction
from retriever.merging import Stored, merge_stored
from retriever.segment import Passage, pack_passages, unpack_roll
from retriever.store import Store

_SIZES = (512, 4_096, 32_768)
"""Bounds of passages between which segments count as of like size; larger ones stay."""

_ENOUGH = 4
_MERGED_PASSAGES_MAX = 65_536
_MERGED_SEGMENTS_MAX = 64
_WASTED_SHARE = 0.2
_WASTED_DAYS = 1.0
_ROWS_PASSAGES = 1_000
_REPLACED_SECONDS = 60.0
_SEGMENTS_IN_A_PIECE = 100


class Upkeep:
    """Each method is one piece of work in the caller's transaction; False: there was none."""

    def __init__(self, store: Store) -> None:
        self._sql: Any = Queries("retriever")
        self._store = store

    async def clean_piece(self, tx: Transaction, rows_max: int) -> bool:
        """Delete at most so many rows of each kind of a version that is gone."""
        version_id = await tx.fetchval(self._sql["claim_gone"])
        if version_id is None:
            return False
        left = False
        for name in ("clean_postings", "clean_vectors", "clean_passages"):
            tag = await tx.execute(self._sql[name], version_id, rows_max)
            left = left or int(tag.rpartition(" ")[2]) >= rows_max
        if not left:
            await tx.execute(self._sql["note_emptied"], version_id)
        return True

    async def end_what_is_over(self, tx: Transaction, kept_days: float) -> bool:
        """Versions kept long enough go, and what nothing refers to any more is forgotten."""
        tag = await tx.execute(self._sql["end_keeping"], kept_days)
        await tx.execute(self._sql["clean_versions"])
        await tx.execute(self._sql["clean_segments"], _REPLACED_SECONDS, _SEGMENTS_IN_A_PIECE)
        return int(tag.rpartition(" ")[2]) > 0

    async def merge_piece(self, tx: Transaction) -> bool:
        """Make one segment of several of like size, or write one anew without what is gone."""
        row = await tx.fetchrow(self._sql["find_crowded"], list(_SIZES), _ENOUGH)
        if row is not None:
            sizes = dict(zip(row["segments"], row["passages"], strict=True))
            return await self._merge(tx, row["tenant_id"], row["configuration"], _few(sizes), 2)
        row = await tx.fetchrow(self._sql["find_wasted"], _WASTED_SHARE, _WASTED_DAYS)
        if row is None:
            return False
        return await self._merge(tx, row["tenant_id"], row["configuration"], row["segments"], 1)

    async def _merge(
        self,
        tx: Transaction,
        tenant_id: UUID,
        configuration: str,
        segment_ids: list[int],
        least: int,
    ) -> bool:
        rolls = {
            row["segment_id"]: row["roll"]
            for row in await tx.fetch(self._sql["claim_segments"], tenant_id, segment_ids)
        }
        if len(rolls) < least:
            return False
        pages: dict[int, list[bytes]] = {segment_id: [] for segment_id in rolls}
        for row in await tx.fetch(self._sql["read_whole_segments"], tenant_id, list(rolls)):
            pages[row["segment_id"]].append(row["data"])
        stored = [Stored(rolls[number], pages[number]) for number in sorted(rolls)]
        runs = [unpack_roll(part.roll).run_versions.tolist() for part in stored]
        versions = sorted({version for run in runs for version in run})
        rows = await tx.fetch(self._sql["find_gone"], tenant_id, versions)
        gone = frozenset(row["version_id"] for row in rows)
        packed = await asyncio.to_thread(merge_stored, stored, gone)
        if packed.passages:
            kept = [version for version in versions if version not in gone]
            await self._store.add_segment(tx, tenant_id, configuration, packed, kept)
        await tx.execute(self._sql["replace_segments"], tenant_id, list(rolls))
        await tx.execute(self._sql["raise_layout"], tenant_id)
        return True

    async def pack_rows(self, tx: Transaction) -> bool:
        """Pack some words that the version before this one stored as rows."""
        row = await tx.fetchrow(self._sql["find_rows_version"])
        if row is None:
            return False
        tenant_id, version_id = row["tenant_id"], row["version_id"]
        await tx.execute(self._sql["raise_layout"], tenant_id)
        first = await tx.fetchval(self._sql["first_row"], tenant_id, version_id)
        if first is None:
            await tx.execute(self._sql["note_packed"], tenant_id, version_id)
            return True
        rows = await tx.fetch(
            self._sql["take_rows"], tenant_id, version_id, first - 1, _ROWS_PASSAGES
        )
        terms: dict[int, dict[str, int]] = {}
        for taken in rows:
            terms.setdefault(taken["passage_key"], {})[taken["term"]] = taken["frequency"]
        passages = [Passage(key, version_id, terms[key]) for key in sorted(terms)]
        packed = await asyncio.to_thread(pack_passages, passages)
        await self._store.add_segment(tx, tenant_id, row["configuration"], packed, [version_id])
        return True


def _few(sizes: dict[int, int]) -> list[int]:
    """The smallest ones, as many as one segment may hold."""
    chosen: list[int] = []
    passages = 0
    for segment_id in sorted(sizes, key=lambda one: (sizes[one], one)):
        passages += sizes[segment_id]
        if len(chosen) >= _MERGED_SEGMENTS_MAX or passages > _MERGED_PASSAGES_MAX:
            break
        chosen.append(segment_id)
    return chosen
