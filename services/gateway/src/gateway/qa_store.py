"""Rows of questions and answers; what else is said of them is with their documents."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from gateway.qa_pairs import QaPair
from postgres import Queries, Transaction


class QaStore:
    """Pairs of questions and answers."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def save(self, tx: Transaction, tenant_id: UUID, pairs: Sequence[QaPair]) -> None:
        """Keep new and changed ones; their documents are kept already."""
        if not pairs:
            return
        await tx.execute(
            self._queries["save_qa_pairs"],
            [tenant_id] * len(pairs),
            [pair.document_id for pair in pairs],
            [pair.question for pair in pairs],
            [pair.key for pair in pairs],
            [orjson.dumps(pair.alternatives).decode() for pair in pairs],
            [pair.answer for pair in pairs],
            [pair.created_at for pair in pairs],
        )

    async def find(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> QaPair | None:
        """One of them."""
        row = await tx.fetchrow(self._queries["find_qa_pair"], tenant_id, document_id)
        return _pair(row) if row else None

    async def by_key(
        self, tx: Transaction, tenant_id: UUID, keys: Iterable[str]
    ) -> dict[str, QaPair]:
        """Those that have these questions."""
        rows = await tx.fetch(self._queries["qa_pairs_by_key"], tenant_id, list(keys))
        return {row["question_key"]: _pair(row) for row in rows}

    async def page(
        self,
        tx: Transaction,
        tenant_id: UUID,
        before: tuple[datetime, str] | None,
        limit: int,
        tag: str | None,
        words: str | None,
    ) -> list[QaPair]:
        """The tenant's newest pairs before a position."""
        at, last = before or (None, None)
        rows = await tx.fetch(
            self._queries["list_qa_pairs"],
            tenant_id,
            at,
            UUID(last) if last else None,
            limit,
            tag,
            words,
        )
        return [_pair(row) for row in rows]


def _pair(row: Any) -> QaPair:
    return QaPair(
        document_id=row["document_id"],
        question=row["question"],
        alternatives=tuple(row["alternatives"]),
        answer=row["answer"],
        created_at=row["created_at"],
    )
