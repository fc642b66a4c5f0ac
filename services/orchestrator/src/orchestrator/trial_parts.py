"""Puts the parts of trials together."""

from dataclasses import dataclass

from bus import Bus
from orchestrator.answering import Answerer
from orchestrator.experiments import ExperimentBook, Experiments
from orchestrator.rehearsing import RehearsalPace, Rehearsing
from orchestrator.replays import Replays
from orchestrator.tenant_rules import RuleBook
from orchestrator.trial_judging import TrialJudge
from orchestrator.trial_store import TrialStore
from orchestrator.trying import Rehearsal, Trying
from outbox import Outbox
from postgres import Database, Queries


@dataclass(frozen=True, slots=True)
class TrialParts:
    """What tries without customers, or on a share of them."""

    book: ExperimentBook
    rehearsing: Rehearsing
    trying: Trying
    replays: Replays
    experiments: Experiments

    def listen(self, bus: Bus) -> None:
        """Register every request about trials."""
        self.trying.listen(bus)
        self.replays.listen(bus)
        self.experiments.listen(bus)


def compose_trials(
    database: Database,
    bus: Bus,
    outbox: Outbox,
    rules: RuleBook,
    answerer: Answerer,
    pace: RehearsalPace,
) -> TrialParts:
    """Make every part and hand it what it depends on."""
    store = TrialStore(Queries("orchestrator", "queries_trials.sql"))
    rehearsal = Rehearsal(answerer.answer)
    judge = TrialJudge(database, outbox, store, rules)
    rehearsing = Rehearsing(database, outbox, store, rules, rehearsal, judge, bus, pace)
    return TrialParts(
        ExperimentBook(store),
        rehearsing,
        Trying(outbox, rules, rehearsal),
        Replays(outbox, store, rules, judge, rehearsing),
        Experiments(outbox, store, rules, judge),
    )
