"""Rows of trials and of the turns that they try."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from contracts.v1.trying import (
    Experiment,
    ExperimentRule,
    Replay,
    ReplaySums,
    ReplayTurn,
    TriedAnswer,
)
from orchestrator.storable import storable_json, storable_text
from orchestrator.trial_numbers import NOTHING, Side, sums_of
from postgres import Queries, Transaction

TrialKind = Literal["replay", "shadow", "canary"]
PAGE_MAX: Final = 20
PAGE_BYTES_MAX: Final = 180_000


@dataclass(frozen=True, slots=True)
class NewTrial:
    """A trial that is to begin."""

    trial_id: UUID
    tenant_id: UUID
    kind: TrialKind
    name: str
    overrides: str
    budget_usd: float | None
    percent: float | None = None
    rule: ExperimentRule | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A turn that this process answers once more."""

    trial_id: UUID
    turn_id: UUID
    tenant_id: UUID
    conversation_id: UUID
    tries: int
    kind: TrialKind
    overrides: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it."""

    question: str
    before: TriedAnswer | None
    before_side: Side | None
    after: TriedAnswer | None
    after_side: Side
    failure: str | None
    similarity: float | None


class TrialStore:
    """Statements about trials."""

    def __init__(self, queries: Queries) -> None:
        self.queries = queries

    async def begin(self, tx: Transaction, trial: NewTrial) -> bool:
        """Begin a trial; False where an experiment of its kind goes on already."""
        created_at: datetime | None = await tx.fetchval(
            self.queries["insert_trial"],
            trial.trial_id,
            trial.tenant_id,
            trial.kind,
            storable_text(trial.name),
            storable_json(trial.overrides),
            trial.budget_usd,
            trial.percent,
            trial.rule and trial.rule.model_dump_json(),
        )
        return created_at is not None

    async def choose_turns(
        self,
        tx: Transaction,
        trial: NewTrial,
        since: datetime | None,
        until: datetime | None,
        conversation_ids: Sequence[UUID] | None,
        turns_max: int,
    ) -> int:
        """Note the past turns of a replay; answers how many."""
        tag = await tx.execute(
            self.queries["choose_past_turns"],
            trial.tenant_id,
            trial.trial_id,
            since,
            until,
            None if conversation_ids is None else list(conversation_ids),
            turns_max,
        )
        return int(tag.rpartition(" ")[2])

    async def running_replays(self, tx: Transaction, tenant_id: UUID) -> int:
        """How many replays of a tenant go on."""
        return int(await tx.fetchval(self.queries["running_trials"], tenant_id))

    async def find(self, tx: Transaction, tenant_id: UUID, trial_id: UUID) -> Any | None:
        """One trial's row."""
        return await tx.fetchrow(self.queries["find_trial"], tenant_id, trial_id)

    async def newest(self, tx: Transaction, tenant_id: UUID, kinds: Sequence[str]) -> list[Any]:
        """Rows of a tenant's newest trials."""
        return list(await tx.fetch(self.queries["list_trials"], tenant_id, list(kinds)))

    async def to_judge(self, tx: Transaction, limit: int) -> list[Any]:
        """Rows of every tenant's running trials."""
        return list(await tx.fetch(self.queries["trials_to_judge"], limit))

    async def end(
        self, tx: Transaction, tenant_id: UUID, trial_id: UUID, state: str, detail: str | None
    ) -> bool:
        """End a trial; False where it had ended before."""
        ended = await tx.fetchval(self.queries["end_trial"], tenant_id, trial_id, state, detail)
        if ended is None:
            return False
        await tx.execute(self.queries["leave_waiting_turns"], tenant_id, trial_id)
        return True

    async def claim(self, tx: Transaction, limit: int, hold_seconds: float) -> list[Claimed]:
        """Take turns to be answered once more, whosever they are."""
        rows = await tx.fetch(self.queries["claim_trial_turns"], limit, hold_seconds)
        return [Claimed(**dict(row)) for row in rows]

    async def save(self, tx: Transaction, claimed: Claimed, tried: Tried) -> None:
        """Keep what came of a claimed turn."""
        await tx.execute(
            self.queries["save_tried"],
            claimed.tenant_id,
            claimed.trial_id,
            claimed.turn_id,
            _json(tried.before),
            tried.before_side,
            _json(tried.after),
            tried.after_side,
            tried.failure and storable_text(tried.failure)[:512],
            tried.similarity,
            storable_text(tried.question),
        )

    async def sums(
        self, tx: Transaction, tenant_id: UUID, trial_ids: Sequence[UUID]
    ) -> dict[UUID, tuple[ReplaySums, ReplaySums]]:
        """Both sides of trials in numbers: (with their own settings, with the others)."""
        sides = []
        for after in (False, True):
            rows = await tx.fetch(self.queries["sums_of_trials"], tenant_id, list(trial_ids), after)
            sides.append({row["trial_id"]: sums_of(row) for row in rows})
        before, tried = sides
        return {one: (before.get(one, NOTHING), tried.get(one, NOTHING)) for one in trial_ids}

    async def counts(
        self, tx: Transaction, tenant_id: UUID, trial_ids: Sequence[UUID]
    ) -> dict[UUID, tuple[int, int]]:
        """How many turns trials have, and how many of them wait."""
        rows = await tx.fetch(self.queries["counts_of_trials"], tenant_id, list(trial_ids))
        return {row["trial_id"]: (row["turns"], row["waiting"]) for row in rows}

    async def turns(
        self,
        tx: Transaction,
        tenant_id: UUID,
        trial_id: UUID,
        after: tuple[float, UUID],
        limit: int,
    ) -> tuple[list[ReplayTurn], tuple[float, UUID] | None]:
        """A page of a replay's turns, and where the next one begins."""
        rows = await tx.fetch(
            self.queries["list_trial_turns"], tenant_id, trial_id, *after, limit + 1
        )
        page: list[ReplayTurn] = []
        room = PAGE_BYTES_MAX
        for row in rows[:limit]:
            turn = _turn(row)
            room -= len(turn.model_dump_json().encode())
            if page and room < 0:
                break
            page.append(turn)
        if len(page) == len(rows):
            return page, None
        last = rows[len(page) - 1]
        return page, (last["place"], last["turn_id"])


def replay_shown(row: Any, counted: tuple[int, int], sums: tuple[ReplaySums, ReplaySums]) -> Replay:
    """A replay as the API shows it."""
    return Replay(
        replay_id=row["trial_id"],
        name=row["name"],
        overrides=row["overrides"],
        state=row["state"],
        detail=row["detail"],
        turns_total=counted[0],
        before=sums[0],
        after=sums[1],
        budget_usd=None if row["budget_usd"] is None else float(row["budget_usd"]),
        created_at=row["created_at"],
    )


def experiment_shown(row: Any, sums: tuple[ReplaySums, ReplaySums]) -> Experiment:
    """An experiment as the API shows it."""
    return Experiment(
        experiment_id=row["trial_id"],
        name=row["name"],
        kind=row["kind"],
        percent=row["percent"],
        overrides=row["overrides"],
        rule=rule_of(row),
        state="running" if row["state"] == "running" else "stopped",
        detail=row["detail"],
        live=sums[0],
        tried=sums[1],
        budget_usd=None if row["budget_usd"] is None else float(row["budget_usd"]),
        created_at=row["created_at"],
    )


def rule_of(row: Any) -> ExperimentRule:
    """Read when an experiment stops by itself."""
    return ExperimentRule.model_validate_json(row["rule"], extra="ignore")


def _turn(row: Any) -> ReplayTurn:
    return ReplayTurn(
        turn_id=row["turn_id"],
        conversation_id=row["conversation_id"],
        question=row["question"] or "",
        before=TriedAnswer.model_validate_json(row["before"], extra="ignore"),
        after=row["after"] and TriedAnswer.model_validate_json(row["after"], extra="ignore"),
        failure=row["failure"],
        similarity=row["similarity"],
    )


def _json(answer: TriedAnswer | None) -> str | None:
    if answer is None:
        return None
    return storable_json(json.dumps(answer.model_dump(mode="json"), ensure_ascii=False))
