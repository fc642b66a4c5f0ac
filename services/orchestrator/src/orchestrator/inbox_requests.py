"""Answers to those who work in the inbox: notes, canned replies, who else is there."""

import base64
import binascii
from typing import Any
from uuid import UUID

import observe
from bus import Bus, Refused
from contracts.v1.inbox import (
    AddNote,
    CannedRepliesListed,
    CannedReplyRemoved,
    CannedReplySaved,
    KeepCannedReply,
    ListCannedReplies,
    ListNotes,
    NoteAdded,
    NoteSaved,
    NotesListed,
    PresenceFound,
    RemoveCannedReply,
    ShowPresence,
)
from contracts.v1.sending import TypingShown
from orchestrator.canned_words import PLACES, unknown_places
from orchestrator.conversation_changes import not_found
from orchestrator.domain import note_identity
from orchestrator.inbox_store import InboxStore
from orchestrator.reading import within_bytes_of
from outbox import Outbox

CANNED_REPLIES_MAX = 1_000

_log = observe.get_logger("orchestrator.inbox")


class InboxRequests:
    """Handlers of what colleagues tell each other, and of what they use often."""

    def __init__(self, outbox: Outbox, inbox: InboxStore, bus: Bus) -> None:
        self._outbox = outbox
        self._inbox = inbox
        self._bus = bus

    def listen(self, bus: Bus) -> None:
        """Register what is answered here."""
        bus.answer(AddNote, self.add_note)
        bus.answer(ListNotes, self.notes)
        bus.answer(ListCannedReplies, self.canned_replies)
        bus.answer(KeepCannedReply, self.keep_canned_reply)
        bus.answer(RemoveCannedReply, self.remove_canned_reply)
        bus.answer(ShowPresence, self.presence)

    async def add_note(self, request: AddNote) -> NoteSaved:
        """Write a note, once."""
        note_id = note_identity(request.conversation_id, request.idempotency_key)
        ids = (request.tenant_id, request.conversation_id)
        async with self._outbox.transaction(request.tenant_id) as tx:
            written = await self._inbox.add_note(tx, *ids, note_id, request.author, request.text)
            watched = await self._inbox.watched(tx, *ids)
            if written is None or watched is None:
                raise not_found()
            note, is_new = written
            if is_new:
                said = NoteAdded.make(
                    tenant_id=request.tenant_id,
                    correlation_id=request.correlation_id,
                    causation_id=request.message_id,
                    conversation_id=request.conversation_id,
                    channel_id=watched["channel_id"],
                    channel_type=watched["channel_type"],
                    note=note,
                )
                await self._outbox.say(tx, said)
        return NoteSaved(note=note)

    async def notes(self, request: ListNotes) -> NotesListed:
        """A conversation's newest notes, as many as travel together."""
        ids = (request.tenant_id, request.conversation_id)
        async with self._outbox.transaction(request.tenant_id) as tx:
            if await self._inbox.watched(tx, *ids) is None:
                raise not_found()
            found = await self._inbox.notes(tx, *ids)
        newest_first = within_bytes_of(reversed(found))
        return NotesListed(notes=newest_first[::-1])

    async def canned_replies(self, request: ListCannedReplies) -> CannedRepliesListed:
        """A page of canned replies, the most used first."""
        after = None if request.cursor is None else read_place(request.cursor)
        async with self._outbox.transaction(request.tenant_id) as tx:
            found = await self._inbox.canned_replies(
                tx, request.tenant_id, request.query, after, request.limit + 1
            )
        page = within_bytes_of(found[: request.limit])
        following = None
        if len(page) < len(found):
            following = write_place(page[-1].used, page[-1].canned_reply_id)
        return CannedRepliesListed(replies=page, next_cursor=following)

    async def keep_canned_reply(self, request: KeepCannedReply) -> CannedReplySaved:
        """Make or change a canned reply; what no place can hold is refused here, not when sent."""
        unknown = unknown_places(request.text)
        if unknown:
            known = ", ".join(PLACES)
            raise Refused("invalid_placeholder", f"Unknown: {', '.join(unknown)}. Known: {known}.")
        if not request.text.strip():
            raise Refused("invalid_text", "A canned reply has words.")
        async with self._outbox.transaction(request.tenant_id) as tx:
            others, is_taken = await self._inbox.canned_neighbours(tx, request)
            if is_taken:
                raise Refused("shortcut_taken", f"Another reply is found by {request.shortcut}.")
            if others >= CANNED_REPLIES_MAX:
                raise Refused("too_many", f"A tenant has at most {CANNED_REPLIES_MAX} replies.")
            return CannedReplySaved(reply=await self._inbox.keep_canned_reply(tx, request))

    async def remove_canned_reply(self, request: RemoveCannedReply) -> CannedReplyRemoved:
        """Delete a canned reply."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            identity = request.canned_reply_id
            if not await self._inbox.remove_canned_reply(tx, request.tenant_id, identity):
                raise Refused("not_found", "There is no such canned reply.")
        return CannedReplyRemoved(canned_reply_id=identity)

    async def presence(self, request: ShowPresence) -> PresenceFound:
        """Who else is there; the customer sees typing where their channel shows it."""
        ids = (request.tenant_id, request.conversation_id)
        async with self._outbox.transaction(request.tenant_id) as tx:
            watched = await self._inbox.watched(tx, *ids)
            if watched is None:
                raise not_found()
            others, typed = await self._inbox.show_presence(tx, *ids, request.author, request.state)
        if typed or request.state == "typing":
            await self._show_typing(request, watched)
        return PresenceFound(
            others=others,
            ownership_number=watched["ownership_number"],
            last_seq=watched["last_seq"],
        )

    async def _show_typing(self, request: ShowPresence, watched: Any) -> None:
        shown = TypingShown.make(
            tenant_id=request.tenant_id,
            correlation_id=request.correlation_id,
            causation_id=request.message_id,
            conversation_id=request.conversation_id,
            channel_id=watched["channel_id"],
            channel_type=watched["channel_type"],
            contact_external_id=watched["contact_external_id"],
            provider_message_id=watched["newest_provider_message_id"],
            ended=None if request.state == "typing" else True,
        )
        try:
            await self._bus.stream(shown)
        except Exception:  # noqa: BLE001 - a sign may be lost, the colleagues' may not
            _log.warning("typing could not be shown", exc_info=True)


def write_place(used: int, canned_reply_id: UUID) -> str:
    """Return a place in the list of canned replies as text that means nothing to its bearer."""
    return base64.urlsafe_b64encode(f"{used}|{canned_reply_id}".encode()).decode()


def read_place(cursor: str) -> tuple[int, UUID]:
    """Read a place; refuses what we did not write."""
    try:
        used, _, identity = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        return int(used), UUID(identity)
    except (ValueError, binascii.Error) as error:
        raise Refused("invalid_cursor", "The cursor is not one of ours.") from error
