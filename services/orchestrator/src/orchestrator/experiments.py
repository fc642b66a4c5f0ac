"""Shadows and canaries: other settings beside the live ones, while customers write.

Whether a conversation takes part is decided by its id, so it stays on its side. Which experiments
go on is remembered under the tenant's own revision: a turn of a tenant without any costs nothing.
"""

import json
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from bus import Bus, Refused
from contracts.v1.tenants import TenantSettings
from contracts.v1.trying import (
    Experiment,
    ExperimentFound,
    ExperimentsListed,
    ListExperiments,
    StartExperiment,
    StopExperiment,
)
from orchestrator.domain import Leased, Trial
from orchestrator.drafting import Draft
from orchestrator.tenant_rules import RuleBook
from orchestrator.trial_judging import TrialJudge
from orchestrator.trial_numbers import Side, takes_part
from orchestrator.trial_settings import InvalidOverrides, tried_settings
from orchestrator.trial_store import NewTrial, TrialStore, experiment_shown
from orchestrator.trying import settled, tried_answer
from outbox import Outbox
from postgres import Transaction

_KINDS: Final = ("shadow", "canary")
_TENANTS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Running:
    """An experiment that goes on."""

    experiment_id: UUID
    kind: str
    percent: float
    overrides: str


@dataclass(frozen=True, slots=True)
class Part:
    """How one turn takes part."""

    experiment_id: UUID
    kind: str
    tried: bool
    """Whether it is answered with the other settings."""


class ExperimentBook:
    """Knows which experiments a tenant's turns take part in."""

    def __init__(self, store: TrialStore) -> None:
        self._store = store
        self._known: dict[UUID, tuple[int, tuple[Running, ...]]] = {}

    async def join(
        self, tx: Transaction, leased: Leased, settings: TenantSettings
    ) -> tuple[Leased, TenantSettings, tuple[Part, ...]]:
        """Return the turn as it is to be answered, and what it takes part in."""
        parts: list[Part] = []
        for one in await self._running(tx, leased.tenant_id, leased.own_revision):
            mine = takes_part(one.experiment_id, leased.conversation_id, one.percent)
            if one.kind == "shadow" and mine:
                parts.append(Part(one.experiment_id, one.kind, tried=False))
            elif one.kind == "canary":
                parts.append(Part(one.experiment_id, one.kind, tried=mine))
                if mine:
                    leased, settings = _with(leased, settings, one.overrides)
        return leased, settings, tuple(parts)

    async def note(
        self,
        tx: Transaction,
        leased: Leased,
        parts: tuple[Part, ...],
        draft: Draft,
        side: Side,
        milliseconds: int,
    ) -> None:
        """Keep the turn for the experiments that it takes part in, in the commit of its words."""
        for part in parts:
            # Only numbers are ever shown of it: a conversation's words stay with the conversation.
            shown = tried_answer(draft, milliseconds)
            shown = shown.model_copy(update={"text": "", "citations": shown.citations[:1]})
            answer = json.dumps(shown.model_dump(mode="json"))
            told: tuple[str | None, ...] = (answer, side, None, None)
            if part.tried:
                told = (None, None, answer, side)
            await tx.execute(
                self._store.queries["note_side"],
                part.experiment_id,
                leased.turn_id,
                leased.tenant_id,
                leased.conversation_id,
                "waiting" if part.kind == "shadow" else "done",
                *told,
            )

    async def _running(
        self, tx: Transaction, tenant_id: UUID, own_revision: int
    ) -> tuple[Running, ...]:
        known = self._known.get(tenant_id)
        if known is not None and known[0] == own_revision:
            return known[1]
        running: tuple[Running, ...] = ()
        if own_revision:
            rows = await tx.fetch(self._store.queries["running_experiments"], tenant_id)
            running = tuple(
                Running(row["trial_id"], row["kind"], row["percent"], row["overrides"])
                for row in rows
            )
        if len(self._known) >= _TENANTS_MAX:
            self._known.clear()
        self._known[tenant_id] = (own_revision, running)
        return running


class Experiments:
    """Handlers of requests about shadows and canaries."""

    def __init__(
        self, outbox: Outbox, store: TrialStore, rules: RuleBook, judge: TrialJudge
    ) -> None:
        self._outbox, self._store = outbox, store
        self._rules, self._judge = rules, judge

    def listen(self, bus: Bus) -> None:
        """Register the requests."""
        bus.answer(StartExperiment, self.start)
        bus.answer(ListExperiments, self.list)
        bus.answer(StopExperiment, self.stop)

    async def start(self, request: StartExperiment) -> ExperimentFound:
        """Begin; turns that start from now on take part."""
        trial = NewTrial(
            request.message_id,
            request.tenant_id,
            request.experiment_kind,
            request.name,
            request.overrides,
            request.budget_usd,
            request.percent,
            request.rule,
        )
        async with self._outbox.transaction(request.tenant_id) as tx:
            try:
                rules = await self._rules.current(tx, request.tenant_id)
            except LookupError as error:
                raise Refused("not_found", "There is no such tenant.") from error
            settled(rules.settings, request.overrides, None)
            ids = (request.tenant_id, trial.trial_id)
            if not await self._store.begin(tx, trial):
                if await self._store.find(tx, *ids) is not None:
                    return ExperimentFound(experiment=await self._shown(tx, *ids))
                detail = f"A {request.experiment_kind} runs already: stop it first."
                raise Refused("already_running", detail)
            await self._rules.changed_here(tx, request.tenant_id)
            shown = await self._shown(tx, request.tenant_id, trial.trial_id)
        return ExperimentFound(experiment=shown)

    async def list(self, request: ListExperiments) -> ExperimentsListed:
        """The newest experiments with their numbers."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            rows = await self._store.newest(tx, request.tenant_id, _KINDS)
            sums = await self._store.sums(tx, request.tenant_id, [row["trial_id"] for row in rows])
        return ExperimentsListed(
            experiments=[experiment_shown(row, sums[row["trial_id"]]) for row in rows]
        )

    async def stop(self, request: StopExperiment) -> ExperimentFound:
        """End it; conversations go on with the live settings at their next turn."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            row = await self._store.find(tx, request.tenant_id, request.experiment_id)
            if row is None or row["kind"] not in _KINDS:
                raise Refused("not_found", "There is no such experiment.")
            await self._judge.end(tx, row, "stopped", "person", "A person stopped it.")
            return ExperimentFound(
                experiment=await self._shown(tx, request.tenant_id, request.experiment_id)
            )

    async def _shown(self, tx: Transaction, tenant_id: UUID, experiment_id: UUID) -> Experiment:
        row = await self._store.find(tx, tenant_id, experiment_id)
        sums = await self._store.sums(tx, tenant_id, [experiment_id])
        return experiment_shown(row, sums[experiment_id])


def _with(
    leased: Leased, settings: TenantSettings, overrides: str
) -> tuple[Leased, TenantSettings]:
    """Lay a canary's settings over the tenant's; what no longer fits them changes nothing."""
    try:
        tried = tried_settings(settings, overrides)
    except InvalidOverrides:
        return leased, settings
    return replace(leased, trial=Trial(None, "real", tried.model, tried.tuning)), tried.settings
