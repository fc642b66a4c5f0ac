"""A customer's message comes in: a rating, words of some language, or words at night.

Outside business hours, where the tenant wants it so, the customer is told once for each absence
that nobody is there; what they wrote waits for the opening and is answered then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid5

from contracts.message import Message
from contracts.v1.channels import MessageReceived
from orchestrator import telling
from orchestrator.domain import CustomerWish, send_identity
from orchestrator.farewell import Farewell
from orchestrator.language_signs import language_sign
from orchestrator.life_store import LifeStore
from orchestrator.ratings import Rating
from orchestrator.replies import replies_in
from orchestrator.store import Aside, DeliveryNews, LockedConversation
from orchestrator.telling import Envelope
from orchestrator.tenant_rules import TenantRules
from postgres import Transaction

_REFUSED: Final = "stale_ownership"
_NO_OPENING: Final = timedelta(days=1)
"""Where no opening lies in the coming year, hours may have changed by then."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a customer's message is, beside words to answer."""

    wish: CustomerWish
    rating: Rating | None = None
    closed_until: datetime | None = None
    """When people are back, where the customer is left to them until then."""


class Reception:
    """What happens to a customer's message before it becomes a turn."""

    def __init__(self, life: LifeStore, farewell: Farewell) -> None:
        self._life = life
        self._farewell = farewell

    def judge(
        self,
        conversation: LockedConversation,
        rules: TenantRules,
        heard: MessageReceived,
        wish: CustomerWish,
    ) -> Arrival:
        """Return what follows: a rating wakes nobody, and outside the hours nothing is answered."""
        if heard.imported:
            return Arrival(wish)
        rating = self._farewell.answer_in(conversation, heard)
        if rating is not None and wish.handoff_keyword is not None:
            # "1, let me talk to a person": both are heard.
            return Arrival(wish, rating=rating)
        if rating is not None:
            unmoved = CustomerWish(conversation.standing, None, answer_wanted=False, quiet=True)
            return Arrival(unmoved, rating=rating)
        closed_until = self._closed_until(rules) if wish.answer_wanted else None
        if closed_until is None:
            return Arrival(wish)
        return Arrival(replace(wish, answer_wanted=False), closed_until=closed_until)

    async def settle(
        self,
        tx: Transaction,
        conversation: LockedConversation,
        rules: TenantRules,
        heard: MessageReceived,
        arrival: Arrival,
    ) -> list[Message]:
        """Do what follows, after the message has its place; answers what to say."""
        if arrival.rating is not None:
            conversation.rating_asked_seq = None
            return [await self._farewell.keep(tx, conversation, heard, arrival.rating)]
        if not heard.imported and heard.content.text:
            await self._keep_language(tx, conversation, heard.content.text)
        if arrival.closed_until is None:
            return []
        envelope = Envelope.of(conversation, heard)
        return await self._tell_away(tx, conversation, envelope, rules, arrival.closed_until)

    async def note_lost(self, tx: Transaction, news: Sequence[DeliveryNews]) -> None:
        """Remember customers whom a message did not reach; where a person took over, they wait."""
        lost = [one for one in news if one.state in ("failed", "unknown")]
        refused = [(one.tenant_id, one.message_id) for one in lost if one.code == _REFUSED]
        missed = [(one.tenant_id, one.message_id) for one in lost if one.code != _REFUSED]
        if missed:
            await self._life.note_undelivered(tx, missed)
        if refused:
            await self._life.note_refused(tx, refused)

    async def person_spoke(self, tx: Transaction, conversation: LockedConversation) -> None:
        """The person whom the customer was promised is there."""
        key = (conversation.tenant_id, conversation.conversation_id)
        await self._life.person_spoke(tx, key)

    def _closed_until(self, rules: TenantRules) -> datetime | None:
        if rules.settings.away_mode != "away" or not (rules.settings.away_reply or "").strip():
            return None
        now = datetime.now(UTC)
        if rules.opening.is_open(now):
            return None
        return rules.opening.next_opening(now) or now + _NO_OPENING

    async def _tell_away(
        self,
        tx: Transaction,
        conversation: LockedConversation,
        envelope: Envelope,
        rules: TenantRules,
        until: datetime,
    ) -> list[Message]:
        """Say that nobody is there, once for each absence; the message waits for the opening."""
        now = datetime.now(UTC)
        if conversation.away_until is not None and conversation.away_until > now:
            return []
        language = conversation.language or rules.settings.language
        text = replies_in(rules.settings, language).away
        key = (conversation.tenant_id, conversation.conversation_id)
        message_id = uuid5(conversation.conversation_id, f"away:{until.isoformat()}")
        aside = Aside(message_id, "system", None, text, None, send_identity(message_id))
        placed = await self._life.say_beside(tx, key, message_id, text, aside.send_id, until)
        conversation.away_until = until
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

    async def _keep_language(
        self, tx: Transaction, conversation: LockedConversation, text: str
    ) -> None:
        """Keep in which language the customer writes; little words do not change what is known."""
        if conversation.language_by == "person":
            return
        sign = language_sign(text)
        if sign is None or sign.language == conversation.language:
            return
        if conversation.language is not None and not sign.is_plain:
            return
        conversation.language = sign.language
        key = (conversation.tenant_id, conversation.conversation_id)
        await self._life.keep_language(tx, key, sign.language)
