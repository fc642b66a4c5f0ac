"""Rows of what people do in the inbox: facts, notes, canned replies, presences."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from contracts.v1.inbox import CannedReply, KeepCannedReply, Note, Presence
from orchestrator.storable import storable_text
from postgres import Queries, Transaction

PRESENCE_SECONDS: Final = 30.0


class InboxStore:
    """Statements about what stands beside the messages of conversations."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def keep_facts(
        self,
        tx: Transaction,
        tenant_id: UUID,
        conversation_id: UUID,
        *,
        tags: Sequence[str] | None = None,
        metadata: str | None = None,
        language: str | None = None,
        snoozed_until: datetime | None = None,
    ) -> None:
        """Keep what is given with the conversation, whose row is locked."""
        ids = (tenant_id, conversation_id)
        if tags is not None:
            await tx.execute(self._queries["forget_tags"], *ids)
            await tx.execute(self._queries["find_by_tags"], *ids, list(tags))
        kept = None if tags is None else list(tags)
        await tx.execute(self._queries["keep_facts"], *ids, kept, metadata, language, snoozed_until)

    async def last_said(
        self, tx: Transaction, tenant_id: UUID, conversation_id: UUID
    ) -> tuple[str, str | None] | None:
        """Return (role, author) of the last message."""
        row = await tx.fetchrow(self._queries["last_said"], tenant_id, conversation_id)
        return None if row is None else (row["role"], row["author"])

    async def add_note(
        self,
        tx: Transaction,
        tenant_id: UUID,
        conversation_id: UUID,
        note_id: UUID,
        author: str,
        text: str,
    ) -> tuple[Note, bool] | None:
        """Return the note and whether it is new; None if there is no such conversation."""
        row = await tx.fetchrow(
            self._queries["add_note"],
            tenant_id,
            conversation_id,
            note_id,
            storable_text(author),
            storable_text(text),
        )
        if row is not None:
            return Note(**row), True
        row = await tx.fetchrow(self._queries["find_note"], tenant_id, note_id)
        return None if row is None else (Note(**row), False)

    async def notes(self, tx: Transaction, tenant_id: UUID, conversation_id: UUID) -> list[Note]:
        """Return the newest notes, the oldest of them first."""
        rows = await tx.fetch(self._queries["list_notes"], tenant_id, conversation_id)
        return [Note(**row) for row in rows]

    async def canned_replies(
        self,
        tx: Transaction,
        tenant_id: UUID,
        query: str | None,
        after: tuple[int, UUID] | None,
        limit: int,
    ) -> list[CannedReply]:
        """Return the most used ones after a place in the list."""
        used, identity = after or (None, None)
        rows = await tx.fetch(
            self._queries["list_canned_replies"], tenant_id, query, used, identity, limit
        )
        return [CannedReply(**row) for row in rows]

    async def canned_reply(
        self, tx: Transaction, tenant_id: UUID, canned_reply_id: UUID
    ) -> CannedReply | None:
        """Return one canned reply."""
        row = await tx.fetchrow(self._queries["find_canned_reply"], tenant_id, canned_reply_id)
        return None if row is None else CannedReply(**row)

    async def canned_neighbours(self, tx: Transaction, wish: KeepCannedReply) -> tuple[int, bool]:
        """Return how many other replies there are, and whether one has its shortcut."""
        row = await tx.fetchrow(
            self._queries["count_canned_replies"],
            wish.tenant_id,
            wish.canned_reply_id,
            wish.shortcut,
            wish.language,
        )
        return (0, False) if row is None else (row["others"], row["taken"])

    async def keep_canned_reply(self, tx: Transaction, wish: KeepCannedReply) -> CannedReply:
        """Make or change a canned reply."""
        row: Any = await tx.fetchrow(
            self._queries["keep_canned_reply"],
            wish.tenant_id,
            wish.canned_reply_id,
            wish.shortcut,
            storable_text(wish.title),
            storable_text(wish.text),
            wish.language,
        )
        return CannedReply(**row)

    async def remove_canned_reply(
        self, tx: Transaction, tenant_id: UUID, canned_reply_id: UUID
    ) -> bool:
        """Delete a canned reply; answers whether it was there."""
        gone = await tx.fetchval(self._queries["remove_canned_reply"], tenant_id, canned_reply_id)
        return gone is not None

    async def count_canned_use(
        self, tx: Transaction, tenant_id: UUID, canned_reply_id: UUID
    ) -> None:
        """It was sent once more."""
        await tx.execute(self._queries["count_canned_use"], tenant_id, canned_reply_id)

    async def watched(self, tx: Transaction, tenant_id: UUID, conversation_id: UUID) -> Any:
        """Return the conversation as those see it who have it open; None if there is none."""
        return await tx.fetchrow(self._queries["find_watched"], tenant_id, conversation_id)

    async def show_presence(
        self,
        tx: Transaction,
        tenant_id: UUID,
        conversation_id: UUID,
        author: str,
        state: str,
    ) -> tuple[list[Presence], bool]:
        """Note a colleague's sign; return the others', and whether this one typed until now."""
        ids = (tenant_id, conversation_id, storable_text(author))
        if state == "left":
            typed = await tx.fetchval(self._queries["leave_conversation"], *ids)
        else:
            typed = await tx.fetchval(self._queries["show_presence"], *ids, state, PRESENCE_SECONDS)
        rows = await tx.fetch(self._queries["list_presences"], *ids)
        return [Presence(**row) for row in rows], bool(typed)
