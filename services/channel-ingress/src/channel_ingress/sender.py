"""Makes the calls that were claimed: outside any transaction, never cut by a cancellation."""

from __future__ import annotations

import asyncio
import time

from channel_ingress.action_table import NO_TOKEN, Action, Fallback
from channel_ingress.adapters import GRAPH_ADAPTERS
from channel_ingress.credentials import Credentials, CredentialsUnreadable
from channel_ingress.domain import (
    CallResult,
    Failed,
    NotSent,
    Outcome,
    Parked,
    decide_outcome,
    reference_of,
)
from channel_ingress.graph import CALL_SECONDS, GraphClient
from channel_ingress.media_upload import MediaUploads, Ready
from channel_ingress.outbound import STALE, Outbound
from channel_ingress.planner import messaging_type
from channel_ingress.planning import parts_of
from channel_ingress.rendering import Json, Part
from channel_ingress.send_store import Claim
from channel_ingress.store import SendingChannel
from observe import afailpoint, get_logger
from outbox import Outbox
from postgres import DatabaseAway

STALL_SECONDS = 10.0
"""A process that stood still this long after its claim must not call any more: others may have."""
FRESH_SECONDS = 0.05
"""A claim younger than this was committed with the fencing number just checked."""
HOLD_FIRST_SECONDS = 0.2
HOLD_LONGEST_SECONDS = 5.0
RECORD_TRIES = 6
"""Tries to commit an outcome that the database breaks off, over some six seconds."""

_STALE = Action(*STALE)
_NO_CHANNEL = Action("channel_disabled", "The channel is not known any more.")

_log = get_logger("sender")


class Sender:
    """One task for each conversation that has something to send now."""

    def __init__(
        self,
        outbox: Outbox,
        graph: GraphClient,
        credentials: Credentials,
        uploads: MediaUploads,
    ) -> None:
        self._outbox, self._graph, self._credentials = outbox, graph, credentials
        self._uploads = uploads
        self._tasks: set[asyncio.Task[None]] = set()
        self.outbound: Outbound
        """Set by the composition root: the two need each other."""

    def start(self, claim: Claim) -> None:
        """Make a claimed call, and whatever it makes possible after it."""
        task = asyncio.create_task(self._run(claim), name=f"send {claim.command.send_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let calls in flight end and their outcomes be committed."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CALL_SECONDS)
        await self._uploads.close()

    async def _run(self, first: Claim) -> None:
        claim: Claim | None = first
        while claim is not None:
            send_id = claim.command.send_id
            try:
                claim = await self._record(claim, await self._call(claim))
                self._uploads.begin(send_id)
            except Exception:  # noqa: BLE001 - it stays attempting: evidence or the sweeper ends it
                _log.exception("a send broke off", send_id=str(send_id))
                return

    async def _call(self, claim: Claim) -> Outcome:
        channel = claim.channel
        if channel is None or channel.state == "removed":
            return Failed(_NO_CHANNEL, None, _NO_CHANNEL.sentence)
        try:
            token = self._credentials.access_token(channel)
        except CredentialsUnreadable as error:
            return Parked(NO_TOKEN, None, f"{NO_TOKEN.sentence} ({error})")
        part = (claim.parts or parts_of(claim.command, channel, claim.plan))[claim.part]
        fallbacks = _fallbacks(claim, part)
        ready = await self._uploads.ready(claim, channel, part, token)
        if not isinstance(ready, Ready):
            return ready
        await afailpoint("channel-ingress.before_graph_call")
        age_seconds = time.monotonic() - claim.claimed_at
        if age_seconds > STALL_SECONDS:
            stalled = NotSent("the process stood still before the call")
            return decide_outcome(stalled, claim.tries, fallbacks)
        try:
            if age_seconds > FRESH_SECONDS and await self.outbound.is_stale(claim):
                return Failed(_STALE, None, _STALE.sentence)
        except DatabaseAway as error:
            return decide_outcome(
                NotSent(f"who answers is not known: {error}"), claim.tries, fallbacks
            )
        result = await self._send(claim, channel, ready.message, token)
        await self._uploads.learn(channel, ready, result)
        await afailpoint("channel-ingress.after_graph_call")
        return decide_outcome(result, claim.tries, fallbacks)

    async def _send(
        self, claim: Claim, channel: SendingChannel, message: Json, token: str
    ) -> CallResult:
        command = claim.command
        adapter = GRAPH_ADAPTERS[command.channel_type]
        path, body = adapter.request(
            channel.external_id,
            claim.to or command.contact_external_id,
            message,
            reference_of(command.send_id, claim.part),
            message_tag=claim.plan.message_tag if claim.plan else None,
        )
        if body.get("messaging_type") == "RESPONSE":
            body["messaging_type"] = messaging_type(command)
        return await self._graph.send(adapter, path, body, token)

    async def _record(self, claim: Claim, outcome: Outcome) -> Claim | None:
        """Commit the outcome, waiting while the database is away; what it breaks off (a deadlock)
        is tried again, because an outcome that is lost makes a send unknown."""
        wait_seconds, broken = HOLD_FIRST_SECONDS, 0
        while True:
            try:
                async with self._outbox.transaction(claim.command.tenant_id) as tx:
                    return await self.outbound.record(claim, outcome, tx)
            except DatabaseAway as error:
                _log.warning("holding an outcome, the database is away", reason=str(error))
            except Exception as error:
                broken += 1
                if broken >= RECORD_TRIES:
                    raise
                _log.warning(
                    "an outcome is recorded again", reason=f"{type(error).__name__}: {error}"
                )
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, HOLD_LONGEST_SECONDS)


def _fallbacks(claim: Claim, part: Part) -> set[Fallback]:
    """What may still go out instead of this part: each message falls back once."""
    if claim.fallback is not None:
        return set()
    return {"template", "text"} if part.fallback is not None else {"template"}
