"""Rows in, rows out: contacts, conversations and messages. Decisions are made elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias
from uuid import UUID

from contracts.v1.channels import EchoReceived, MessageReceived, ThreadControlChanged
from contracts.v1.shapes import (
    ChannelType,
    ContactRef,
    DeliveryState,
    MessageExtras,
    Price,
    Role,
    SendPlan,
)
from contracts.v1.tenants import ChannelConfigured, TenantConfigured
from orchestrator.domain import (
    FIRST_STANDING,
    Standing,
    contact_identity,
    inbound_identity,
    states_before,
)
from orchestrator.storable import storable_json, storable_text
from postgres import Queries, Transaction

FromContact: TypeAlias = MessageReceived | EchoReceived | ThreadControlChanged
"""What begins a conversation where there is none."""


@dataclass(slots=True)
class LockedConversation:
    """A conversation under its row lock, with what a decision about it needs."""

    tenant_id: UUID
    conversation_id: UUID
    channel_id: UUID
    channel_type: ChannelType
    contact_id: UUID
    contact: ContactRef
    standing: Standing
    last_seq: int
    last_customer_seq: int
    last_answered_seq: int
    created_at: datetime
    last_message_at: datetime
    tenant_revision: int
    served: bool
    language: str | None = None
    language_by: str | None = None
    """`person` where somebody said the language: what the customer writes does not change it."""
    away_until: datetime | None = None
    """Until when the customer knows that nobody is there."""
    rating_asked_seq: int | None = None
    rating_asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a message stands, and since when."""

    seq: int
    created_at: datetime
    previous_send_seq: int | None = None
    """Place of the conversation's send before this one, if this is one."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Something said beside the bot's turns: a person's words, or the handoff's."""

    message_id: UUID
    role: Role
    author: str | None
    text: str
    turn_id: UUID | None
    send_id: UUID
    extras: MessageExtras | None = None
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryNews:
    """How far a message has come, and what is told beside it."""

    tenant_id: UUID
    message_id: UUID
    state: DeliveryState
    code: str | None = None
    detail: str | None = None
    plan: SendPlan | None = None
    price: Price | None = None
    provider_message_id: str | None = None


class ConversationStore:
    """Statements about configuration, contacts, conversations and messages."""

    def __init__(
        self, queries: Queries, changed: Callable[[UUID], None] = lambda _conversation: None
    ) -> None:
        self._queries = queries
        self._changed = changed
        """Told of every committed change of what waits for an answer, and of who answers."""

    async def save_tenant(self, tx: Transaction, heard: TenantConfigured) -> None:
        """Keep it unless a newer revision is here."""
        await tx.execute(
            self._queries["save_tenant"],
            heard.tenant_id,
            heard.revision,
            heard.name,
            heard.state,
            heard.settings.model_dump_json(),
            heard.slug,
        )

    async def save_channel(self, tx: Transaction, heard: ChannelConfigured) -> None:
        """Keep it unless a newer revision is here."""
        await tx.execute(
            self._queries["save_channel"],
            heard.channel_id,
            heard.tenant_id,
            heard.revision,
            heard.channel_type,
            heard.name,
            heard.state,
        )

    async def any_tenant(self, tx: Transaction) -> bool:
        """Tell whether any configuration was ever heard."""
        return bool(await tx.fetchval(self._queries["any_tenant"]))

    async def lock(
        self, tx: Transaction, tenant_id: UUID, conversation_id: UUID
    ) -> LockedConversation | None:
        """Lock a conversation's row until the transaction ends; None if there is none."""
        row = await tx.fetchrow(self._queries["lock_conversation"], tenant_id, conversation_id)
        return None if row is None else _locked(row)

    async def begin(self, tx: Transaction, heard: FromContact) -> None:
        """Make contact and conversation where they are missing and the channel is known."""
        await tx.execute(
            self._queries["begin_conversation"],
            heard.tenant_id,
            heard.conversation_id,
            contact_identity(heard.channel_id, heard.contact.external_id),
            heard.channel_id,
            heard.channel_type,
            heard.contact.external_id,
            heard.contact.display_name,
            heard.contact.phone,
            FIRST_STANDING.status,
            FIRST_STANDING.owner_kind,
            FIRST_STANDING.assignee,
            FIRST_STANDING.ownership_number,
            heard.contact.contact_id,
            heard.contact.user_id,
            heard.contact.username,
            heard.contact.email,
        )

    async def lock_or_begin(self, tx: Transaction, heard: FromContact) -> LockedConversation | None:
        """Lock the conversation, begun if it must be; None while its channel is unknown."""
        conversation = await self.lock(tx, heard.tenant_id, heard.conversation_id)
        if conversation is None:
            await self.begin(tx, heard)
            conversation = await self.lock(tx, heard.tenant_id, heard.conversation_id)
        return conversation

    async def save_contact(self, tx: Transaction, conversation: LockedConversation) -> None:
        """Keep who the customer is by now."""
        contact = conversation.contact
        await tx.execute(
            self._queries["save_contact"],
            conversation.tenant_id,
            conversation.contact_id,
            contact.display_name,
            contact.phone,
            contact.contact_id,
            contact.user_id,
            contact.username,
            contact.email,
        )

    async def record(
        self,
        tx: Transaction,
        heard: MessageReceived,
        standing: Standing,
        *,
        answer_wanted: bool,
        quiet: bool,
        wait_seconds: float,
    ) -> Placed | None:
        """Give a customer's message the next place; None if it has one already.

        A quiet one neither wants an answer nor takes one from what waits.
        """
        content = heard.content
        row = await tx.fetchrow(
            self._queries["record_customer_message"],
            heard.tenant_id,
            heard.conversation_id,
            inbound_identity(heard.conversation_id, heard.provider_message_id),
            storable_text(content.text or ""),
            None if content.kind == "text" else storable_json(content.model_dump_json()),
            heard.provider_message_id,
            heard.client_message_id,
            heard.sent_at,
            *_columns(standing),
            answer_wanted,
            wait_seconds,
            heard.reply_to,
            quiet,
        )
        return None if row is None else self._placed(tx, heard.conversation_id, row)

    async def record_echo(
        self, tx: Transaction, heard: EchoReceived, standing: Standing, author: str
    ) -> Placed | None:
        """Give what the business said elsewhere the next place; None if it has one already."""
        content = heard.content
        row = await tx.fetchrow(
            self._queries["record_echo"],
            heard.tenant_id,
            heard.conversation_id,
            inbound_identity(heard.conversation_id, heard.provider_message_id),
            author,
            storable_text(content.text or ""),
            None if content.kind == "text" else storable_json(content.model_dump_json()),
            heard.provider_message_id,
            heard.sent_at,
            *_columns(standing),
            bool(heard.imported),
        )
        return None if row is None else self._placed(tx, heard.conversation_id, row)

    async def append(
        self,
        tx: Transaction,
        conversation: LockedConversation,
        standing: Standing,
        said: Aside,
    ) -> Placed:
        """Say something beside the bot's turns, from a new standing."""
        row = await tx.fetchrow(
            self._queries["append_message"],
            conversation.tenant_id,
            conversation.conversation_id,
            said.message_id,
            said.role,
            said.author,
            said.text,
            said.turn_id,
            said.send_id,
            *_columns(standing),
            said.extras and storable_json(said.extras.model_dump_json()),
            said.reply_to,
        )
        if row is None:
            raise LookupError(f"conversation {conversation.conversation_id} is gone")
        placed = self._placed(tx, conversation.conversation_id, row)
        return replace(placed, previous_send_seq=row["previous_send_seq"])

    async def save_standing(
        self, tx: Transaction, tenant_id: UUID, conversation_id: UUID, standing: Standing
    ) -> bool:
        """Change who answers; answers whether the bot has something to go on with now."""
        tx.after_commit.append(partial(self._changed, conversation_id))
        return bool(
            await tx.fetchval(
                self._queries["save_standing"], tenant_id, conversation_id, *_columns(standing)
            )
        )

    async def count_as_answered(
        self, tx: Transaction, tenant_id: UUID, conversation_id: UUID
    ) -> None:
        """Nothing that the customer said so far waits for an answer any more."""
        await tx.execute(self._queries["answered_until"], tenant_id, conversation_id)

    async def first_unanswered(
        self, tx: Transaction, tenant_id: UUID, conversation_id: UUID
    ) -> int | None:
        """Return the place of the first message that nobody answered."""
        seq: int | None = await tx.fetchval(
            self._queries["first_unanswered"], tenant_id, conversation_id
        )
        return seq

    async def advance_delivery(self, tx: Transaction, news: Sequence[DeliveryNews]) -> None:
        """Take messages further; nothing here ever takes one back."""
        rows = sorted(news, key=lambda one: str(one.message_id))  # one lock order for every worker
        await tx.executemany(
            self._queries["advance_delivery"],
            [
                (
                    one.tenant_id,
                    one.message_id,
                    one.state,
                    one.code,
                    states_before(one.state),
                    one.detail,
                    one.plan and storable_json(one.plan.model_dump_json()),
                    one.price and storable_json(one.price.model_dump_json()),
                    one.provider_message_id,
                )
                for one in rows
            ],
        )

    def _placed(self, tx: Transaction, conversation_id: UUID, row: Any) -> Placed:
        tx.after_commit.append(partial(self._changed, conversation_id))
        return Placed(row["seq"], row["created_at"])


def _columns(standing: Standing) -> tuple[str, str, str | None, int]:
    return (
        standing.status,
        standing.owner_kind,
        standing.assignee,
        standing.ownership_number,
    )


def contact_of(row: Any) -> ContactRef:
    """Return the customer of a conversation's row."""
    return ContactRef(
        external_id=row["contact_external_id"],
        display_name=row["display_name"],
        phone=row["phone"],
        contact_id=row["book_contact_id"],
        user_id=row["user_id"],
        username=row["username"],
        email=row["email"],
    )


def _locked(row: Any) -> LockedConversation:
    return LockedConversation(
        tenant_id=row["tenant_id"],
        conversation_id=row["conversation_id"],
        channel_id=row["channel_id"],
        channel_type=row["channel_type"],
        contact_id=row["contact_id"],
        contact=contact_of(row),
        standing=Standing(
            row["status"], row["owner_kind"], row["assignee"], row["ownership_number"]
        ),
        last_seq=row["last_seq"],
        last_customer_seq=row["last_customer_seq"],
        last_answered_seq=row["last_answered_seq"],
        created_at=row["created_at"],
        last_message_at=row["last_message_at"],
        tenant_revision=row["tenant_revision"],
        served=row["channel_state"] == "active" and row["tenant_state"] == "active",
        language=row["language"],
        language_by=row["language_by"],
        away_until=row["away_until"],
        rating_asked_seq=row["rating_asked_seq"],
        rating_asked_at=row["rating_asked_at"],
    )
