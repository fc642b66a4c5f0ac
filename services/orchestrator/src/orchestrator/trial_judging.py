"""Ends trials: replays that are done, and whatever costs or harms more than it may."""

from time import monotonic
from typing import Any, Final
from uuid import UUID

import observe
from contracts.v1.trying import ExperimentStopped
from orchestrator.tenant_rules import RuleBook
from orchestrator.trial_numbers import Verdict, judged, over_budget
from orchestrator.trial_store import TrialStore, rule_of
from outbox import Outbox
from postgres import Database, Transaction

_AT_ONCE: Final = 10_000
"""Rows are small; whoever is not looked at would never end."""
_QUICK: Final = 0.1
_REST: Final = 20
"""A large trial takes long to add up: then it is looked at less often (5 % of the time)."""

_log = observe.get_logger("orchestrator.trials")


class TrialJudge:
    """Looks at every trial that goes on."""

    def __init__(
        self, database: Database, outbox: Outbox, store: TrialStore, rules: RuleBook
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._store = store
        self._rules = rules
        self._next: dict[UUID, float] = {}

    async def round(self) -> None:
        """Judge all of them once."""
        async with self._database.system() as tx:
            rows = await self._store.to_judge(tx, _AT_ONCE)
        self._next = {row["trial_id"]: self._next.get(row["trial_id"], 0.0) for row in rows}
        for row in rows:
            began = monotonic()
            if began < self._next[row["trial_id"]]:
                continue
            async with self._outbox.transaction(row["tenant_id"]) as tx:
                await self._judge(tx, row)
            took_seconds = monotonic() - began
            self._next[row["trial_id"]] = monotonic() + _REST * max(0.0, took_seconds - _QUICK)

    async def end(
        self, tx: Transaction, row: Any, state: str, reason: str, detail: str | None
    ) -> bool:
        """End a trial once, and tell of it where it was an experiment."""
        tenant_id, trial_id, kind = row["tenant_id"], row["trial_id"], row["kind"]
        if not await self._store.end(tx, tenant_id, trial_id, state, detail):
            return False
        if kind == "replay":
            return True
        await self._rules.changed_here(tx, tenant_id)
        _log.info("an experiment ended", experiment_id=str(trial_id), reason=reason)
        told = ExperimentStopped.make(
            tenant_id=tenant_id,
            correlation_id=trial_id,
            experiment_id=trial_id,
            name=row["name"],
            experiment_kind=kind,
            reason=reason,
            detail=detail or "A person stopped it.",
        )
        await self._outbox.say(tx, told)
        return True

    async def _judge(self, tx: Transaction, row: Any) -> None:
        tenant_id, trial_id, kind = row["tenant_id"], row["trial_id"], row["kind"]
        live, tried = (await self._store.sums(tx, tenant_id, [trial_id]))[trial_id]
        verdict: Verdict | None = None
        if kind == "canary":
            verdict = judged(rule_of(row), live, tried)
        elif row["budget_usd"] is not None:
            verdict = over_budget(float(row["budget_usd"]), tried)
        if verdict is not None:
            await self.end(tx, row, "stopped", verdict.reason, verdict.detail)
        elif kind == "replay":
            counts = await self._store.counts(tx, tenant_id, [trial_id])
            if not counts.get(trial_id, (0, 0))[1]:
                await self.end(tx, row, "done", "done", None)
