"""Answers to those who look after what customers ask and nothing answers."""

import base64
import binascii
from typing import Any
from uuid import UUID

from bus import Bus, Refused
from contracts.v1.curated import (
    ListUnanswered,
    UnansweredCluster,
    UnansweredExample,
    UnansweredListed,
    UnansweredSaved,
    UpdateUnanswered,
)
from orchestrator.reading import within_bytes_of
from outbox import Outbox
from postgres import Queries, Transaction

PAGE_MAX = 50


class UnansweredRequests:
    """Handlers of the requests about gathered questions."""

    def __init__(self, outbox: Outbox, queries: Queries) -> None:
        self._outbox = outbox
        self._queries = queries

    def listen(self, bus: Bus) -> None:
        """Register what is answered here."""
        bus.answer(ListUnanswered, self.listed)
        bus.answer(UpdateUnanswered, self.update)

    async def listed(self, request: ListUnanswered) -> UnansweredListed:
        """A page of clusters, the most asked first, each with its newest questions."""
        after: tuple[int | None, UUID | None] = (None, None)
        if request.cursor is not None:
            after = read_place(request.cursor)
        limit = min(request.limit, PAGE_MAX)
        async with self._outbox.transaction(request.tenant_id) as tx:
            rows = await tx.fetch(
                self._queries["list_unanswered"],
                request.tenant_id,
                request.state,
                *after,
                limit + 1,
            )
            found = await self._shown(tx, request.tenant_id, rows[:limit])
        page = within_bytes_of(found)
        following = None
        if len(page) < len(rows):
            following = write_place(page[-1].asked, page[-1].cluster_id)
        return UnansweredListed(clusters=page, next_cursor=following)

    async def update(self, request: UpdateUnanswered) -> UnansweredSaved:
        """Say what a cluster is from now on."""
        ids = (request.tenant_id, request.cluster_id)
        async with self._outbox.transaction(request.tenant_id) as tx:
            known = await tx.fetchval(self._queries["update_unanswered"], *ids, request.state, None)
            row = await tx.fetchrow(self._queries["find_unanswered"], *ids)
            if known is None or row is None:
                raise Refused("not_found", "There is no such cluster of questions.")
            (cluster,) = await self._shown(tx, request.tenant_id, [row])
        return UnansweredSaved(cluster=cluster)

    async def _shown(
        self, tx: Transaction, tenant_id: UUID, rows: list[Any]
    ) -> list[UnansweredCluster]:
        ids = [row["cluster_id"] for row in rows]
        examples: dict[UUID, list[UnansweredExample]] = {}
        for row in await tx.fetch(self._queries["unanswered_examples"], tenant_id, ids):
            examples.setdefault(row["cluster_id"], []).append(_example(row))
        return [
            UnansweredCluster(
                cluster_id=row["cluster_id"],
                question=row["question"],
                asked=max(1, row["asked"]),
                first_asked_at=row["first_asked_at"],
                last_asked_at=row["last_asked_at"],
                state=row["state"],
                examples=examples.get(row["cluster_id"], []),
            )
            for row in rows
        ]


def write_place(asked: int, cluster_id: UUID) -> str:
    """Return a place in the list as text that means nothing to its bearer."""
    return base64.urlsafe_b64encode(f"{asked}|{cluster_id}".encode()).decode()


def read_place(cursor: str) -> tuple[int, UUID]:
    """Read a place; refuses what we did not write."""
    try:
        asked, _, identity = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        return int(asked), UUID(identity)
    except (ValueError, binascii.Error) as error:
        raise Refused("invalid_cursor", "The cursor is not one of ours.") from error


def _example(row: Any) -> UnansweredExample:
    return UnansweredExample(
        conversation_id=row["conversation_id"],
        turn_id=row["turn_id"],
        question=row["question"],
        reason=row["reason"],
        asked_at=row["asked_at"],
    )
