"""Answers to those who read and steer conversations."""

import base64
import binascii
from datetime import datetime
from typing import Final
from uuid import UUID

from bus import Bus, Refused
from contracts.v1.conversations import (
    ConversationFound,
    ConversationsListed,
    GetConversation,
    ListConversations,
    ListMessages,
    ListVisitorMessages,
    MessagePosted,
    MessagesListed,
    PostMessage,
    UpdateConversation,
)
from contracts.v1.shapes import RecordedMessage
from orchestrator.conversation_changes import ConversationChanges, not_found
from orchestrator.posting import Posting
from orchestrator.reading import PAGE_BYTES_MAX, ReadingStore
from orchestrator.storable import clipped, storable_text
from orchestrator.takeover_fence import TakeoverFence
from outbox import Outbox
from postgres import Transaction

STALE: Final = "stale_ownership"


class ConversationRequests:
    """Handlers of the requests that orchestrator answers."""

    def __init__(
        self,
        outbox: Outbox,
        reading: ReadingStore,
        changes: ConversationChanges,
        posting: Posting,
    ) -> None:
        self._outbox = outbox
        self._reading = reading
        self._changes = changes
        self._posting = posting

    def listen(self, bus: Bus) -> None:
        """Register what is answered here; a takeover's answer waits for the bot's silence."""
        fence = TakeoverFence(bus, self._outbox)
        bus.answer(ListConversations, self.list)
        bus.answer(GetConversation, self.get)
        bus.answer(UpdateConversation, fence.updating(self.update))
        bus.answer(ListMessages, self.messages)
        bus.answer(ListVisitorMessages, self.visitor_messages)
        bus.answer(PostMessage, fence.posting(self.post))

    async def get(self, request: GetConversation) -> ConversationFound:
        """One conversation."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            found = await self._reading.conversation(tx, request.tenant_id, request.conversation_id)
        if found is None:
            raise not_found()
        return ConversationFound(conversation=found)

    async def list(self, request: ListConversations) -> ConversationsListed:
        """A page of conversations in the order that is wished for."""
        after = None if request.cursor is None else read_cursor(request.cursor)
        async with self._outbox.transaction(request.tenant_id) as tx:
            page = await self._reading.conversations(tx, request, after)
        following = None if page.following is None else write_cursor(*page.following)
        return ConversationsListed(conversations=page.conversations, next_cursor=following)

    async def messages(self, request: ListMessages) -> MessagesListed:
        """Messages after a place."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            last_seq = await self._reading.last_seq(tx, request.tenant_id, request.conversation_id)
            if last_seq is None:
                raise not_found()
            return await self._page(tx, request, request.conversation_id, last_seq)

    async def visitor_messages(self, request: ListVisitorMessages) -> MessagesListed:
        """Messages of a visitor's conversation after a place."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            found = await self._reading.visitor_conversation(
                tx, request.tenant_id, request.channel_id, request.visitor_id
            )
            if found is None:
                return MessagesListed(messages=[], last_seq=0, more=False)
            return await self._page(tx, request, *found)

    async def update(self, request: UpdateConversation) -> ConversationFound:
        """Change status, owner or facts."""
        return await self._changes.update(request)

    async def post(self, request: PostMessage) -> MessagePosted:
        """A person says something and thereby owns the conversation."""
        return await self._posting.post(request)

    async def _page(
        self,
        tx: Transaction,
        request: ListMessages | ListVisitorMessages,
        conversation_id: UUID,
        last_seq: int,
    ) -> MessagesListed:
        found = await self._reading.messages(
            tx, request.tenant_id, conversation_id, request.after_seq, request.limit
        )
        page = within_bytes(found)
        reached = page[-1].seq if page else request.after_seq
        if isinstance(request, ListVisitorMessages):
            # What was refused because a person had taken over never reached them, nor does it now.
            page = [one for one in page if one.delivery_code != STALE]
        return MessagesListed(
            messages=page, last_seq=last_seq, more=bool(page) and reached < last_seq
        )


def within_bytes(messages: list[RecordedMessage]) -> list[RecordedMessage]:
    """Return as many of the first messages as travel together; at least one, cut if it must be."""
    room = PAGE_BYTES_MAX
    for number, message in enumerate(messages):
        room -= len(message.model_dump_json().encode())
        if room < 0 and number > 0:
            return messages[:number]
        if room < 0:
            text = clipped(storable_text(message.text), PAGE_BYTES_MAX)
            return [message.model_copy(update={"text": text, "content": None})]
    return messages


def write_cursor(moment: datetime, conversation_id: UUID) -> str:
    """Return a place in the list of conversations as text that means nothing to its bearer."""
    return base64.urlsafe_b64encode(f"{moment.isoformat()}|{conversation_id}".encode()).decode()


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Read a place; refuses what we did not write."""
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
        moment, _, identity = text.partition("|")
        when = datetime.fromisoformat(moment)
        if when.tzinfo is None:
            raise ValueError("no zone")
        return when, UUID(identity)
    except (ValueError, binascii.Error) as error:
        raise Refused("invalid_cursor", "The cursor is not one of ours.") from error
