"""What happens when orchestrator hears something: load, decide, save and say."""

from collections.abc import Sequence
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from uuid import UUID

import observe
from contracts.message import Message
from contracts.v1.channels import MessageReceived
from contracts.v1.sending import MessageFailed, MessageSent, MessageStatusChanged, MessageUnknown
from contracts.v1.shapes import PLATFORM, RecordedMessage
from contracts.v1.tenants import ChannelConfigured, RepeatConfiguration, TenantConfigured
from orchestrator import telling
from orchestrator.brief_book import BriefBook
from orchestrator.bursts import Bursts
from orchestrator.domain import (
    CustomerWish,
    Standing,
    hear_customer,
    reply_identity,
    send_identity,
    turn_identity,
)
from orchestrator.metrics import continued
from orchestrator.reception import Reception
from orchestrator.replies import replies_in
from orchestrator.running import Running
from orchestrator.runs import Turn
from orchestrator.store import (
    Aside,
    ConversationStore,
    DeliveryNews,
    LockedConversation,
    Placed,
)
from orchestrator.telling import Envelope
from orchestrator.tenant_rules import RuleBook, TenantRules
from orchestrator.turn_store import TurnStore
from outbox import Outbox, RetryLater, traceparent_of
from postgres import Database, Transaction

Outcome = MessageSent | MessageFailed | MessageUnknown | MessageStatusChanged


class Handlers:
    """Handlers of the events and commands that orchestrator hears."""

    def __init__(
        self,
        outbox: Outbox,
        store: ConversationStore,
        turns: TurnStore,
        rules: RuleBook,
        runner: Running,
        bursts: Bursts,
        reception: Reception,
        briefs: BriefBook,
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._turns = turns
        self._rules = rules
        self._runner = runner
        self._bursts = bursts
        self._reception = reception
        self._briefs = briefs

    async def on_messages(self, messages: list[MessageReceived], tx: Transaction) -> None:
        """Give customers' messages their places, in the order in which they came.

        The batch is sorted by conversation (stably), so that replicas lock rows in one order.
        """
        await observe.afailpoint("orchestrator.before_inbox")
        room = self._runner.room
        ordered = sorted(messages, key=_conversation_of)
        for _, group in groupby(ordered, key=_conversation_of):
            room -= await self._on_conversation(tx, list(group), begin=room > 0)

    async def _on_conversation(
        self, tx: Transaction, messages: list[MessageReceived], *, begin: bool
    ) -> bool:
        """Place one conversation's messages; answers whether a turn was begun with them."""
        conversation = await self._lock_or_begin(tx, messages[0])
        wait_seconds: float | None = None
        turn: Turn | None = None
        for heard in messages:
            with continued("record message", traceparent_of(heard)):
                said, wait_seconds = await self._place(tx, conversation, heard, wait_seconds)
                if heard is messages[-1] and wait_seconds is not None:
                    turn = await self._begin_turn(tx, heard, wait_seconds, begin=begin)
                news = [] if said is None else said
                if turn is not None:
                    news.append(telling.turn_started(turn.leased))
                await self._outbox.say(tx, *news)
        return turn is not None

    async def _begin_turn(
        self, tx: Transaction, heard: MessageReceived, wait_seconds: float, *, begin: bool
    ) -> Turn | None:
        """Take the lease in this very transaction where nothing is waited for.

        Where the lease is not to be had, its holder sees the new message when it commits.
        """
        ids = (heard.tenant_id, heard.conversation_id)
        trace = copy_context()
        if wait_seconds > 0 or not begin:
            wake = partial(self._runner.wake, *ids, wait_seconds)
            tx.after_commit.append(partial(trace.run, wake))
            return None
        turn = await self._runner.begin(tx, *ids)
        if turn is not None:
            tx.after_commit.append(partial(trace.run, self._runner.start, turn))
        return turn

    async def on_tenant(self, heard: TenantConfigured, tx: Transaction) -> None:
        """Keep a tenant's configuration; older revisions are ignored."""
        await self._store.save_tenant(tx, heard)

    async def on_channel(self, heard: ChannelConfigured, tx: Transaction) -> None:
        """Keep a channel's configuration; older revisions are ignored."""
        await self._store.save_channel(tx, heard)

    async def on_sent(self, heard: list[MessageSent], tx: Transaction) -> None:
        """Messages were accepted by their providers."""
        await self._advance(tx, heard)

    async def on_failed(self, heard: list[MessageFailed], tx: Transaction) -> None:
        """Messages were certainly not delivered."""
        await self._advance(tx, heard)

    async def on_unknown(self, heard: list[MessageUnknown], tx: Transaction) -> None:
        """Nobody knows whether these messages were delivered."""
        await self._advance(tx, heard)

    async def on_status(self, heard: list[MessageStatusChanged], tx: Transaction) -> None:
        """Messages were delivered or read, or failed after all."""
        await self._advance(tx, heard)

    async def _advance(self, tx: Transaction, outcomes: Sequence[Outcome]) -> None:
        """Take messages' delivery further; it never goes back."""
        news = [_news_of(outcome) for outcome in outcomes]
        await self._store.advance_delivery(tx, news)
        await self._reception.note_lost(tx, news)

    async def ask_for_configuration(self, database: Database) -> None:
        """With an empty database, ask gateway to say every tenant and channel again."""
        async with database.system() as tx:
            if not await self._store.any_tenant(tx):
                await self._outbox.say(
                    tx, RepeatConfiguration.make(tenant_id=PLATFORM, service="orchestrator")
                )

    async def _lock_or_begin(self, tx: Transaction, heard: MessageReceived) -> LockedConversation:
        conversation = await self._store.lock_or_begin(tx, heard)
        if conversation is None:
            raise RetryLater(f"channel {heard.channel_id} is not configured here yet")
        return conversation

    async def _place(
        self,
        tx: Transaction,
        conversation: LockedConversation,
        heard: MessageReceived,
        earlier_seconds: float | None,
    ) -> tuple[list[Message] | None, float | None]:
        """Give a message its place; what to say, and after how many seconds the bot answers.

        None, not even nothing, is said of a repeat; None seconds: the bot does not answer. Repeats
        and quiet messages leave the seconds as messages before them had it.
        """
        rules = await self._rules.of(tx, heard.tenant_id, conversation.tenant_revision)
        wish = _wish_of(conversation, rules, heard)
        arrival = self._reception.judge(conversation, rules, heard, wish)
        wish = arrival.wish
        wait_seconds = 0.0
        if wish.answer_wanted:
            wait_seconds = await self._bursts.wait_seconds(tx, heard, rules.settings)
        placed = await self._store.record(
            tx,
            heard,
            wish.standing,
            answer_wanted=wish.answer_wanted,
            quiet=wish.quiet,
            wait_seconds=wait_seconds,
        )
        if placed is None:
            return None, earlier_seconds
        await self._keep_contact(tx, conversation, heard)
        envelope = Envelope.of(conversation, heard)
        said: list[Message] = []
        if envelope.is_watched:
            said.append(telling.customer_recorded(envelope, heard, placed))
        before, conversation.standing = conversation.standing, wish.standing
        said += await self._reception.settle(tx, conversation, rules, heard, arrival)
        if wish.handoff_keyword is not None:
            said += await self._hand_off(
                tx, conversation, envelope, rules, wish.handoff_keyword, placed
            )
        if wish.standing != before:
            said.append(telling.conversation_updated(envelope, wish.standing))
        if wish.quiet:
            return said, earlier_seconds
        return said, wait_seconds if wish.answer_wanted else None

    async def _hand_off(
        self,
        tx: Transaction,
        conversation: LockedConversation,
        envelope: Envelope,
        rules: TenantRules,
        keyword: str,
        placed: Placed,
    ) -> list[Message]:
        """The bot is silent from now on; the tenant's handoff text is said once."""
        standing = conversation.standing
        ids = (conversation.tenant_id, conversation.conversation_id)
        first_seq = await self._store.first_unanswered(tx, *ids) or placed.seq
        turn_id = turn_identity(conversation.conversation_id, first_seq)
        said: list[Message] = []
        message: RecordedMessage | None = None
        spoken: tuple[UUID, Placed] | None = None
        text = _handoff_words(conversation, rules)
        if text:
            message, spoken = await self._say_aside(tx, conversation, turn_id, text)
            said += telling.recorded_and_sent(
                envelope,
                message,
                send_id=send_identity(message.recorded_message_id),
                author="system",
                ownership_number=standing.ownership_number,
                previous_seq=spoken[1].previous_send_seq,
            )
        else:
            await self._store.count_as_answered(tx, *ids)
        request = telling.handoff_requested(envelope, standing, "keyword", keyword)
        said.append(await self._briefs.told(tx, request))
        if await self._turns.keep_handoff(
            tx, turn_id, (*ids, first_seq, placed.seq), spoken, keyword, placed
        ):
            said.append(telling.handed_off(envelope, turn_id, message))
        return said

    async def _say_aside(
        self, tx: Transaction, conversation: LockedConversation, turn_id: UUID, text: str
    ) -> tuple[RecordedMessage, tuple[UUID, Placed]]:
        message_id = handoff_identity(turn_id, conversation.standing)
        aside = Aside(message_id, "system", None, text, turn_id, send_identity(message_id))
        placed = await self._store.append(tx, conversation, conversation.standing, aside)
        return telling.aside_recorded(aside, placed), (message_id, placed)

    async def _keep_contact(
        self, tx: Transaction, conversation: LockedConversation, heard: MessageReceived
    ) -> None:
        told = heard.contact.model_dump(exclude_none=True, exclude={"external_id"})
        contact = conversation.contact.model_copy(update=told)
        if contact != conversation.contact:
            conversation.contact = contact
            await self._store.save_contact(tx, conversation)


def _wish_of(
    conversation: LockedConversation, rules: TenantRules, heard: MessageReceived
) -> CustomerWish:
    """History changes nothing; what nobody can read is shown to people, and not answered."""
    if heard.imported:
        return CustomerWish(conversation.standing, None, answer_wanted=False, quiet=True)
    keyword = rules.handoff_words.found_in(heard.content.text or "")
    wish = hear_customer(conversation.standing, keyword, served=conversation.served)
    if heard.content.kind == "unsupported":
        return replace(wish, answer_wanted=False, quiet=True)
    return wish


def _handoff_words(conversation: LockedConversation, rules: TenantRules) -> str:
    """Return the tenant's words in the customer's language; nothing where it wants none said."""
    if not rules.settings.handoff_reply:
        return ""
    settings = rules.settings_at(datetime.now(UTC))
    return replies_in(settings, conversation.language or settings.language).handoff


def _conversation_of(heard: MessageReceived) -> bytes:
    return heard.conversation_id.bytes


def handoff_identity(turn_id: UUID, standing: Standing) -> UUID:
    """Identity of what is said at a handoff: one for each time the owner changes."""
    return send_identity(reply_identity(turn_id), standing.ownership_number)


def _news_of(outcome: Outcome) -> DeliveryNews:
    ids = (outcome.tenant_id, outcome.recorded_message_id)
    match outcome:
        case MessageSent():
            first = outcome.provider_message_ids[0] if outcome.provider_message_ids else None
            return DeliveryNews(*ids, "accepted", plan=outcome.plan, provider_message_id=first)
        case MessageFailed():
            return DeliveryNews(*ids, "failed", outcome.code, outcome.detail, outcome.plan)
        case MessageUnknown():
            return DeliveryNews(*ids, "unknown", None, outcome.detail)
    code = None
    if outcome.status == "failed":
        number = outcome.provider_code
        code = "provider_failed" if number is None else f"provider_{abs(number)}"
    return DeliveryNews(*ids, outcome.status, code, outcome.detail, price=outcome.price)
