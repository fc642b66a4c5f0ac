"""Sends by named queries: kept, claimed, put off and ended; each method works in a transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import ValidationError

from channel_ingress.action_table import Fallback
from channel_ingress.pacing import pair_cost_seconds
from channel_ingress.policy_table import ENTRY_POINT_HOURS, PAIR_SECONDS, WINDOW_HOURS
from channel_ingress.rendering import Part
from channel_ingress.store import SendingChannel
from contracts.v1.sending import SendMessage
from contracts.v1.shapes import SendPlan
from postgres import Queries, Transaction

PREDECESSOR_SECONDS = 30.0
"""How long a send waits for one before it that has not been heard of."""


def is_fenced(command: SendMessage) -> bool:
    """What a person said goes out whoever owns the conversation by then; the rest does not."""
    return command.author != "agent"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right, committed, to make one call."""

    command: SendMessage
    attempt: int
    part: int
    channel: SendingChannel | None
    plan: SendPlan | None = None
    fallback: Fallback | None = None
    """What Meta's refusal asked for instead of the message itself."""
    to: str | None = None
    """Whom the provider sends it to, where that is not the contact's stable key."""
    parts: Sequence[Part] | None = None
    """As they were rendered for the plan; None: to be rendered for the call."""
    attempts_before: int = 0
    """Attempts that do not count as tries of this part."""
    claimed_at: float = field(default_factory=time.monotonic)
    """Monotonic seconds; a call long after this would come too late."""

    @property
    def tries(self) -> int:
        """How often this part has been tried, this time included: from 1."""
        return self.attempt - self.attempts_before


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the database says about a send that is to be planned."""

    now: datetime
    paced_until: datetime | None
    last_customer_at: datetime | None
    entry_point_until: datetime | None
    phone: str | None = None
    """By which the person is reached now."""
    user_id: str | None = None
    moved_to: str | None = None
    """Another contact took this one's place."""
    park_code: str | None = None
    park_detail: str | None = None
    park_bots_only: bool | None = None
    park_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A send that was taken to be attempted, before it is planned anew."""

    command: SendMessage
    attempt: int
    attempts_before: int
    part: int
    part_count: int
    plan: SendPlan | None
    fallback: Fallback | None
    provider_code: int | None
    """What the provider said to the try before."""
    is_stale: bool
    """The fencing number has risen since: the call must not be made."""
    is_unordered: bool
    """The send before it never came."""
    grounds: Grounds


@dataclass(frozen=True, slots=True)
class Delay:
    """A send that waits, and why."""

    command: SendMessage
    code: str
    detail: str
    until: datetime | None


class SendStore:
    """The send queries of this service."""

    def __init__(self) -> None:
        self._queries = Queries("channel_ingress", "queries_sending.sql")

    async def begin(self, tx: Transaction, command: SendMessage) -> tuple[int, Grounds]:
        """Lock the conversation's sends; the highest fencing number heard, and the grounds."""
        row = await tx.fetchrow(
            self._queries["begin_send"],
            command.conversation_id,
            command.tenant_id,
            command.ownership_number,
            command.channel_id,
            command.contact_external_id,
        )
        if row is None:
            raise RuntimeError("an upsert answered nothing")
        number, *grounds = row
        return int(number), Grounds(*grounds)

    async def plan(
        self,
        tx: Transaction,
        command: SendMessage,
        plan: SendPlan,
        *,
        goes: bool,
        part_count: int,
        pair_seconds: float,
        in_flight_seconds: float,
        until: datetime | None = None,
        code: str | None = None,
    ) -> tuple[str, int] | None:
        """Keep a send once: its state and attempt; None when it is known already."""
        row = await tx.fetchrow(
            self._queries["plan_send"],
            command.send_id,
            command.tenant_id,
            command.conversation_id,
            command.channel_id,
            command.channel_type,
            command.seq,
            command.ownership_number,
            part_count,
            command.model_dump_json(),
            command.author,
            in_flight_seconds,
            command.previous_seq,
            plan.model_dump_json(),
            goes,
            until,
            code,
            plan.detail if code else None,
            pair_seconds,
            command.contact_external_id,
            command.recorded_message_id,
        )
        return (row["state"], row["attempts"]) if row else None

    async def keep_ended(
        self,
        tx: Transaction,
        command: SendMessage,
        state: Literal["accepted", "failed"],
        code: str | None = None,
        detail: str | None = None,
        plan: SendPlan | None = None,
    ) -> bool:
        """Keep a send that needs no call; false when it is known already."""
        return bool(
            await tx.fetchval(
                self._queries["keep_ended_send"],
                command.send_id,
                command.tenant_id,
                command.conversation_id,
                command.channel_id,
                command.channel_type,
                command.seq,
                command.ownership_number,
                command.model_dump_json(),
                command.author,
                _text_of(plan),
                state,
                code,
                detail,
                command.contact_external_id,
                command.recorded_message_id,
            )
        )

    async def take_due(
        self,
        tx: Transaction,
        in_flight_seconds: float,
        conversation_id: UUID | None = None,
        limit: int = 50,
    ) -> list[Taken]:
        """Planned sends whose turn it is, now attempting; of one conversation, it is locked."""
        if conversation_id is not None:
            await tx.fetchval(self._queries["lock_conversation"], conversation_id)
        rows = await tx.fetch(
            self._queries["claim_due_sends"],
            in_flight_seconds,
            PREDECESSOR_SECONDS,
            limit,
            conversation_id,
            PAIR_SECONDS,
        )
        return [
            Taken(
                SendMessage.hear(row["command"].encode()),
                row["attempts"],
                row["attempts_before"],
                row["next_part"],
                row["part_count"],
                _plan_of(row["plan"]),
                row["fallback"],
                row["provider_code"],
                row["is_stale"],
                row["is_unordered"],
                Grounds(
                    row["now"],
                    row["paced_until"],
                    row["last_customer_at"],
                    row["entry_point_until"],
                    row["phone"],
                    row["user_id"],
                    row["moved_to"],
                ),
            )
            for row in rows
        ]

    async def put_off(
        self,
        tx: Transaction,
        send_id: UUID,
        until: datetime | None,
        code: str,
        plan: SendPlan,
        pair_seconds: float,
    ) -> None:
        """Plan a taken send again as if it had not been taken."""
        await tx.execute(
            self._queries["put_off_send"],
            send_id,
            until,
            code,
            plan.detail,
            plan.model_dump_json(),
            pair_seconds,
        )

    async def keep_plan(
        self, tx: Transaction, send_id: UUID, plan: SendPlan, part_count: int
    ) -> None:
        """It goes by another plan than before."""
        sql = self._queries["keep_plan"]
        await tx.execute(sql, send_id, plan.model_dump_json(), part_count)

    async def record_accepted(
        self, tx: Transaction, claim: Claim, provider_message_id: str
    ) -> tuple[str, bool, bool, bool] | None:
        """State, whether statuses came early, whether a later send waits, and whether somebody
        took over since it was written; None when settled."""
        row = await tx.fetchrow(
            self._queries["record_accepted"],
            claim.command.send_id,
            claim.attempt,
            claim.part,
            provider_message_id,
            int(ENTRY_POINT_HOURS),
            int(WINDOW_HOURS),
        )
        if row is None:
            return None
        return row["state"], row["has_early_statuses"], row["has_waiting"], row["is_stale"]

    async def is_stale(self, tx: Transaction, command: SendMessage) -> bool:
        """Whether somebody else owns the conversation since this was written."""
        return is_fenced(command) and bool(
            await tx.fetchval(
                self._queries["is_stale_send"], command.conversation_id, command.ownership_number
            )
        )

    async def record_retry(
        self,
        tx: Transaction,
        claim: Claim,
        pause_seconds: float,
        code: str,
        provider_code: int | None,
        detail: str,
        fallback: Fallback | None = None,
        *,
        counts: bool = True,
    ) -> bool:
        """Plan another try; false when it was settled before. One that does not count was not the
        send's own failure."""
        return bool(
            await tx.fetchval(
                self._queries["record_retry"],
                claim.command.send_id,
                claim.attempt,
                pause_seconds,
                code,
                provider_code,
                detail,
                fallback,
                pair_cost_seconds(claim.command.channel_type, 1),
                0 if counts else 1,
                0 if provider_code is None else 1,
            )
        )

    async def record_failed(
        self,
        tx: Transaction,
        claim: Claim,
        code: str,
        provider_code: int | None,
        detail: str,
        plan: SendPlan | None = None,
    ) -> bool | None:
        """End a send as failed; whether a later one waits; None when it was settled before."""
        row = await tx.fetchrow(
            self._queries["record_end"],
            claim.command.send_id,
            claim.attempt,
            "failed",
            code,
            provider_code,
            detail,
            _text_of(plan),
        )
        return bool(row["has_waiting"]) if row else None

    async def expire_attempting(
        self, tx: Transaction, unknown_after_seconds: float
    ) -> list[tuple[SendMessage, str]]:
        """Sends without evidence for too long, now unknown, with a sentence."""
        rows = await tx.fetch(self._queries["expire_attempting"], unknown_after_seconds)
        return [(SendMessage.hear(row["command"].encode()), row["detail"]) for row in rows]

    async def plan_of(self, tx: Transaction, send_id: UUID) -> SendPlan | None:
        """The plan by which a send went out."""
        text = await tx.fetchval(self._queries["plan_of_send"], send_id)
        return _plan_of(text)

    async def delays_to_tell(self, tx: Transaction, waiting_seconds: float) -> list[Delay]:
        """Sends that wait for a parked channel, or long, and of which nobody was told."""
        rows = [
            *await tx.fetch(self._queries["tell_parked"]),
            *await tx.fetch(self._queries["tell_waiting"], waiting_seconds),
        ]
        return [
            Delay(
                SendMessage.hear(row["command"].encode()), row["code"], row["detail"], row["until"]
            )
            for row in rows
            if row["is_news"]
        ]

    async def open_windows(
        self, tx: Transaction, rows: Sequence[tuple[UUID, UUID, datetime, bool]]
    ) -> None:
        """Conversation, tenant, when the customer wrote, whether an ad led here."""
        await tx.execute(self._queries["open_windows"], *map(list, zip(*rows, strict=True)))


def _plan_of(text: str | None) -> SendPlan | None:
    """As this or another version of the service wrote it; what it cannot read is planned anew."""
    try:
        return SendPlan.model_validate_json(text, extra="ignore") if text else None
    except ValidationError:
        return None


def _text_of(plan: SendPlan | None) -> str | None:
    return plan.model_dump_json() if plan else None
