"""Rows of what happens to conversations by itself: sleep, absence, silence, alarms, ratings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from orchestrator.ratings import Rating
from orchestrator.storable import storable_text
from orchestrator.store import Placed
from postgres import Queries, Transaction

Key = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class EndedFacts:
    """What decides whether a customer is asked how content they are."""

    customer_wrote_at: datetime
    now: datetime
    was_answered: bool


@dataclass(frozen=True, slots=True)
class FallenDue:
    """Why a conversation goes on by itself."""

    wakes: bool
    people_are_back: bool


class LifeStore:
    """Statements of the sweeps, which see every tenant, and of what is said beside the turns."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def fallen_due(self, tx: Transaction, limit: int) -> list[Key]:
        """Return conversations that sleep no longer, or whose people are back."""
        rows = await tx.fetch(self._queries["fallen_due"], limit)
        return [(row["tenant_id"], row["conversation_id"]) for row in rows]

    async def hold_fallen_due(self, tx: Transaction, key: Key) -> FallenDue | None:
        """Lock one of them; None if it went on already or somebody else has it."""
        row = await tx.fetchrow(self._queries["hold_fallen_due"], *key)
        return None if row is None else FallenDue(bool(row["wakes"]), bool(row["back"]))

    async def come_back(self, tx: Transaction, key: Key) -> bool:
        """End an absence; answers whether the bot has something to go on with."""
        return bool(await tx.fetchval(self._queries["come_back"], *key))

    async def inactive(self, tx: Transaction, limit: int) -> list[Key]:
        """Return conversations that were silent for as long as their tenants wait."""
        rows = await tx.fetch(self._queries["inactive_conversations"], limit)
        return [(row["tenant_id"], row["conversation_id"]) for row in rows]

    async def hold_inactive(self, tx: Transaction, key: Key) -> bool:
        """Lock one of them; False if something was said meanwhile or somebody else has it."""
        return await tx.fetchval(self._queries["hold_inactive"], *key) is not None

    async def claim_alarms(
        self, tx: Transaction, limit: int, minutes_otherwise: int
    ) -> Sequence[Any]:
        """Return customers who wait too long, each once."""
        return await tx.fetch(self._queries["claim_alarms"], limit, minutes_otherwise)

    async def claim_undelivered(
        self, tx: Transaction, limit: int, minutes_otherwise: int
    ) -> Sequence[Any]:
        """Return customers whom our last message did not reach, each once."""
        return await tx.fetch(self._queries["claim_undelivered"], limit, minutes_otherwise)

    async def note_stuck_sends(self, tx: Transaction, limit: int, minutes_otherwise: int) -> None:
        """Remember where our last message has been on its way for too long."""
        await tx.execute(self._queries["note_stuck_sends"], limit, minutes_otherwise)

    async def note_undelivered(self, tx: Transaction, lost: Sequence[tuple[UUID, UUID]]) -> None:
        """Remember where these (tenant, message) were the newest messages to their customers."""
        await tx.execute(self._queries["note_undelivered"], *_columns(lost))

    async def note_refused(self, tx: Transaction, refused: Sequence[tuple[UUID, UUID]]) -> None:
        """Let customers wait for the person because of whom these (tenant, message) did not go."""
        await tx.execute(self._queries["note_refused"], *_columns(refused))

    async def longest_wait_seconds(self, tx: Transaction) -> float:
        """Return how long the customer who waits longest has waited, of whom nobody was told."""
        return float(await tx.fetchval(self._queries["longest_wait"]))

    async def keep_words(self, tx: Transaction, limit: int) -> int:
        """Let conversations be found by what was said lately; answers how much was taken on."""
        return int(await tx.fetchval(self._queries["keep_words"], limit))

    async def forget_presences(self, tx: Transaction) -> None:
        """Delete signs that ran out."""
        await tx.execute(self._queries["forget_presences"])

    async def person_spoke(self, tx: Transaction, key: Key) -> None:
        """The person whom the customer was promised is there."""
        await tx.execute(self._queries["person_spoke"], *key)

    async def keep_language(self, tx: Transaction, key: Key, language: str) -> None:
        """Keep in which language the customer writes, unless a person said it."""
        await tx.execute(self._queries["keep_language"], *key, language)

    async def say_beside(
        self,
        tx: Transaction,
        key: Key,
        message_id: UUID,
        text: str,
        send_id: UUID,
        away_until: datetime,
    ) -> Placed:
        """Say something that answers nothing of what the customer said."""
        row: Any = await tx.fetchrow(
            self._queries["say_beside"], *key, message_id, text, send_id, away_until
        )
        return Placed(row["seq"], row["created_at"], row["previous_send_seq"])

    async def ended_facts(self, tx: Transaction, key: Key) -> EndedFacts | None:
        """Return what is known of a conversation that ended; None if no customer ever wrote."""
        row = await tx.fetchrow(self._queries["rating_facts"], *key)
        if row is None:
            return None
        return EndedFacts(row["customer_wrote_at"], row["now"], row["answered"])

    async def note_rating_asked(self, tx: Transaction, key: Key, asked: Placed) -> None:
        """Remember the question: the next message may be its answer."""
        await tx.execute(self._queries["note_rating_asked"], *key, asked.seq, asked.created_at)

    async def keep_rating(
        self, tx: Transaction, key: Key, rating_id: UUID, rating: Rating
    ) -> str | None:
        """Keep what the customer said; answers which person spoke to them last, if one did."""
        comment = None if rating.comment is None else storable_text(rating.comment)
        assignee: str | None = await tx.fetchval(
            self._queries["keep_rating"], *key, rating_id, rating.score, comment
        )
        return assignee


def _columns(lost: Sequence[tuple[UUID, UUID]]) -> tuple[list[UUID], list[UUID]]:
    return [tenant_id for tenant_id, _ in lost], [message_id for _, message_id in lost]
