"""Sends: the intent that is committed before a call, and the outcome after it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from channel_ingress.domain import Accepted, Failed, InDoubt, Outcome, Retry
from channel_ingress.known_channels import KnownChannels
from channel_ingress.metrics import SENDS
from channel_ingress.rendering import Part, render
from channel_ingress.said import message_failed, message_sent, message_unknown
from channel_ingress.status_join import IN_FLIGHT_SECONDS, StatusJoin
from channel_ingress.store import Claim, SendingChannel, Store
from channel_ingress.webchat import delivery_of
from contracts.v1.sending import SendMessage
from observe import get_logger
from outbox import Outbox, RetryLater
from postgres import Transaction

STALE = ("stale_ownership", "Somebody else owns the conversation since this was written.")
DISABLED = ("channel_disabled", "The channel is not served any more.")

_log = get_logger("outbound")


def parts_of(command: SendMessage, channel: SendingChannel) -> list[Part]:
    """A send's parts, each of them one call; the same each time."""
    return render(
        command.body,
        command.channel_type,
        platform=channel.choices.platform if channel.choices else None,
        reply_to=command.reply_to,
    )


class Outbound:
    """Everything about a send that is a transaction; calls happen between them."""

    def __init__(
        self,
        outbox: Outbox,
        store: Store,
        channels: KnownChannels,
        joins: StatusJoin,
        start_call: Callable[[Claim], None],
    ) -> None:
        self._outbox, self._store = outbox, store
        self._channels, self._joins = channels, joins
        self._start_call = start_call

    async def send(self, command: SendMessage, tx: Transaction) -> None:
        """Hear the command: refuse it, show it, plan it, or commit the intent and call."""
        number = await self._store.raise_ownership(
            tx, command.conversation_id, command.tenant_id, command.ownership_number
        )
        if command.ownership_number < number:
            await self._refuse(command, *STALE, tx)
        elif command.channel_type == "webchat":
            await self._show(command, tx)
        else:
            await self._plan(command, tx)

    async def claim_due(
        self, tx: Transaction, conversation_id: UUID | None = None, limit: int = 50
    ) -> list[Claim]:
        """Take planned sends whose turn it is; those that became stale end here."""
        claims = await self._store.claim_due_sends(tx, IN_FLIGHT_SECONDS, conversation_id, limit)
        for claim in claims:
            if claim.is_stale:
                await self._fail(claim, STALE[0], None, STALE[1], tx)
        return [claim for claim in claims if not claim.is_stale]

    async def record(self, claim: Claim, outcome: Outcome, tx: Transaction) -> Claim | None:
        """Commit what became of a call; answers what this conversation's next call is."""
        command = claim.command
        _count(command, outcome)
        match outcome:
            case Accepted():
                return await self._accepted(claim, outcome.provider_message_id, tx)
            case Retry():
                await self._store.record_retry(
                    tx,
                    claim,
                    outcome.pause_seconds,
                    outcome.action.code,
                    outcome.provider_code,
                    outcome.detail,
                )
            case Failed():
                code, provider_code = outcome.action.code, outcome.provider_code
                if await self._fail(claim, code, provider_code, outcome.detail, tx):
                    return await self._next_of(command.conversation_id, tx)
            case InDoubt():
                _log.warning(
                    "no answer was read, waiting for evidence",
                    send_id=str(command.send_id),
                    reason=outcome.reason,
                )
        return None

    async def expire(self, tx: Transaction, unknown_after_seconds: float) -> int:
        """Say of attempts without evidence that nobody knows."""
        expired = await self._store.expire_attempting(tx, unknown_after_seconds)
        for command, detail in expired:
            SENDS.labels(command.channel_type, "unknown", "no_evidence").inc()
            await self._outbox.say(tx, message_unknown(command, detail))
        return len(expired)

    async def _refuse(self, command: SendMessage, code: str, detail: str, tx: Transaction) -> None:
        if await self._store.keep_ended_send(tx, command, "failed", code, detail):
            SENDS.labels(command.channel_type, "failed", code).inc()
            await self._outbox.say(tx, message_failed(command, code, None, detail))

    async def _show(self, command: SendMessage, tx: Transaction) -> None:
        if await self._store.keep_ended_send(tx, command, "accepted"):
            SENDS.labels(command.channel_type, "accepted", "").inc()
            sent = message_sent(command, [str(command.send_id)])
            await self._outbox.say(tx, delivery_of(command), sent)

    async def _plan(self, command: SendMessage, tx: Transaction) -> None:
        channel = await self._channels.of_tenant(tx, command.channel_id, command.tenant_id)
        if channel is None:
            raise RetryLater(f"channel {command.channel_id} has not been heard of yet")
        if channel.state != "active":
            await self._refuse(command, *DISABLED, tx)
            return
        planned = await self._store.plan_send(
            tx, command, len(parts_of(command, channel)), IN_FLIGHT_SECONDS
        )
        if planned is not None and planned[0] == "attempting":
            self._call_after_commit(command, planned[1], channel, tx)

    def _call_after_commit(
        self, command: SendMessage, attempt: int, channel: SendingChannel, tx: Transaction
    ) -> None:
        claim = Claim(command, attempt, 0, channel)
        tx.after_commit.append(lambda: self._start_call(claim))

    async def _accepted(
        self, claim: Claim, provider_message_id: str, tx: Transaction
    ) -> Claim | None:
        command = claim.command
        recorded = await self._store.record_accepted(tx, claim, provider_message_id)
        if recorded is None:
            return None
        state, has_early_statuses, has_waiting = recorded
        if state == "accepted":
            ids = [provider_message_id]
            if claim.part:
                ids = await self._store.provider_ids(tx, command.send_id)
            await self._outbox.say(tx, message_sent(command, ids))
        if has_early_statuses:
            await self._joins.settle(tx, [provider_message_id])
        if state == "attempting":
            return Claim(command, claim.attempt, claim.part + 1, claim.channel)
        return await self._next_of(command.conversation_id, tx) if has_waiting else None

    async def _fail(
        self, claim: Claim, code: str, provider_code: int | None, detail: str, tx: Transaction
    ) -> bool:
        """End it; whether a later send of the conversation waits."""
        has_waiting = await self._store.record_failed(tx, claim, code, provider_code, detail)
        if has_waiting is None:
            return False
        await self._outbox.say(tx, message_failed(claim.command, code, provider_code, detail))
        return has_waiting

    async def _next_of(self, conversation_id: UUID, tx: Transaction) -> Claim | None:
        claims = await self.claim_due(tx, conversation_id, limit=1)
        return claims[0] if claims else None


def _count(command: SendMessage, outcome: Outcome) -> None:
    code = outcome.action.code if isinstance(outcome, Retry | Failed) else ""
    name = type(outcome).__name__.lower()
    SENDS.labels(command.channel_type, name, code).inc()
