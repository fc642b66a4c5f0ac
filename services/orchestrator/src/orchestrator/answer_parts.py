"""Puts together what answers are made of: curated answers, memory, and what turns leave."""

from dataclasses import dataclass, field

from bus import Bus
from orchestrator.answering import Known
from orchestrator.asking import AbandoningBus
from orchestrator.brief_book import BriefBook
from orchestrator.curated import CuratedBook
from orchestrator.curated_requests import CuratedRequests
from orchestrator.hearing import Hearing
from orchestrator.meaning import Meaning
from orchestrator.memory import ConversationMemory
from orchestrator.tenant_rules import RuleBook
from orchestrator.turn_notes import TurnNotes
from orchestrator.unanswered import UnansweredQuestions
from orchestrator.unanswered_requests import UnansweredRequests
from orchestrator.upkeep import Upkeep
from orchestrator.writing import Writing
from outbox import Outbox
from postgres import Database, Queries


@dataclass(frozen=True, slots=True)
class AnswerParts:
    """What was put together."""

    known: Known
    notes: TurnNotes
    briefs: BriefBook
    upkeep: Upkeep
    unanswered: UnansweredQuestions
    writing: Writing
    requests: tuple[CuratedRequests, UnansweredRequests] = field(repr=False)

    def listen(self, bus: Bus) -> None:
        """Register every request about curated answers and unanswered questions."""
        for requests in self.requests:
            requests.listen(bus)

    async def run(self) -> None:
        """Go on with what turns leave, until cancelled."""
        await self.upkeep.run(self.unanswered, self.writing)


def compose_answers(
    database: Database,
    bus: AbandoningBus,
    outbox: Outbox,
    rules: RuleBook,
    look_every_seconds: float = 20.0,
) -> AnswerParts:
    """Make every part and hand it what it depends on."""
    queries = Queries("orchestrator", "queries_answers.sql")
    meaning = Meaning(bus)
    upkeep = Upkeep(database, queries, look_every_seconds)
    briefs = BriefBook(queries, upkeep.wake)
    unanswered = UnansweredQuestions(outbox, queries, meaning)
    return AnswerParts(
        Known(
            ConversationMemory(outbox, queries),
            CuratedBook(outbox, queries, rules, meaning),
            Hearing(bus, outbox),
        ),
        TurnNotes(queries, unanswered, upkeep.wake),
        briefs,
        upkeep,
        unanswered,
        Writing(database, outbox, bus, queries, briefs),
        (
            CuratedRequests(outbox, queries, rules, meaning),
            UnansweredRequests(outbox, queries),
        ),
    )
