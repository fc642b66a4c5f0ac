"""Pairs become documents: what is there is read, bytes are stored, then all is kept at once."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from gateway.api.parts import Parts
from gateway.door import Principal
from gateway.problems import Problem, not_found
from gateway.qa_pairs import QaPair, question_key
from gateway.uploads import QA_TYPE, Change, Content, Wanted
from postgres import Transaction

_TRIES: Final = 3
_STORED_TOGETHER: Final = 64
_TITLE_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDraft:
    """A pair that somebody wants: a new one, or changes of the one with this id (None: as is)."""

    document_id: UUID
    question: str | None = None
    answer: str | None = None
    alternatives: tuple[str, ...] | None = None
    language: str | None = None
    changes: dict[str, Any]
    is_change: bool = False


@dataclass(frozen=True, slots=True)
class KeptPair:
    """A pair and what became of its document."""

    pair: QaPair
    change: Change


@dataclass(frozen=True, slots=True)
class _There:
    by_key: dict[str, QaPair]
    by_id: dict[UUID, QaPair | None]


async def keep_pairs(
    parts: Parts, who: Principal, tenant_id: UUID, drafts: Sequence[PairDraft], *, replaces: bool
) -> list[KeptPair]:
    """Keep them all, or none; with `replaces` a question that is known gets the new answer.

    Problems: 404 for a change of what is not there, 409 for a question that another pair answers.
    """
    for _ in range(_TRIES):
        async with parts.database.transaction(tenant_id) as tx:
            there = await _there(parts, tx, tenant_id, drafts)
        pairs = [_merged(draft, there, replaces=replaces) for draft in drafts]
        await _store(parts, pairs)
        async with parts.outbox.transaction(tenant_id) as tx:
            await parts.uploads.lock(tx, tenant_id)
            # Somebody may have written since: then what is stored is not what was wanted.
            if await _there(parts, tx, tenant_id, drafts) == there:
                return await _kept(parts, tx, who, tenant_id, drafts, pairs)
    raise Problem(409, "conflict", "The pairs were changed meanwhile. Try again.")


async def _there(
    parts: Parts, tx: Transaction, tenant_id: UUID, drafts: Sequence[PairDraft]
) -> _There:
    keys = [question_key(draft.question) for draft in drafts if draft.question is not None]
    changed = [draft.document_id for draft in drafts if draft.is_change]
    by_id = {each: await parts.pairs.find(tx, tenant_id, each) for each in changed}
    return _There(await parts.pairs.by_key(tx, tenant_id, keys), by_id)


def _merged(draft: PairDraft, there: _There, *, replaces: bool) -> QaPair:
    before = there.by_id.get(draft.document_id)
    if draft.is_change and before is None:
        raise not_found()
    same = None if draft.question is None else there.by_key.get(question_key(draft.question))
    if draft.is_change and same is not None and same.document_id != draft.document_id:
        raise _taken(same)
    before = before or same
    pair = QaPair(
        document_id=before.document_id if before else draft.document_id,
        question=draft.question or (before.question if before else ""),
        answer=draft.answer or (before.answer if before else ""),
        alternatives=(
            draft.alternatives
            if draft.alternatives is not None
            else (before.alternatives if before else ())
        ),
        created_at=before.created_at if before else datetime.now(UTC),
    )
    if not draft.is_change and not replaces and same is not None and same.data() != pair.data():
        raise _taken(same)
    return pair


async def _store(parts: Parts, pairs: Sequence[QaPair]) -> None:
    for start in range(0, len(pairs), _STORED_TOGETHER):
        together = pairs[start : start + _STORED_TOGETHER]
        await asyncio.gather(*(parts.blobs.put(pair.data()) for pair in together))


async def _kept(
    parts: Parts,
    tx: Transaction,
    who: Principal,
    tenant_id: UUID,
    drafts: Sequence[PairDraft],
    pairs: Sequence[QaPair],
) -> list[KeptPair]:
    wanted = [_wanted(pair, draft) for pair, draft in zip(pairs, drafts, strict=True)]
    changes = await parts.keeper.keep(tx, tenant_id, wanted)
    if any(change.outcome == "removed" for change in changes):
        raise not_found()  # made under an idempotency key, and deleted since
    await parts.pairs.save(tx, tenant_id, pairs)
    outcomes = Counter(str(change.outcome) for change in changes)
    if outcomes.keys() - {"unchanged"}:
        subject = pairs[0].document_id if len(pairs) == 1 else tenant_id
        await parts.audit.note(tx, tenant_id, who, "qa_pairs.kept", subject, **outcomes)
    return [KeptPair(pair, change) for pair, change in zip(pairs, changes, strict=True)]


def _wanted(pair: QaPair, draft: PairDraft) -> Wanted:
    data = pair.data()
    return Wanted(
        document_id=pair.document_id,
        kind="qa",
        changes=draft.changes,
        content=Content(
            sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=len(data),
            file_name="question.json",
            media_type=QA_TYPE,
            declared_type=QA_TYPE,
            title=" ".join(pair.question.split())[:_TITLE_CHARACTERS],
            language=draft.language,
        ),
    )


def _taken(pair: QaPair) -> Problem:
    detail = f"Pair {pair.document_id} answers this question; change that one."
    return Problem(409, "question_taken", detail)
