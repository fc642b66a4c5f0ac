"""Fetches files as long as the provider has them: at once, then again with growing pauses."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid5

from channel_ingress.credentials import Credentials, CredentialsUnreadable
from channel_ingress.media import (
    EXPIRED,
    Dead,
    Fetched,
    NotFetched,
    decide,
    is_refusal,
    rest_seconds,
)
from channel_ingress.media_fetch import MediaFetcher
from channel_ingress.media_store import MediaClaim, MediaStore
from channel_ingress.metrics import MEDIA, TROUBLE
from channel_ingress.store import SendingChannel, Store
from contracts.v1.channels import MediaFailed, MediaStored
from contracts.v1.shapes import MediaRef
from observe import get_logger
from outbox import Outbox
from postgres import Database, DatabaseAway, Transaction

FETCHES_AT_ONCE = 8
LEASE_MARGIN_SECONDS = 5.0
LOOK_SECONDS = 15.0
"""Pause between looks for dead ids and the counts."""

_log = get_logger("media")


class TokenRefusals(Protocol):
    """Hears that a provider refused a channel's token."""

    async def token_refused(
        self, tx: Transaction, channel: SendingChannel, provider_code: int | None, detail: str
    ) -> None:
        """Take note of it."""
        ...


class MediaJob:
    """One loop a process; what it does not finish, another takes up when its lease is over."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        store: Store,
        media: MediaStore,
        credentials: Credentials,
        fetcher: MediaFetcher,
        refusals: TokenRefusals | None,
        *,
        sweep_seconds: float,
        fetch_seconds: float,
    ) -> None:
        self._database, self._outbox = database, outbox
        self._store, self.media = store, media
        self._credentials, self._fetcher, self._refusals = credentials, fetcher, refusals
        self._sweep_seconds = sweep_seconds
        self._lease_seconds = fetch_seconds + LEASE_MARGIN_SECONDS
        self._woken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_look = 0.0

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    async def run(self) -> None:
        """Fetch until cancelled; a fetch that is cut short is made again by whoever comes next."""
        async with self._fetcher.opened():
            try:
                while True:
                    await self._turn()
                    await self._pause()
            finally:
                await self._end_tasks()

    async def _turn(self) -> None:
        try:
            await self._start_due()
            now = asyncio.get_running_loop().time()
            if now >= self._next_look:
                self._next_look = now + LOOK_SECONDS
                await self._bury_dead()
        except DatabaseAway as error:
            _log.warning("media wait for the database", reason=str(error))
        except Exception:  # noqa: BLE001 - logged, and tried again at the next turn
            _log.exception("a look for media failed")

    async def _start_due(self) -> None:
        free = FETCHES_AT_ONCE - len(self._tasks)
        if free <= 0:
            return
        async with self._database.system() as tx:
            claims = await self.media.claim(tx, free, self._lease_seconds)
        for claim in claims:
            task = asyncio.create_task(self._fetch(claim), name=f"media {claim.media_id}")
            self._tasks.add(task)
            task.add_done_callback(self._task_ended)

    async def _bury_dead(self) -> None:
        """What nobody could fetch in time fails where people see it."""
        async with self._database.system() as tx:
            dead = await self.media.claim_dead(tx, EXPIRED.detail)
            await self._outbox.say(tx, *(media_failed(claim, EXPIRED) for claim in dead))
            for what, count in (await self.media.counts(tx)).items():
                TROUBLE.labels(what).set(count)
        for claim in dead:
            MEDIA.labels(claim.channel_type, EXPIRED.problem).inc()

    async def _fetch(self, claim: MediaClaim) -> None:
        try:
            async with self._outbox.transaction(claim.tenant_id) as tx:
                channel = await self._store.find_channel(tx, claim.channel_id)
            result = await self._try(claim, channel)
            async with self._outbox.transaction(claim.tenant_id) as tx:
                await self._record(tx, claim, channel, result)
        except DatabaseAway as error:
            _log.warning("a file is fetched again, the database is away", reason=str(error))
        except Exception:  # noqa: BLE001 - logged; the lease ends and it is tried again
            _log.exception("fetching a file broke off", media_id=str(claim.media_id))

    async def _try(self, claim: MediaClaim, channel: SendingChannel | None) -> Fetched | NotFetched:
        if channel is None:
            return NotFetched("refused", "the channel is not known any more")
        token = ""
        if claim.provider_media_id is not None:
            try:
                token = self._credentials.access_token(channel)
            except CredentialsUnreadable as error:
                return NotFetched("token", str(error))
        return await self._fetcher.fetch(claim, token)

    async def _record(
        self,
        tx: Transaction,
        claim: MediaClaim,
        channel: SendingChannel | None,
        result: Fetched | NotFetched,
    ) -> None:
        if isinstance(result, Fetched):
            if await self.media.record_stored(tx, claim, result):
                await self._outbox.say(tx, media_stored(claim, result))
                MEDIA.labels(claim.channel_type, "stored").inc()
            return
        await self._rest(tx, claim, channel, result)
        jitter = random.uniform(0.8, 1.2)  # noqa: S311 - spreads tries, hides nothing
        failures = claim.failures + 1
        decision = decide(result, failures, datetime.now(UTC), claim.dies_at, jitter)
        if isinstance(decision, Dead):
            if await self.media.record_failed(tx, claim, decision):
                await self._outbox.say(tx, media_failed(claim, decision))
                MEDIA.labels(claim.channel_type, decision.problem).inc()
            return
        MEDIA.labels(claim.channel_type, "again").inc()
        counted = 1 if decision.counts else 0
        await self.media.record_again(tx, claim, counted, decision.pause_seconds, result.detail)

    async def _rest(
        self,
        tx: Transaction,
        claim: MediaClaim,
        channel: SendingChannel | None,
        result: NotFetched,
    ) -> None:
        """Ask no more of a channel whose files the provider refuses, before it blocks us."""
        if not is_refusal(result.trouble) or claim.provider_media_id is None or channel is None:
            return
        refusals = await self.media.count_refusal(tx, claim)
        seconds = rest_seconds(result.trouble, refusals)
        if seconds is not None:
            revision = channel.revision if result.trouble == "token" else None
            await self.media.rest(tx, claim, seconds, revision)
        if result.trouble == "token" and self._refusals is not None:
            code = result.provider_code
            await self._refusals.token_refused(tx, channel, code, result.detail)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._woken.set()

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._sweep_seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()


def media_stored(claim: MediaClaim, fetched: Fetched) -> MediaStored:
    """The file is in our storage."""
    media = MediaRef(
        provider_media_id=claim.provider_media_id,
        mime_type=fetched.mime_type,
        file_name=claim.file_name,
        sha256=fetched.sha256,
        size_bytes=fetched.size_bytes,
        media_id=claim.media_id,
        state="stored",
    )
    return MediaStored.make(**_about(claim, "stored"), media=media)


def media_failed(claim: MediaClaim, dead: Dead) -> MediaFailed:
    """The file is lost."""
    media = MediaRef(
        provider_media_id=claim.provider_media_id,
        mime_type=claim.declared_type,
        file_name=claim.file_name,
        sha256=None,
        size_bytes=claim.declared_bytes,
        media_id=claim.media_id,
        state="failed",
        problem=dead.problem,
    )
    return MediaFailed.make(**_about(claim, "failed"), media=media, detail=dead.detail[:512])


def _about(claim: MediaClaim, outcome: str) -> dict[str, Any]:
    return {
        "tenant_id": claim.tenant_id,
        "correlation_id": claim.correlation_id,
        "causation_id": claim.causation_id,
        "message_id": uuid5(claim.media_id, outcome),
        "channel_id": claim.channel_id,
        "channel_type": claim.channel_type,
        "conversation_id": claim.conversation_id,
        "provider_message_id": claim.provider_message_id,
    }
