"""At the end of a conversation: the customer is asked how content they are, and may answer."""

from datetime import UTC, datetime
from typing import Final
from uuid import uuid5

import observe
from contracts.message import Message
from contracts.v1.channels import MessageReceived
from contracts.v1.inbox import ConversationRated
from orchestrator import telling
from orchestrator.domain import inbound_identity, note_identity, send_identity
from orchestrator.inbox_store import InboxStore
from orchestrator.life_store import LifeStore
from orchestrator.metrics import RATINGS
from orchestrator.ratings import Rating, is_awaited, may_be_asked, question_choices, rating_of
from orchestrator.replies import replies_in
from orchestrator.store import Aside, ConversationStore, LockedConversation
from orchestrator.telling import Envelope
from orchestrator.tenant_rules import RuleBook
from postgres import Transaction

_ENDED: Final = frozenset({"resolved", "closed"})
_TOO_LATE: Final = (
    "The customer was not asked how content they are: they wrote more than 24 hours ago, and "
    "{channel} lets nobody be written to then."
)

_log = observe.get_logger("orchestrator.farewell")


class Farewell:
    """Asks, and hears the answer, in the transaction of what ends or comes in."""

    def __init__(
        self, store: ConversationStore, life: LifeStore, inbox: InboxStore, rules: RuleBook
    ) -> None:
        self._store = store
        self._life = life
        self._inbox = inbox
        self._rules = rules

    async def ask(
        self, tx: Transaction, conversation: LockedConversation, envelope: Envelope
    ) -> list[Message]:
        """Ask once, if the tenant wants it, somebody answered, and the channel still allows it."""
        rules = await self._rules.of(tx, conversation.tenant_id, conversation.tenant_revision)
        if not rules.settings.ask_for_rating or not conversation.served:
            return []
        key = (conversation.tenant_id, conversation.conversation_id)
        facts = await self._life.ended_facts(tx, key)
        if facts is None or not facts.was_answered:
            return []
        if not may_be_asked(conversation.channel_type, facts.customer_wrote_at, facts.now):
            RATINGS.labels("not_asked_window_closed").inc()
            await self._say_why_not(tx, conversation)
            return []
        language = conversation.language or rules.settings.language
        text = replies_in(rules.settings, language).rating_question
        message_id = uuid5(conversation.conversation_id, f"rating:{conversation.last_seq}")
        aside = Aside(
            message_id, "system", None, text, None, send_identity(message_id), question_choices()
        )
        placed = await self._store.append(tx, conversation, conversation.standing, aside)
        await self._life.note_rating_asked(tx, key, placed)
        RATINGS.labels("asked").inc()
        said: list[Message] = [
            *telling.recorded_and_sent(
                envelope,
                telling.aside_recorded(aside, placed),
                send_id=aside.send_id,
                author="system",
                ownership_number=conversation.standing.ownership_number,
                previous_seq=placed.previous_send_seq,
            )
        ]
        return said

    def answer_in(self, conversation: LockedConversation, heard: MessageReceived) -> Rating | None:
        """Return the rating that a message is, if one is awaited and nothing came in between."""
        if conversation.standing.status not in _ENDED:
            return None
        asked = (conversation.rating_asked_seq, conversation.rating_asked_at)
        if not is_awaited(*asked, conversation.last_seq, datetime.now(UTC)):
            return None
        return rating_of(heard.content)

    async def keep(
        self,
        tx: Transaction,
        conversation: LockedConversation,
        heard: MessageReceived,
        rating: Rating,
    ) -> Message:
        """Keep what the customer answered."""
        key = (conversation.tenant_id, conversation.conversation_id)
        rating_id = inbound_identity(heard.conversation_id, heard.provider_message_id)
        assignee = await self._life.keep_rating(tx, key, rating_id, rating)
        RATINGS.labels("answered").inc()
        return ConversationRated.make(
            **Envelope.of(conversation, heard).fields(contact=False),
            score=rating.score,
            comment=rating.comment,
            assignee=assignee,
        )

    async def _say_why_not(self, tx: Transaction, conversation: LockedConversation) -> None:
        key = (conversation.tenant_id, conversation.conversation_id)
        note_id = note_identity(conversation.conversation_id, f"not-asked:{conversation.last_seq}")
        channel = {"whatsapp": "WhatsApp", "messenger": "Messenger"}.get(
            conversation.channel_type, conversation.channel_type
        )
        await self._inbox.add_note(tx, *key, note_id, "platform", _TOO_LATE.format(channel=channel))
        _log.info("rating not asked", conversation_id=str(key[1]), reason="window closed")
