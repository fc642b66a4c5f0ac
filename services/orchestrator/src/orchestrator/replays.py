"""Answers to those who have past turns answered once more with other settings."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from bus import Bus, Refused
from contracts.v1.trying import (
    GetReplay,
    ListReplays,
    ListReplayTurns,
    Replay,
    ReplayFound,
    ReplaysListed,
    ReplayTurnsListed,
    StartReplay,
    StopReplay,
)
from orchestrator.rehearsing import Rehearsing
from orchestrator.tenant_rules import RuleBook
from orchestrator.trial_judging import TrialJudge
from orchestrator.trial_store import PAGE_MAX, NewTrial, TrialStore, replay_shown
from orchestrator.trying import settled
from outbox import Outbox
from postgres import Transaction

RUNNING_MAX: Final = 3
_BEFORE_ALL: Final = (-3.0, UUID(int=0))


class Replays:
    """Handlers of requests about replays."""

    def __init__(
        self,
        outbox: Outbox,
        store: TrialStore,
        rules: RuleBook,
        judge: TrialJudge,
        rehearsing: Rehearsing,
    ) -> None:
        self._outbox, self._store, self._rules = outbox, store, rules
        self._judge, self._rehearsing = judge, rehearsing

    def listen(self, bus: Bus) -> None:
        """Register the requests."""
        bus.answer(StartReplay, self.start)
        bus.answer(ListReplays, self.list)
        bus.answer(GetReplay, self.get)
        bus.answer(ListReplayTurns, self.turns)
        bus.answer(StopReplay, self.stop)

    async def start(self, request: StartReplay) -> ReplayFound:
        """Note the turns; they are answered in the background."""
        trial = NewTrial(
            request.message_id,
            request.tenant_id,
            "replay",
            request.name,
            request.overrides,
            request.budget_usd,
        )
        async with self._outbox.transaction(request.tenant_id) as tx:
            try:
                rules = await self._rules.current(tx, request.tenant_id)
            except LookupError as error:
                raise Refused("not_found", "There is no such tenant.") from error
            settled(rules.settings, request.overrides, None)
            again = await self._store.find(tx, request.tenant_id, trial.trial_id) is not None
            if (
                not again
                and await self._store.running_replays(tx, request.tenant_id) >= RUNNING_MAX
            ):
                raise Refused("too_many", f"At most {RUNNING_MAX} replays run at once.")
            if not await self._store.begin(tx, trial):
                # Asked once more by a broker that did not hear that it was answered.
                return ReplayFound(replay=await self._shown(tx, request.tenant_id, trial.trial_id))
            chosen = await self._store.choose_turns(
                tx,
                trial,
                request.since,
                request.until,
                request.conversation_ids,
                request.turns_max,
            )
            if not chosen:
                raise Refused("no_turns", "No answered turn fits what was asked for.")
            tx.after_commit.append(self._rehearsing.wake)
            return ReplayFound(replay=await self._shown(tx, request.tenant_id, trial.trial_id))

    async def list(self, request: ListReplays) -> ReplaysListed:
        """The newest replays."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            rows = await self._store.newest(tx, request.tenant_id, ["replay"])
            return ReplaysListed(replays=[*await self._all_shown(tx, request.tenant_id, rows)])

    async def get(self, request: GetReplay) -> ReplayFound:
        """One replay with its numbers so far."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            return ReplayFound(replay=await self._shown(tx, request.tenant_id, request.replay_id))

    async def turns(self, request: ListReplayTurns) -> ReplayTurnsListed:
        """Turns side by side, those that differ most first."""
        after = _BEFORE_ALL if request.cursor is None else _read_place(request.cursor)
        limit = min(request.limit, PAGE_MAX)
        ids = (request.tenant_id, request.replay_id)
        async with self._outbox.transaction(request.tenant_id) as tx:
            await self._row(tx, *ids)
            page, following = await self._store.turns(tx, *ids, after, limit)
        cursor = None if following is None else f"{following[0]!r}|{following[1]}"
        return ReplayTurnsListed(turns=page, next_cursor=cursor)

    async def stop(self, request: StopReplay) -> ReplayFound:
        """Replay no further; what is done stays."""
        ids = (request.tenant_id, request.replay_id)
        async with self._outbox.transaction(request.tenant_id) as tx:
            row = await self._row(tx, *ids)
            await self._judge.end(tx, row, "stopped", "person", "A person stopped it.")
            return ReplayFound(replay=await self._shown(tx, *ids))

    async def _row(self, tx: Transaction, tenant_id: UUID, replay_id: UUID) -> Any:
        row = await self._store.find(tx, tenant_id, replay_id)
        if row is None or row["kind"] != "replay":
            raise Refused("not_found", "There is no such replay.")
        return row

    async def _shown(self, tx: Transaction, tenant_id: UUID, replay_id: UUID) -> Replay:
        row = await self._row(tx, tenant_id, replay_id)
        return (await self._all_shown(tx, tenant_id, [row]))[0]

    async def _all_shown(
        self, tx: Transaction, tenant_id: UUID, rows: Sequence[Any]
    ) -> Sequence[Replay]:
        ids = [row["trial_id"] for row in rows]
        counted = await self._store.counts(tx, tenant_id, ids)
        sums = await self._store.sums(tx, tenant_id, ids)
        return [
            replay_shown(row, counted.get(row["trial_id"], (0, 0)), sums[row["trial_id"]])
            for row in rows
        ]


def _read_place(cursor: str) -> tuple[float, UUID]:
    place, _, turn_id = cursor.partition("|")
    try:
        read = float(place), UUID(turn_id)
    except ValueError as error:
        raise Refused("invalid_cursor", "The cursor is not one of ours.") from error
    if not _BEFORE_ALL[0] <= read[0] <= -_BEFORE_ALL[0]:
        raise Refused("invalid_cursor", "The cursor is not one of ours.")
    return read
