"""Keeping what came in: ledger row and outbox row in one commit, shared by all who wait together.

A commit costs the same for one row as for a hundred, so whoever arrives while a commit is running
shares the next one. Nobody is answered before the commit that holds their row.
"""

import asyncio
import contextvars
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import asyncpg
from opentelemetry import context
from opentelemetry.context import Context
from opentelemetry.trace import get_current_span
from prometheus_client import Counter, Histogram

from blobs import Blobs
from contracts.v1.channels import ChannelWebhookReceived
from gateway.domain import Delivery
from observe import afailpoint, get_logger
from outbox import Outbox
from postgres import Database, DatabaseAway, Queries, Transaction

INLINE_BYTES_MAX: Final = 65_536
_TOGETHER_MAX: Final = 128
_COMMITS_AT_ONCE: Final = 2
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_KEPT: Final = Counter("chat_gateway_kept_total", "Bodies in the ledger.", ["source", "result"])
_TOGETHER: Final = Histogram(
    "chat_gateway_commit_deliveries",
    "Bodies that shared a commit.",
    buckets=(1, 2, 4, 8, 16, 32, 64),
)
_NO_CONTEXT: Final = contextvars.Context()
_log = get_logger("intake")

AWAY: Final = (
    DatabaseAway,
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)


@dataclass(slots=True, eq=False)
class _Waiting:
    delivery: Delivery
    message: ChannelWebhookReceived
    done: "asyncio.Future[bool]"
    trace: Context | None


class Intake:
    """The only way into the ledger."""

    def __init__(self, database: Database, outbox: Outbox, blobs: Blobs, queries: Queries) -> None:
        self._database = database
        self._outbox = outbox
        self._blobs = blobs
        self._insert = queries["keep_deliveries"]
        self._waiting: list[_Waiting] = []
        self._committing: set[asyncio.Task[None]] = set()

    async def keep(self, delivery: Delivery) -> bool:
        """Return when it is committed: True if it is new, False if it was there before.

        Raises DatabaseAway when nothing could be kept.
        """
        inline = inline_text(delivery.body)
        if inline is None:
            delivery = replace(delivery, body_sha256=await self._put(delivery.body))
        traced = get_current_span().get_span_context().trace_flags.sampled
        waiting = _Waiting(
            delivery,
            delivery.received(inline),
            asyncio.get_running_loop().create_future(),
            context.get_current() if traced else None,
        )
        self._waiting.append(waiting)
        if len(self._committing) < _COMMITS_AT_ONCE:
            self._start_committing()
        try:
            return await waiting.done
        except asyncio.CancelledError:
            # Its sender was told to send it again: behind a database that stands still, bodies
            # that nobody waits for would fill the memory, and be kept twice when it moves.
            with suppress(ValueError):
                self._waiting.remove(waiting)
            raise

    async def drain(self) -> None:
        """Let running commits end."""
        if self._committing:
            await asyncio.wait(self._committing)

    async def _put(self, body: bytes) -> str:
        try:
            return await self._blobs.put(body)
        except Exception as error:
            _log.exception("a body could not be put into blobs")
            raise DatabaseAway("blobs") from error

    def _start_committing(self) -> None:
        # A context of its own: the first waiter's span must not hold everybody's.
        task = asyncio.get_running_loop().create_task(
            self._commit_all(), context=_NO_CONTEXT.copy()
        )
        self._committing.add(task)
        task.add_done_callback(self._committing.discard)

    async def _commit_all(self) -> None:
        await asyncio.sleep(0)
        while self._waiting:
            together = self._waiting[:_TOGETHER_MAX]
            del self._waiting[:_TOGETHER_MAX]
            await self._settle(together)

    async def _settle(self, together: Sequence[_Waiting]) -> None:
        try:
            fresh = await self._commit(together)
        except AWAY as error:
            _release(together, DatabaseAway(str(error) or type(error).__name__))
        except Exception as error:  # noqa: BLE001 - whoever waits is told, alone or together
            if len(together) > 1:
                _log.warning("a shared commit failed, each alone", reason=repr(error))
                for waiting in together:
                    await self._settle([waiting])
                return
            _log.exception("a delivery could not be kept")
            _release(together, error)
        else:
            await afailpoint("gateway.after_commit")
            _TOGETHER.observe(len(together))
            for waiting in together:
                new = waiting.delivery.delivery_id in fresh
                _KEPT.labels(waiting.delivery.source, "new" if new else "repeated").inc()
                if not waiting.done.done():
                    waiting.done.set_result(new)

    async def _commit(self, together: Sequence[_Waiting]) -> set[UUID]:
        async with self._database.system() as tx:
            rows = await tx.fetch(self._insert, *_columns([w.delivery for w in together]))
            fresh = {row["delivery_id"] for row in rows}
            await self._say(tx, [w for w in together if w.delivery.delivery_id in fresh])
            await afailpoint("gateway.before_commit")
        return fresh

    async def _say(self, tx: Transaction, fresh: Sequence[_Waiting]) -> None:
        """One statement for all, but for those whose trace is recorded: they carry their own."""
        said: dict[UUID, None] = {}
        plain = []
        for waiting in fresh:
            if waiting.delivery.delivery_id in said:
                continue
            said[waiting.delivery.delivery_id] = None
            if waiting.trace is None:
                plain.append(waiting.message)
                continue
            token = context.attach(waiting.trace)
            try:
                await self._outbox.say(tx, waiting.message)
            finally:
                context.detach(token)
        await self._outbox.say(tx, *plain)


def inline_text(body: bytes) -> str | None:
    """The body as text when it can travel inside a message; None when it goes by blob."""
    if len(body) > INLINE_BYTES_MAX or _CONTROL.search(body):
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _release(together: Sequence[_Waiting], error: Exception) -> None:
    for waiting in together:
        if not waiting.done.done():
            waiting.done.set_exception(error)


def _columns(deliveries: Sequence[Delivery]) -> list[list[object]]:
    """The deliveries turned on their side, as `unnest` takes them."""
    return [
        [d.delivery_id for d in deliveries],
        [d.tenant_id for d in deliveries],
        [d.channel_type for d in deliveries],
        [d.channel_id for d in deliveries],
        [d.source for d in deliveries],
        [d.received_at for d in deliveries],
        [d.object_kind for d in deliveries],
        [d.signature for d in deliveries],
        [None if d.body_sha256 else d.body for d in deliveries],
        [d.body_sha256 for d in deliveries],
        [d.client_message_id for d in deliveries],
    ]
