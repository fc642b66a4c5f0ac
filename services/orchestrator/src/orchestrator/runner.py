"""Which conversations this process works on: at most N at once, each by one task."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Final
from uuid import UUID

import observe
from orchestrator.metrics import STAGE_SECONDS, SWEPT, TURNS_IN_PROGRESS
from orchestrator.runs import Runs, Turn
from orchestrator.turn_store import TurnStore
from orchestrator.turns import TurnWorker
from postgres import Database, DatabaseAway, Transaction

_JUST_AFTER_SECONDS: Final = 0.005
"""Timers run on this machine's clock, what is due on the database's: arrive a moment late."""

_log = observe.get_logger("orchestrator.runner")

Key = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class RunnerPace:
    """How much is done at once, and how often this process looks around."""

    concurrent_turns_max: int = 64
    heartbeat_seconds: float = 20.0
    sweep_seconds: float = 5.0


@dataclass(slots=True)
class _Waiting:
    """A conversation that shall be looked at, or a turn whose lease is taken already."""

    key: Key
    context: Context
    turn: Turn | None = None
    since: float = field(default_factory=perf_counter)


class TurnRunner:
    """Starts turns, keeps their leases, and sweeps up what nobody works on."""

    def __init__(
        self,
        database: Database,
        store: TurnStore,
        worker: TurnWorker,
        runs: Runs,
        pace: RunnerPace,
    ) -> None:
        self._database = database
        self._store = store
        self._worker = worker
        self._runs = runs
        self._pace = pace
        self._waiting: deque[_Waiting] = deque()
        self._queued: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._again: dict[Key, _Waiting] = {}
        self._stopping = False

    def wake(self, tenant_id: UUID, conversation_id: UUID, delay_seconds: float = 0.0) -> None:
        """Look at the conversation now, or after the delay; safe to call any number of times."""
        if self._stopping:
            return
        waiting = _Waiting((tenant_id, conversation_id), copy_context())
        if delay_seconds <= 0:
            self._enqueue(waiting)
        else:
            self._look_later(waiting, delay_seconds + _JUST_AFTER_SECONDS)

    def _look_later(self, waiting: _Waiting, seconds: float) -> None:
        """Set the conversation's one timer; what waits may be put off or brought forward."""
        before = self._timers.pop(waiting.key, None)
        if before is not None:
            before.cancel()
        loop = asyncio.get_running_loop()
        self._timers[waiting.key] = loop.call_later(seconds, self._time_is_up, waiting)

    @property
    def room(self) -> int:
        """How many more turns this process would begin at once; 0 when it stops."""
        if self._stopping:
            return 0
        busy = len(self._running) + len(self._waiting)
        return max(0, self._pace.concurrent_turns_max - busy)

    async def begin(self, tx: Transaction, tenant_id: UUID, conversation_id: UUID) -> Turn | None:
        """Take the lease in the caller's transaction: a commit less for the usual turn."""
        return await self._worker.begin(tx, tenant_id, conversation_id)

    def start(self, turn: Turn) -> None:
        """Work on a turn whose lease was just committed."""
        key = (turn.leased.tenant_id, turn.leased.conversation_id)
        self._enqueue(_Waiting(key, copy_context(), turn))

    @property
    def in_progress(self) -> int:
        """How many conversations are worked on now."""
        return len(self._running)

    async def heartbeat(self) -> None:
        """Renew the leases of turns in progress for ever; a turn whose lease is lost is cut."""
        await self._for_ever("heartbeat", self._pace.heartbeat_seconds, self.renew_once)

    async def sweep(self) -> None:
        """Look for ever for conversations that are due and nobody works on."""
        await self._for_ever("sweep", self._pace.sweep_seconds, self.sweep_once)

    async def _for_ever(
        self, name: str, seconds: float, work: Callable[[], Awaitable[object]]
    ) -> None:
        while True:
            try:
                await work()
            except DatabaseAway as error:
                _log.info("waiting for the database", work=name, reason=str(error))
            except Exception:  # noqa: BLE001 - the next round may do better, the log has this one
                _log.exception("a round failed", work=name)
            await asyncio.sleep(seconds)

    async def sweep_once(self) -> int:
        """Wake what a crash, a lost timer or another process's end left behind."""
        room = 2 * self._pace.concurrent_turns_max - len(self._waiting) - len(self._running)
        if room <= 0:
            return 0
        async with self._database.system() as tx:
            due = await self._store.due(tx, room)
        found = [key for key in due if key not in self._running and key not in self._queued]
        for key in found:
            self.wake(*key)
        SWEPT.inc(len(found))
        return len(found)

    async def stop(self, grace_seconds: float = 12.0) -> None:
        """Begin nothing more, let running turns end, then give the leases of the rest back."""
        self._stopping = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        begun = [one.turn for one in (*self._waiting, *self._again.values()) if one.turn]
        self._waiting.clear()
        self._again.clear()
        for turn in begun:
            await self._worker.give_back(turn.leased)
        if self._running:
            _, slow = await asyncio.wait(set(self._running.values()), timeout=grace_seconds)
            for task in slow:
                task.cancel()
            if slow:
                await asyncio.wait(slow)

    async def until_idle(self) -> None:
        """Wait until nothing runs and nothing is queued (timers aside): for tests."""
        while self._running:
            await asyncio.wait(set(self._running.values()))
            await asyncio.sleep(0)

    def _time_is_up(self, waiting: _Waiting) -> None:
        self._timers.pop(waiting.key, None)
        waiting.since = perf_counter()
        self._enqueue(waiting)

    def _enqueue(self, waiting: _Waiting) -> None:
        if self._stopping:
            return
        if waiting.key in self._running:
            # A task that just gave the lease back and a turn that just took it may meet here.
            if waiting.turn is not None or waiting.key not in self._again:
                self._again[waiting.key] = waiting
            return
        if waiting.key in self._queued:
            if waiting.turn is None:
                return
            self._waiting = deque(one for one in self._waiting if one.key != waiting.key)
        self._queued.add(waiting.key)
        self._waiting.append(waiting)
        self._pump()

    def _pump(self) -> None:
        while self._waiting and len(self._running) < self._pace.concurrent_turns_max:
            waiting = self._waiting.popleft()
            self._queued.discard(waiting.key)
            STAGE_SECONDS.labels("queue").observe(perf_counter() - waiting.since)
            task = asyncio.get_running_loop().create_task(
                self._work(waiting), context=waiting.context
            )
            self._running[waiting.key] = task
            TURNS_IN_PROGRESS.set(len(self._running))
            task.add_done_callback(partial(self._ended, waiting.key))

    def _ended(self, key: Key, _task: asyncio.Task[None]) -> None:
        del self._running[key]
        TURNS_IN_PROGRESS.set(len(self._running))
        again = self._again.pop(key, None)
        if again is not None:
            self._enqueue(again)
        self._pump()

    async def _work(self, waiting: _Waiting) -> None:
        key, turn = waiting.key, waiting.turn
        try:
            ended = await (self._worker.run(*key) if turn is None else self._worker.work(turn))
            while ended.more_waiting and not self._stopping:
                ended = await self._worker.run(*key)
        except asyncio.CancelledError:
            # Only `stop` cancels, and is done with this task.
            return
        except Exception:  # noqa: BLE001 - the lease runs out and a sweep finds it again
            _log.exception("a turn could not be saved", conversation_id=str(key[1]))
        else:
            if ended.again_in_seconds is not None:
                self.wake(*key, ended.again_in_seconds)

    async def renew_once(self) -> None:
        """Renew every lease that is held, and cut the runs whose lease is somebody else's."""
        held = dict(self._runs)
        if not held:
            return
        epochs = {known: run.turn.leased.lease_epoch for known, run in held.items()}
        async with self._database.system() as tx:
            mine = await self._store.renew(tx, epochs)
        for conversation_id, run in held.items():
            if conversation_id not in mine:
                run.cut("lease_lost")
