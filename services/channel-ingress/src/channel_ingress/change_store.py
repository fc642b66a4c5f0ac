"""Changes of messages and the states that they add up to, by named queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from channel_ingress.message_changes import NO_CHANGES, KeptChange
from channel_ingress.reading import digest_key
from contracts.v1.shapes import ChannelType, MessageChanges
from postgres import Queries, Transaction


@dataclass(frozen=True, slots=True)
class MessageKey:
    """A message of a channel, by the provider's id."""

    channel_id: UUID
    provider_message_id: str


@dataclass(slots=True)
class MessageState:
    """What a message's changes add up to, its row locked."""

    channel_id: UUID
    provider_message_id: str
    tenant_id: UUID
    channel_type: ChannelType
    conversation_id: UUID | None
    recorded_message_id: UUID | None
    revision: int
    changes_text: str
    is_known: bool
    said_as_orphan: bool
    is_old: bool
    """Whether its message should have come by now."""

    @property
    def key(self) -> MessageKey:
        """Which message."""
        return MessageKey(self.channel_id, self.provider_message_id)

    @property
    def changes(self) -> MessageChanges:
        """The state as it was last computed."""
        return MessageChanges.model_validate_json(self.changes_text, extra="ignore")


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """A message that has come, or that we sent."""

    conversation_id: UUID | None
    recorded_message_id: UUID | None


@dataclass(frozen=True, slots=True)
class NewState:
    """Where changes of a message are to be kept."""

    key: MessageKey
    tenant_id: UUID
    channel_type: str
    conversation_id: UUID | None


class ChangeStore:
    """The queries of changes; each method works in the given transaction."""

    def __init__(self, orphan_after_seconds: float) -> None:
        self._queries = Queries("channel_ingress", "queries_changes.sql")
        self._orphan_after_seconds = orphan_after_seconds

    async def lock(self, tx: Transaction, states: Sequence[NewState]) -> list[MessageState]:
        """Make and lock the states of these messages, in the order of their keys."""
        rows = await tx.fetch(
            self._queries["lock_states"],
            [state.key.channel_id for state in states],
            [state.key.provider_message_id for state in states],
            [state.tenant_id for state in states],
            [state.channel_type for state in states],
            [state.conversation_id for state in states],
            NO_CHANGES.model_dump_json(),
            self._orphan_after_seconds,
        )
        return [MessageState(*row) for row in rows]

    async def lock_parked(self, tx: Transaction, keys: Sequence[MessageKey]) -> list[MessageState]:
        """Lock the states that wait for one of these messages."""
        if not keys:
            return []
        channel_ids, message_ids = _columns(keys)
        sql = self._queries["lock_parked"]
        rows = await tx.fetch(sql, channel_ids, message_ids, self._orphan_after_seconds)
        return [MessageState(*row) for row in rows]

    async def take_due(self, tx: Transaction) -> list[MessageState]:
        """Lock waiting states that are to be looked at now, and put their next look off."""
        rows = await tx.fetch(self._queries["take_due_states"], self._orphan_after_seconds)
        return [MessageState(*row) for row in rows]

    async def keep(
        self, tx: Transaction, changes: Sequence[tuple[MessageKey, UUID, KeptChange]]
    ) -> None:
        """Keep changes, each with its message and tenant, once."""
        await tx.execute(
            self._queries["keep_changes"],
            [key.channel_id for key, _, _ in changes],
            [key.provider_message_id for key, _, _ in changes],
            [tenant_id for _, tenant_id, _ in changes],
            [change.digest for _, _, change in changes],
            [change.what for _, _, change in changes],
            [change.said_by for _, _, change in changes],
            [change.person for _, _, change in changes],
            [change.at for _, _, change in changes],
            [change.words for _, _, change in changes],
        )

    async def changes_of(
        self, tx: Transaction, keys: Sequence[MessageKey]
    ) -> dict[MessageKey, list[KeptChange]]:
        """Every change of these messages."""
        found: dict[MessageKey, list[KeptChange]] = {}
        for row in await tx.fetch(self._queries["changes_of"], *_columns(keys)):
            found.setdefault(MessageKey(row[0], row[1]), []).append(KeptChange(*row[2:]))
        return found

    async def find_messages(
        self, tx: Transaction, keys: Sequence[MessageKey]
    ) -> dict[MessageKey, FoundMessage]:
        """Which of these messages have come or were sent by us."""
        echoes = [digest_key("echo", key.provider_message_id) for key in keys]
        rows = await tx.fetch(self._queries["find_messages"], *_columns(keys), echoes)
        return {MessageKey(row[0], row[1]): FoundMessage(row[2], row[3]) for row in rows}

    async def update(self, tx: Transaction, states: Sequence[MessageState]) -> None:
        """Write locked states back."""
        if not states:
            return
        await tx.execute(
            self._queries["update_states"],
            [state.channel_id for state in states],
            [state.provider_message_id for state in states],
            [state.conversation_id for state in states],
            [state.recorded_message_id for state in states],
            [state.revision for state in states],
            [state.changes_text for state in states],
            [state.is_known for state in states],
            [state.said_as_orphan for state in states],
        )

    async def parked_count(self, tx: Transaction) -> int:
        """How many messages are waited for."""
        return int(await tx.fetchval(self._queries["parked_count"]))


def _columns(keys: Sequence[MessageKey]) -> tuple[list[UUID], list[str]]:
    return [key.channel_id for key in keys], [key.provider_message_id for key in keys]
