"""Reading conversations and messages, for the API and for widgets that come back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic import TypeAdapter

from contracts.message import Part
from contracts.v1.conversations import Conversation, ListConversations
from contracts.v1.shapes import (
    Citation,
    HandoffBrief,
    MediaRef,
    MessageChanges,
    MessageContent,
    MessageExtras,
    Price,
    RecordedMessage,
    SendPlan,
)
from orchestrator.storable import storable_text
from orchestrator.store import contact_of
from postgres import Queries, Transaction

PAGE_BYTES_MAX: Final = 180_000
"""A page that would not fit into one message ends early; the reader asks for the rest."""

_CITATIONS: Final = TypeAdapter(list[Citation])

Shape = TypeVar("Shape", bound=Part)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of conversations, and where the next one begins."""

    conversations: list[Conversation]
    following: tuple[datetime, UUID] | None


class ReadingStore:
    """Statements that only read, for the API."""

    def __init__(self, queries: Queries, inbox_queries: Queries) -> None:
        self._queries = queries
        self._inbox = inbox_queries

    async def conversation(
        self, tx: Transaction, tenant_id: UUID, conversation_id: UUID
    ) -> Conversation | None:
        """Return one conversation."""
        row = await tx.fetchrow(self._inbox["find_conversation"], tenant_id, conversation_id)
        return None if row is None else _conversation(row)

    async def conversations(
        self, tx: Transaction, wish: ListConversations, after: tuple[datetime, UUID] | None
    ) -> Page:
        """Return a page of those that are wished for, after a place in the list."""
        if wish.query is not None and not any(map(str.isalnum, wish.query)):
            return Page([], None)
        longest_waiting = wish.order == "longest_waiting"
        await tx.execute(self._inbox["plan_for_these_filters"])
        rows = await tx.fetch(
            self._inbox["list_longest_waiting" if longest_waiting else "list_newest"],
            wish.tenant_id,
            wish.status,
            wish.channel_id,
            *(after or (None, None)),
            wish.limit + 1,
            wish.owner_kind,
            *map(_sought, (wish.query, wish.tag, wish.contact_external_id, wish.assignee)),
            wish.waiting,
        )
        page = within_bytes_of(map(_conversation, rows[: wish.limit]))
        if len(rows) == len(page):
            return Page(page, None)
        last = rows[len(page) - 1]
        moment = last["waiting_since" if longest_waiting else "last_message_at"]
        return Page(page, (moment, last["conversation_id"]))

    async def visitor_conversation(
        self, tx: Transaction, tenant_id: UUID, channel_id: UUID, visitor_id: str
    ) -> tuple[UUID, int] | None:
        """Return (conversation, last place) of a visitor."""
        row = await tx.fetchrow(
            self._queries["visitor_conversation"], tenant_id, channel_id, visitor_id
        )
        return None if row is None else (row["conversation_id"], row["last_seq"])

    async def last_seq(self, tx: Transaction, tenant_id: UUID, conversation_id: UUID) -> int | None:
        """Return a conversation's last place; None if there is no such conversation."""
        seq: int | None = await tx.fetchval(
            self._queries["conversation_last_seq"], tenant_id, conversation_id
        )
        return seq

    async def messages(
        self, tx: Transaction, tenant_id: UUID, conversation_id: UUID, after_seq: int, limit: int
    ) -> list[RecordedMessage]:
        """Return messages after a place, in order."""
        rows = await tx.fetch(
            self._queries["list_messages"], tenant_id, conversation_id, after_seq, limit
        )
        return [_message(row) for row in rows]

    async def message(
        self, tx: Transaction, tenant_id: UUID, message_id: UUID
    ) -> RecordedMessage | None:
        """Return one message."""
        row = await tx.fetchrow(self._queries["find_message"], tenant_id, message_id)
        return None if row is None else _message(row)


def _conversation(row: Any) -> Conversation:
    return Conversation(
        conversation_id=row["conversation_id"],
        channel_id=row["channel_id"],
        channel_type=row["channel_type"],
        contact=contact_of(row),
        status=row["status"],
        owner_kind=row["owner_kind"],
        assignee=row["assignee"],
        ownership_number=row["ownership_number"],
        last_seq=row["last_seq"],
        created_at=row["created_at"],
        last_message_at=row["last_message_at"],
        tags=row["tags"],
        language=row["language"],
        metadata=row["metadata"],
        snoozed_until=row["snoozed_until"],
        waiting_since=row["waiting_since"],
        last_text=row["last_text"],
        last_role=row["role"],
        rating=row["rating"],
        brief=_read(HandoffBrief, row["brief"]),
    )


def _sought(words: str | None) -> str | None:
    return None if words is None else storable_text(words)


def within_bytes_of(found: Iterable[Shape]) -> list[Shape]:
    """Return as many of the first as travel together; at least one."""
    page: list[Shape] = []
    room = PAGE_BYTES_MAX
    for one in found:
        room -= len(one.model_dump_json().encode())
        if room < 0 and page:
            break
        page.append(one)
    return page


def read_content(stored: str | None) -> MessageContent | None:
    """Read a stored content; None for plain text."""
    return _read(MessageContent, stored)


def _with_media(content: MessageContent | None, stored: str | None) -> MessageContent | None:
    """The file as it is now, not as it was when the message came."""
    media = _read(MediaRef, stored)
    if content is None or media is None:
        return content
    return content.model_copy(update={"media": media})


def _read(shape: type[Shape], stored: str | None) -> Shape | None:
    return None if stored is None else shape.model_validate_json(stored, extra="ignore")


def _message(row: Any) -> RecordedMessage:
    cited = row["citations"]
    return RecordedMessage(
        recorded_message_id=row["message_id"],
        seq=row["seq"],
        role=row["role"],
        text=row["text"],
        content=_with_media(read_content(row["content"]), row["media"]),
        citations=[] if cited is None else _CITATIONS.validate_json(cited),
        created_at=row["created_at"],
        client_message_id=row["client_message_id"],
        turn_id=row["turn_id"],
        delivery=row["delivery"],
        delivery_code=row["delivery_code"],
        delivery_detail=row["delivery_detail"],
        author=row["author"],
        provider_message_id=row["provider_message_id"],
        reply_to=row["reply_to"],
        extras=_read(MessageExtras, row["extras"]),
        changes=_read(MessageChanges, row["changes"]),
        plan=_read(SendPlan, row["plan"]),
        price=_read(Price, row["price"]),
        sent_at=row["sent_at"],
    )
