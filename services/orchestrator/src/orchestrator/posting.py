"""A person (or an integrator) says something in a conversation, and thereby owns it."""

from typing import Final
from uuid import UUID

from bus import Refused
from contracts.message import Message
from contracts.v1.conversations import MessagePosted, PostMessage
from contracts.v1.shapes import MessageExtras, RecordedMessage
from orchestrator import telling
from orchestrator.canned_words import Unfilled, filled, known_words
from orchestrator.conversation_changes import locked, owned_now
from orchestrator.domain import person_speaks, posted_identity, send_identity
from orchestrator.inbox_store import InboxStore
from orchestrator.life_store import LifeStore
from orchestrator.reading import ReadingStore
from orchestrator.storable import json_bytes, storable_text
from orchestrator.store import Aside, ConversationStore, LockedConversation
from orchestrator.telling import Envelope
from orchestrator.tenant_rules import RuleBook
from outbox import Outbox
from postgres import Transaction

POST_BYTES_MAX: Final = 200_000


class Posting:
    """Answers `post-message`."""

    def __init__(
        self,
        outbox: Outbox,
        store: ConversationStore,
        inbox: InboxStore,
        life: LifeStore,
        reading: ReadingStore,
        rules: RuleBook,
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._inbox = inbox
        self._life = life
        self._reading = reading
        self._rules = rules

    async def post(self, request: PostMessage) -> MessagePosted:
        """Say it once; refuses an empty or too large message, and one that comes too late."""
        text = storable_text(request.text)
        if request.canned_reply_id is None:
            refuse_empty(text, request.extras)
        refuse_too_large(text, request.extras)
        ids = (request.tenant_id, request.conversation_id)
        async with self._outbox.transaction(request.tenant_id) as tx:
            conversation = await locked(self._store, tx, *ids)
            message_id = posted_identity(request.conversation_id, request.idempotency_key)
            said_before = await self._reading.message(tx, request.tenant_id, message_id)
            if said_before is not None:
                return MessagePosted(message=said_before)
            await self._refuse_too_late(tx, conversation, request)
            if request.canned_reply_id is not None:
                text = await self._canned(tx, conversation, request, request.canned_reply_id, text)
            message = await self._say(tx, conversation, request, message_id, text)
            return MessagePosted(message=message)

    async def _refuse_too_late(
        self, tx: Transaction, conversation: LockedConversation, request: PostMessage
    ) -> None:
        expected, standing = request.expected_ownership_number, conversation.standing
        if expected is not None and expected != standing.ownership_number:
            raise Refused("conflict", f"Meanwhile {owned_now(standing)}.")
        if expected is not None and standing.assignee not in (None, request.author):
            raise Refused("conflict", f"Meanwhile {owned_now(standing)}.")
        seq = request.expected_last_seq
        if seq is not None and seq != conversation.last_seq:
            ids = (conversation.tenant_id, conversation.conversation_id)
            role, author = await self._inbox.last_said(tx, *ids) or ("customer", None)
            who = author or {"bot": "the bot", "customer": "the customer"}.get(role, role)
            raise Refused(
                "conflict", f"Meanwhile {who} said message {conversation.last_seq}; read it first."
            )

    async def _canned(
        self,
        tx: Transaction,
        conversation: LockedConversation,
        request: PostMessage,
        canned_reply_id: UUID,
        text: str,
    ) -> str:
        """Return what the canned reply says here; what the person made of it comes first."""
        reply = await self._inbox.canned_reply(tx, request.tenant_id, canned_reply_id)
        if reply is None:
            raise Refused("not_found", "There is no such canned reply.")
        rules = await self._rules.of(tx, request.tenant_id, conversation.tenant_revision)
        words = known_words(conversation.contact, agent=request.author, bot=rules.settings.bot_name)
        try:
            said = storable_text(filled(text if text.strip() else reply.text, words))
        except Unfilled as error:
            raise Refused(
                "invalid_placeholder", f"Nothing is known for {error}: write it yourself."
            ) from error
        refuse_empty(said, request.extras)
        refuse_too_large(said, request.extras)
        await self._inbox.count_canned_use(tx, request.tenant_id, canned_reply_id)
        return said

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
        await self._life.person_spoke(tx, (conversation.tenant_id, conversation.conversation_id))
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
            said.append(telling.conversation_updated(envelope, standing, by=request.author))
        await self._outbox.say(tx, *said)
        return message


def refuse_empty(text: str, extras: MessageExtras | None) -> None:
    """Refuse what says nothing."""
    if not text.strip() and not says_without_words(extras):
        raise Refused("empty_message", "A message needs text, a file or something to choose.")


def refuse_too_large(text: str, extras: MessageExtras | None) -> None:
    """Refuse what does not travel."""
    extras_bytes = len(extras.model_dump_json().encode()) if extras else 0
    if json_bytes(text) + 2 * extras_bytes > POST_BYTES_MAX:
        raise Refused("message_too_large", f"A message has at most {POST_BYTES_MAX} bytes.")


def says_without_words(extras: MessageExtras | None) -> bool:
    """Whether something goes out although there is no text; choices alone say nothing."""
    return extras is not None and bool(
        extras.media or extras.template or extras.location or extras.reaction
    )
