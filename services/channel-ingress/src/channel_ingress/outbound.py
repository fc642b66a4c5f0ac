"""Sends: the intent that is committed before a call, and the outcome after it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from channel_ingress.domain import Accepted, Failed, InDoubt, Outcome, Parked, Retry
from channel_ingress.known_channels import KnownChannels
from channel_ingress.metrics import DELAYS, SENDS, UNORDERED
from channel_ingress.pacing import pair_cost_seconds
from channel_ingress.parking import Parking
from channel_ingress.planner import Planned
from channel_ingress.planning import Consent, Planning, parts_of
from channel_ingress.rendering import CannotRender, Part
from channel_ingress.said import message_delayed, message_failed, message_sent, message_unknown
from channel_ingress.send_store import Claim, Grounds, SendStore, Taken, is_fenced
from channel_ingress.status_join import IN_FLIGHT_SECONDS, StatusJoin
from channel_ingress.store import SendingChannel, Store
from channel_ingress.webchat import delivery_of
from contracts.v1.sending import SendMessage
from contracts.v1.shapes import SendPlan
from observe import get_logger
from outbox import Outbox, RetryLater
from postgres import DatabaseAway, Transaction

STALE = ("stale_ownership", "Somebody else owns the conversation since this was written.")
NO_CHANNEL = ("channel_disabled", "The channel is not known any more.")
BROKEN = "internal_error"
BROKEN_TRIES = 5
BROKEN_PAUSE_SECONDS = 60.0
SAVEPOINT, BACK_TO_SAVEPOINT = "savepoint claim", "rollback to savepoint claim"
TOLD_AFTER_SECONDS = 10.0
"""A send that waits longer is said to be delayed."""

_log = get_logger("outbound")


class Outbound:
    """Everything about a send that is a transaction; calls happen between them."""

    def __init__(
        self,
        outbox: Outbox,
        store: Store,
        sends: SendStore,
        channels: KnownChannels,
        joins: StatusJoin,
        planning: Planning,
        parking: Parking,
        consent: Consent,
        start_call: Callable[[Claim], None],
        look_again: Callable[[float], None],
    ) -> None:
        self._outbox, self._store, self._sends = outbox, store, sends
        self._channels, self._joins = channels, joins
        self._planning, self._parking, self._consent = planning, parking, consent
        self._start_call, self._look_again = start_call, look_again

    async def send(self, command: SendMessage, tx: Transaction) -> None:
        """Hear the command: refuse it, show it, plan it, or commit the intent and call."""
        grounds = None
        if command.channel_type == "webchat":
            number = await self._store.raise_ownership(
                tx, command.conversation_id, command.tenant_id, command.ownership_number
            )
        else:
            number, grounds = await self._sends.begin(tx, command)
        if is_fenced(command) and command.ownership_number < number:
            await self._refuse(command, *STALE, tx)
        elif grounds is None:
            await self._show(command, tx)
        else:
            await self._plan(command, grounds, tx)

    async def claim_due(
        self, tx: Transaction, conversation_id: UUID | None = None, limit: int = 50
    ) -> list[Claim]:
        """Take planned sends whose turn it is and plan them anew: what held for them when they
        were written may not hold now. Those that may not go end here, or wait on; one that cannot
        be planned holds up no other conversation."""
        claims = []
        for taken in await self._sends.take_due(tx, IN_FLIGHT_SECONDS, conversation_id, limit):
            await tx.execute(SAVEPOINT)
            try:
                claim = await self._claim(taken, tx)
            except DatabaseAway:
                raise
            except Exception as error:  # noqa: BLE001 - it gets its destination there
                await tx.execute(BACK_TO_SAVEPOINT)
                await self._broken(taken, error, tx)
                continue
            if claim is not None:
                claims.append(claim)
        return claims

    async def record(self, claim: Claim, outcome: Outcome, tx: Transaction) -> Claim | None:
        """Commit what became of a call; answers what this conversation's next call is."""
        command = claim.command
        _count(command, outcome)
        match outcome:
            case Accepted():
                return await self._accepted(claim, outcome.provider_message_id, tx)
            case Retry():
                await self._retry(claim, outcome, tx)
            case Parked():
                await self._park(claim, outcome, tx)
            case Failed():
                if outcome.action.opts_out:
                    await self._consent.opt_out(tx, command, claim.channel)
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

    async def is_stale(self, claim: Claim) -> bool:
        """Whether somebody took over since the claim was committed: the call must not be made."""
        async with self._outbox.transaction(claim.command.tenant_id) as tx:
            return await self._sends.is_stale(tx, claim.command)

    async def expire(self, tx: Transaction, unknown_after_seconds: float) -> int:
        """Say of attempts without evidence that nobody knows."""
        expired = await self._sends.expire_attempting(tx, unknown_after_seconds)
        for command, detail in expired:
            SENDS.labels(command.channel_type, "unknown", "no_evidence").inc()
            await self._outbox.say(tx, message_unknown(command, detail))
        return len(expired)

    async def tell_delays(self, tx: Transaction) -> None:
        """Free channels whose pause is over; say of what waits that it does, once."""
        await self._parking.end_pauses(tx)
        for delay in await self._sends.delays_to_tell(tx, TOLD_AFTER_SECONDS):
            DELAYS.labels(delay.command.channel_type, delay.code).inc()
            await self._outbox.say(tx, message_delayed(delay))

    async def _refuse(
        self,
        command: SendMessage,
        code: str,
        detail: str,
        tx: Transaction,
        plan: SendPlan | None = None,
    ) -> None:
        if await self._sends.keep_ended(tx, command, "failed", code, detail, plan):
            SENDS.labels(command.channel_type, "failed", code).inc()
            await self._outbox.say(tx, message_failed(command, code, None, detail, plan))

    async def _show(self, command: SendMessage, tx: Transaction) -> None:
        if await self._sends.keep_ended(tx, command, "accepted"):
            SENDS.labels(command.channel_type, "accepted", "").inc()
            sent = message_sent(command, [str(command.send_id)])
            await self._outbox.say(tx, delivery_of(command), sent)

    async def _plan(self, command: SendMessage, grounds: Grounds, tx: Transaction) -> None:
        channel = await self._channels.of_tenant(tx, command.channel_id, command.tenant_id)
        if channel is None:
            raise RetryLater(f"channel {command.channel_id} has not been heard of yet")
        try:
            parts = parts_of(command, channel)
            planned = await self._planning.plan(
                tx, command, channel, grounds, part=0, part_count=len(parts)
            )
            if planned.plan.decision == "refuse":
                detail = planned.plan.detail
                await self._refuse(command, planned.code, detail, tx, planned.plan)
                return
            if planned.plan.decision == "template":
                parts = parts_of(command, channel, planned.plan)
        except CannotRender as error:
            await self._refuse(command, error.code, str(error), tx)
            return
        await self._keep_planned(command, channel, planned, parts, grounds, tx)

    async def _keep_planned(
        self,
        command: SendMessage,
        channel: SendingChannel,
        planned: Planned,
        parts: list[Part],
        grounds: Grounds,
        tx: Transaction,
    ) -> None:
        placed = await self._sends.plan(
            tx,
            command,
            planned.plan,
            goes=planned.goes,
            part_count=len(parts),
            pair_seconds=pair_cost_seconds(command.channel_type, len(parts)),
            in_flight_seconds=IN_FLIGHT_SECONDS,
            until=planned.until,
            code=None if planned.goes else planned.code,
        )
        if placed is not None and placed[0] == "attempting":
            to = await self._consent.address_of(tx, command, grounds)
            claim = Claim(command, placed[1], 0, channel, planned.plan, to=to, parts=parts)
            tx.after_commit.append(lambda: self._start_call(claim))
        elif planned.goes:
            self._planning.give_back(channel, len(parts))
        else:
            self._look_later(planned, tx)

    async def _claim(self, taken: Taken, tx: Transaction) -> Claim | None:
        command = taken.command
        channel = await self._store.find_channel(tx, command.channel_id)
        claim = _claim_of(taken, channel, taken.plan)
        if taken.is_unordered:
            UNORDERED.labels(command.channel_type).inc()
        if taken.is_stale or channel is None:
            code, detail = STALE if taken.is_stale else NO_CHANNEL
            await self._fail(claim, code, None, detail, tx)
            return None
        planned = await self._planning.plan(
            tx,
            command,
            channel,
            taken.grounds,
            part=taken.part,
            part_count=taken.part_count,
            fallback=taken.fallback,
        )
        return await self._go(taken, channel, planned, tx)

    async def _go(
        self, taken: Taken, channel: SendingChannel, planned: Planned, tx: Transaction
    ) -> Claim | None:
        """A taken send as planned now: its claim, or None where it ends or is put off."""
        command, plan = taken.command, planned.plan
        to = await self._consent.address_of(tx, command, taken.grounds)
        claim = _claim_of(taken, channel, plan, to)
        if plan.decision == "refuse":
            said = taken.provider_code if taken.fallback else None
            await self._fail(claim, planned.code, said, plan.detail, tx)
            return None
        if plan.decision == "later":
            cost = pair_cost_seconds(command.channel_type, taken.part_count - taken.part)
            until, code = planned.until, planned.code
            await self._sends.put_off(tx, command.send_id, until, code, plan, cost)
            self._look_later(planned, tx)
            return None
        if taken.plan is None or taken.plan.rule != plan.rule:
            try:
                part_count = len(parts_of(command, channel, plan))
            except CannotRender as error:
                await self._fail(claim, error.code, None, str(error), tx)
                return None
            await self._sends.keep_plan(tx, command.send_id, plan, part_count)
        return claim

    def _look_later(self, planned: Planned, tx: Transaction) -> None:
        """The sweeper sends what is paced at its time, and tells of what is parked at once."""
        tx.after_commit.append(lambda: self._look_again(planned.wait_seconds))

    async def _retry(self, claim: Claim, retry: Retry, tx: Transaction) -> None:
        await self._sends.record_retry(
            tx,
            claim,
            retry.pause_seconds,
            retry.action.code,
            retry.provider_code,
            retry.detail,
            retry.fallback,
        )
        if retry.fallback is not None:
            tx.after_commit.append(lambda: self._look_again(0.0))

    async def _park(self, claim: Claim, parked: Parked, tx: Transaction) -> None:
        """The send waits with its channel; if that was configured anew, it is tried at once."""
        action, channel = parked.action, claim.channel
        if channel is not None and action.park is not None:
            await self._parking.park(
                tx,
                channel,
                action.code,
                parked.detail,
                provider_code=parked.provider_code,
                scope=action.park,
                seconds=action.park_seconds,
            )
        await self._sends.record_retry(
            tx, claim, 0.0, action.code, parked.provider_code, parked.detail, counts=False
        )
        tx.after_commit.append(lambda: self._look_again(0.0))

    async def _accepted(
        self, claim: Claim, provider_message_id: str, tx: Transaction
    ) -> Claim | None:
        command = claim.command
        recorded = await self._sends.record_accepted(tx, claim, provider_message_id)
        if recorded is None:
            return None
        state, has_early_statuses, has_waiting, is_stale = recorded
        if state == "accepted":
            ids = [provider_message_id]
            if claim.part:
                ids = await self._store.provider_ids(tx, command.send_id)
            await self._outbox.say(tx, message_sent(command, ids, claim.plan))
        if has_early_statuses:
            await self._joins.settle(tx, [provider_message_id])
        if state == "attempting" and is_stale:
            rest = replace(claim, part=claim.part + 1)
            detail = f"{STALE[1]} Its first {claim.part + 1} parts were sent."
            await self._fail(rest, STALE[0], None, detail, tx)
        elif state == "attempting":
            return replace(
                claim,
                part=claim.part + 1,
                fallback=None,
                attempts_before=claim.attempt - 1,
                claimed_at=time.monotonic(),
            )
        return await self._next_of(command.conversation_id, tx) if has_waiting else None

    async def _fail(
        self, claim: Claim, code: str, provider_code: int | None, detail: str, tx: Transaction
    ) -> bool:
        """End it; whether a later send of the conversation waits."""
        command, plan = claim.command, claim.plan
        has_waiting = await self._sends.record_failed(
            tx, claim, code, provider_code, detail[:512], plan
        )
        if has_waiting is None:
            return False
        await self._outbox.say(tx, message_failed(command, code, provider_code, detail, plan))
        return has_waiting

    async def _broken(self, taken: Taken, error: Exception, tx: Transaction) -> None:
        """A send that cannot be planned waits where people see it, and fails at last."""
        claim = _claim_of(taken, None, taken.plan)
        _log.error("a send cannot be planned", send_id=str(taken.command.send_id), exc_info=error)
        detail = f"The message could not be prepared ({type(error).__name__})."
        if claim.tries > BROKEN_TRIES:
            await self._fail(claim, BROKEN, None, detail, tx)
        else:
            await self._sends.record_retry(tx, claim, BROKEN_PAUSE_SECONDS, BROKEN, None, detail)

    async def _next_of(self, conversation_id: UUID, tx: Transaction) -> Claim | None:
        claims = await self.claim_due(tx, conversation_id, limit=1)
        return claims[0] if claims else None


def _claim_of(
    taken: Taken, channel: SendingChannel | None, plan: SendPlan | None, to: str | None = None
) -> Claim:
    return Claim(
        taken.command,
        taken.attempt,
        taken.part,
        channel,
        plan,
        taken.fallback,
        to,
        attempts_before=taken.attempts_before,
    )


def _count(command: SendMessage, outcome: Outcome) -> None:
    code = outcome.action.code if isinstance(outcome, Retry | Failed | Parked) else ""
    name = type(outcome).__name__.lower()
    SENDS.labels(command.channel_type, name, code).inc()
