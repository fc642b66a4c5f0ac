"""Answers to those who read and steer conversations."""

import base64
import binascii
from datetime import datetime
from typing import Final
from uuid import UUID

from bus import Refused
from contracts.message import Message
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
from contracts.v1.shapes import MessageExtras, RecordedMessage
from orchestrator import telling
from orchestrator.domain import (
    TransitionRefused,
    change_standing,
    person_speaks,
    posted_identity,
    send_identity,
)
from orchestrator.handlers import Running
from orchestrator.reading import ReadingStore
from orchestrator.storable import clipped, json_bytes, storable_text
from orchestrator.store import Aside, ConversationStore, LockedConversation
from orchestrator.telling import Envelope
from outbox import Outbox
from postgres import Transaction

POST_BYTES_MAX: Final = 200_000
PAGE_BYTES_MAX: Final = 180_000
"""A page that would not fit into one message ends early; the reader asks for the rest."""


class ConversationRequests:
    """Handlers of the requests that orchestrator answers."""

    def __init__(
        self, outbox: Outbox, store: ConversationStore, reading: ReadingStore, runner: Running
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._reading = reading
        self._runner = runner

    async def get(self, request: GetConversation) -> ConversationFound:
        """One conversation."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            found = await self._reading.conversation(tx, request.tenant_id, request.conversation_id)
        if found is None:
            raise _not_found()
        return ConversationFound(conversation=found)

    async def list(self, request: ListConversations) -> ConversationsListed:
        """A page of conversations, the newest first."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            found = await self._reading.conversations(
                tx,
                request.tenant_id,
                status=request.status,
                channel_id=request.channel_id,
                after=None if request.cursor is None else read_cursor(request.cursor),
                limit=request.limit + 1,
            )
        page = found[: request.limit]
        following = None
        if len(found) > request.limit and page[-1].last_message_at is not None:
            following = write_cursor(page[-1].last_message_at, page[-1].conversation_id)
        return ConversationsListed(conversations=page, next_cursor=following)

    async def messages(self, request: ListMessages) -> MessagesListed:
        """Messages after a place."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            last_seq = await self._reading.last_seq(tx, request.tenant_id, request.conversation_id)
            if last_seq is None:
                raise _not_found()
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
        """Change status or owner; a bot's answer that is being written is never said."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            conversation = await self._locked(tx, request.tenant_id, request.conversation_id)
            before = conversation.standing
            try:
                conversation.standing = change_standing(
                    before,
                    status=request.status,
                    owner_kind=request.owner_kind,
                    assignee=request.assignee,
                )
            except TransitionRefused as error:
                raise Refused("invalid_transition", str(error)) from error
            if conversation.standing != before:
                await self._change(tx, conversation, request, before.bot_answers)
            return ConversationFound(conversation=conversation.shown())

    async def post(self, request: PostMessage) -> MessagePosted:
        """A person says something and thereby owns the conversation."""
        text = storable_text(request.text)
        if not text.strip() and not says_without_words(request.extras):
            raise Refused("empty_message", "A message needs text, a file or something to choose.")
        extras_bytes = len(request.extras.model_dump_json().encode()) if request.extras else 0
        if json_bytes(text) + 2 * extras_bytes > POST_BYTES_MAX:
            raise Refused("message_too_large", f"A message has at most {POST_BYTES_MAX} bytes.")
        async with self._outbox.transaction(request.tenant_id) as tx:
            conversation = await self._locked(tx, request.tenant_id, request.conversation_id)
            message_id = posted_identity(request.conversation_id, request.idempotency_key)
            said_before = await self._reading.message(tx, request.tenant_id, message_id)
            if said_before is not None:
                return MessagePosted(message=said_before)
            message = await self._say(tx, conversation, request, message_id, text)
            return MessagePosted(message=message)

    async def _say(
        self,
        tx: Transaction,
        conversation: LockedConversation,
        request: PostMessage,
        message_id: UUID,
        text: str,
    ) -> RecordedMessage:
        before = conversation.standing
        standing = conversation.standing = person_speaks(before, request.author)
        send_id = send_identity(message_id)
        aside = Aside(
            message_id,
            "agent",
            request.author,
            text,
            None,
            send_id,
            request.extras,
            request.reply_to,
        )
        placed = await self._store.append(tx, conversation, standing, aside)
        message = telling.aside_recorded(aside, placed)
        envelope = Envelope.of(conversation, request)
        said: list[Message] = [
            *telling.recorded_and_sent(
                envelope,
                message,
                send_id=send_id,
                author="agent",
                ownership_number=standing.ownership_number,
                previous_seq=placed.previous_send_seq,
            )
        ]
        if standing != before:
            said.append(telling.conversation_updated(envelope, standing))
        await self._outbox.say(tx, *said)
        return message

    async def _change(
        self,
        tx: Transaction,
        conversation: LockedConversation,
        request: UpdateConversation,
        bot_answered: bool,
    ) -> None:
        standing = conversation.standing
        ids = (conversation.tenant_id, conversation.conversation_id)
        due = await self._store.save_standing(tx, *ids, standing)
        envelope = Envelope.of(conversation, request)
        said: list[Message] = [telling.conversation_updated(envelope, standing)]
        if bot_answered and standing.owner_kind == "human" and standing.assignee is None:
            said.append(
                telling.handoff_requested(envelope, standing, "api", "Asked for through the API.")
            )
        await self._outbox.say(tx, *said)
        if due:
            tx.after_commit.append(lambda: self._runner.wake(*ids))

    async def _locked(
        self, tx: Transaction, tenant_id: UUID, conversation_id: UUID
    ) -> LockedConversation:
        conversation = await self._store.lock(tx, tenant_id, conversation_id)
        if conversation is None:
            raise _not_found()
        return conversation

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
        return MessagesListed(
            messages=page, last_seq=last_seq, more=bool(page) and reached < last_seq
        )


def says_without_words(extras: MessageExtras | None) -> bool:
    """Whether something goes out although there is no text; choices alone say nothing."""
    return extras is not None and bool(
        extras.media or extras.template or extras.location or extras.reaction
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


def _not_found() -> Refused:
    return Refused("not_found", "There is no such conversation.")
