"""Rows of turns: leases with their fencing epoch, the guarded commit, what waits for a worker."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import TypeAdapter

from contracts.v1.shapes import Citation, MessageContent, Role
from orchestrator.domain import (
    Leased,
    StoredMessage,
    reply_identity,
    send_identity,
    turn_identity,
)
from orchestrator.storable import storable_json
from orchestrator.store import Placed
from orchestrator.superseding import Seen
from postgres import Queries, Transaction

MESSAGES_READ_MAX: Final = 400

_CITATIONS: TypeAdapter[list[Citation]] = TypeAdapter(list[Citation])


@dataclass(frozen=True, slots=True)
class Committed:
    """A reply that is said, and whether more came meanwhile."""

    placed: Placed
    more_waiting: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """What a turn leaves behind."""

    outcome: Literal["retrying", "answered", "handed_off", "failed_politely", "suppressed"]
    evidence: Mapping[str, Any]


class TurnStore:
    """Statements about leases and turns."""

    def __init__(self, queries: Queries, lease_seconds: float) -> None:
        self._queries = queries
        self._of_turns = Queries("orchestrator", "queries_turns.sql")
        self._lease_seconds = lease_seconds

    async def hold(self, tx: Transaction, tenant_id: UUID, conversation_id: UUID) -> None:
        """Lock the conversation's row."""
        await tx.execute(self._queries["hold_conversation"], tenant_id, conversation_id)

    async def take_lease(
        self, tx: Transaction, tenant_id: UUID, conversation_id: UUID, history_messages: int
    ) -> Leased | None:
        """Become the worker of a conversation whose row is locked; None if it is not to be had.

        Nothing is due, or somebody else holds a live lease.
        """
        row = await tx.fetchrow(
            self._queries["take_lease"],
            tenant_id,
            conversation_id,
            self._lease_seconds,
            history_messages,
            MESSAGES_READ_MAX,
        )
        if row is None:
            return None
        # `turn_due_at` is only set while something is unanswered, so there is a first one.
        first_seq = row["first_seq"] or row["last_customer_seq"]
        begun_at = row["begun_at"] or row["leased_at"]
        return Leased(
            tenant_id=tenant_id,
            conversation_id=conversation_id,
            channel_id=row["channel_id"],
            channel_type=row["channel_type"],
            contact_external_id=row["contact_external_id"],
            ownership_number=row["ownership_number"],
            lease_epoch=row["lease_epoch"],
            attempt=row["turn_attempts"],
            first_seq=first_seq,
            last_seq=row["last_customer_seq"],
            tenant_revision=row["revision"],
            own_revision=row["own_revision"],
            superseded=row["superseded"],
            begun_before_seconds=(row["leased_at"] - begun_at).total_seconds(),
            leased_at=row["leased_at"],
            leased_monotonic=monotonic(),
            turn_id=turn_identity(conversation_id, first_seq),
            messages=[stored_message(*fields) for fields in json.loads(row["messages"] or "[]")],
            newest_provider_message_id=row["newest_provider_message_id"],
        )

    async def commit_reply(
        self,
        tx: Transaction,
        leased: Leased,
        text: str,
        citations: Sequence[Citation],
        kept: Kept,
        *,
        if_newest: bool = False,
    ) -> Committed | None:
        """Say the turn's one reply; None, and nothing written, if it is not mine to say.

        With `if_newest` nothing is said either where the customer has written more by now.
        """
        row = await tx.fetchrow(
            self._queries["commit_reply"],
            leased.tenant_id,
            leased.conversation_id,
            leased.lease_epoch,
            leased.ownership_number,
            leased.turn_id,
            reply_identity(leased.turn_id),
            leased.first_seq,
            leased.last_seq,
            text,
            storable_json(_CITATIONS.dump_json(list(citations)).decode()) if citations else None,
            send_identity(leased.turn_id),
            leased.attempt,
            kept.outcome,
            _as_json(kept.evidence),
            leased.leased_at,
            if_newest,
        )
        if row is None:
            return None
        placed = Placed(row["last_seq"], row["last_message_at"], row["previous_send_seq"])
        return Committed(placed, row["more_waiting"])

    async def release(
        self,
        tx: Transaction,
        leased: Leased,
        *,
        uncount: bool = False,
        delay_seconds: float = 0.0,
    ) -> bool | None:
        """Give the lease back; answers whether something waits, None if it was not mine."""
        waiting: bool | None = await tx.fetchval(
            self._queries["release_lease"],
            leased.tenant_id,
            leased.conversation_id,
            leased.lease_epoch,
            int(uncount),
            delay_seconds,
        )
        return waiting

    async def throw_away(
        self, tx: Transaction, leased: Leased, record: Mapping[str, Any]
    ) -> float | None:
        """Give the lease back because the customer wrote more; the run is kept as thrown away.

        Answers in how many seconds the turn may begin anew; None, and nothing written, if it is
        not mine to begin.
        """
        seconds: float | None = await tx.fetchval(
            self._of_turns["throw_run_away"],
            leased.turn_id,
            leased.tenant_id,
            leased.conversation_id,
            leased.first_seq,
            leased.last_seq,
            leased.lease_epoch,
            leased.ownership_number,
            leased.attempt,
            _as_json(record),
            leased.leased_at,
        )
        return seconds

    async def due_in(self, tx: Transaction, tenant_id: UUID, conversation_id: UUID) -> float | None:
        """In how many seconds a turn that nobody works on may begin; None if none waits so."""
        seconds: float | None = await tx.fetchval(
            self._of_turns["seconds_until_due"], tenant_id, conversation_id
        )
        return seconds

    async def look(self, tx: Transaction, conversations: Sequence[UUID]) -> dict[UUID, Seen]:
        """Return what may cut the runs of these conversations."""
        rows = await tx.fetch(self._of_turns["look_at_runs"], list(conversations))
        return {row["conversation_id"]: Seen(*list(row)[1:]) for row in rows}

    async def keep_turn(self, tx: Transaction, leased: Leased, kept: Kept) -> bool:
        """Keep a turn that said nothing; False if it has its end already."""
        return await self._keep(
            tx,
            leased.turn_id,
            leased.tenant_id,
            leased.conversation_id,
            leased.first_seq,
            leased.last_seq,
            leased.lease_epoch,
            leased.attempt,
            kept.outcome,
            None,
            _as_json(kept.evidence),
            leased.leased_at,
        )

    async def keep_handoff(
        self,
        tx: Transaction,
        turn_id: UUID,
        place: tuple[UUID, UUID, int, int],
        said: tuple[UUID, Placed] | None,
        keyword: str,
        placed: Placed,
    ) -> bool:
        """Keep the turn that a keyword ended; place is (tenant, conversation, first, last)."""
        return await self._keep(
            tx,
            turn_id,
            *place,
            0,
            1,
            "handed_off",
            None if said is None else said[0],
            _as_json({"decision": "handoff_keyword", "keyword": keyword}),
            placed.created_at,
        )

    async def renew(self, tx: Transaction, held: Mapping[UUID, int]) -> set[UUID]:
        """Renew leases, conversation -> epoch; answers those that are still mine."""
        rows = await tx.fetch(
            self._queries["renew_leases"],
            list(held.keys()),
            list(held.values()),
            self._lease_seconds,
        )
        return {row["conversation_id"] for row in rows}

    async def due(self, tx: Transaction, limit: int) -> list[tuple[UUID, UUID]]:
        """Return (tenant, conversation) of what is due and nobody works on."""
        rows = await tx.fetch(self._queries["due_conversations"], limit)
        return [(row["tenant_id"], row["conversation_id"]) for row in rows]

    async def _keep(self, tx: Transaction, *columns: object) -> bool:
        return await tx.fetchval(self._queries["keep_turn"], *columns) is not None


def stored_message(
    seq: int,
    role: Role,
    text: str,
    content: dict[str, Any] | None,
    media: dict[str, Any] | None = None,
) -> StoredMessage:
    """Read a message as the statements give it, its file as it is now."""
    if content is None:
        return StoredMessage(seq, role, text, None)
    if media is not None:
        content = {**content, "media": media}
    return StoredMessage(seq, role, text, MessageContent.model_validate(content, extra="ignore"))


def _as_json(evidence: Mapping[str, Any]) -> str:
    return storable_json(json.dumps(evidence, ensure_ascii=False, default=str))
