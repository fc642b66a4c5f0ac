"""Works on conversations that have something to answer: lease, answer, guarded commit.

One turn answers all that a customer said and nobody answered. It writes twice: the lease (with
`turn-started`, usually in the commit that records the message) and, perhaps a minute later, the
reply with all that follows from it; in between it holds no connection. The commit carries the
lease's epoch and the owner's number: a worker that lost either writes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

import observe
from contracts.message import Message
from orchestrator import telling
from orchestrator.answer_parts import AnswerParts
from orchestrator.answering import Answerer, Draft
from orchestrator.domain import Leased, bot_decides, reply_identity, send_identity
from orchestrator.drafting import polite
from orchestrator.experiments import ExperimentBook
from orchestrator.failures import (
    TRANSPORT_ATTEMPTS_MAX,
    TurnFailure,
    crashed_too_often,
)
from orchestrator.metrics import TURN_SECONDS, TURNS_LOST, Durations
from orchestrator.runs import Run, RunCut, Runs, Turn
from orchestrator.store import ConversationStore
from orchestrator.superseding import may_restart
from orchestrator.telling import Envelope
from orchestrator.tenant_rules import RuleBook
from orchestrator.tools import Decisions
from orchestrator.trial_numbers import Side
from orchestrator.turn_store import Kept, TurnStore
from orchestrator.typing_signs import TypingSigns
from outbox import Outbox
from postgres import DatabaseAway, Transaction

UNSAID_CHARACTERS_MAX: Final = 2_000
"""Of an answer that was thrown away because the customer wrote more."""

_SAVE_PAUSES_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)

_SIDES: Final[dict[str, Side]] = {
    "answered": "answered",
    "handed_off": "handed_off",
    "failed_politely": "failed",
}

_log = observe.get_logger("orchestrator.turns")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ended:
    """How one run over a conversation ended."""

    more_waiting: bool = False
    again_in_seconds: float | None = None


class TurnWorker:
    """Runs one turn of one conversation from lease to commit."""

    def __init__(
        self,
        outbox: Outbox,
        store: TurnStore,
        conversations: ConversationStore,
        rules: RuleBook,
        answerer: Answerer,
        typing: TypingSigns,
        experiments: ExperimentBook,
        answers: AnswerParts,
        runs: Runs,
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._conversations = conversations
        self._rules = rules
        self._answerer = answerer
        self._typing = typing
        self._experiments = experiments
        self._answers = answers
        self._runs = runs

    async def run(self, tenant_id: UUID, conversation_id: UUID) -> Ended:
        """Answer what is unanswered, if it is ours to answer."""

        async def begin() -> Turn | Ended:
            async with self._outbox.transaction(tenant_id) as tx:
                await self._store.hold(tx, tenant_id, conversation_id)
                turn = await self.begin(tx, tenant_id, conversation_id)
                if turn is None:
                    due_in = await self._store.due_in(tx, tenant_id, conversation_id)
                    return Ended(again_in_seconds=due_in)
                await self._outbox.say(tx, telling.turn_started(turn.leased))
                return turn

        turn = await self._saved(begin)
        return turn if isinstance(turn, Ended) else await self.work(turn)

    async def begin(self, tx: Transaction, tenant_id: UUID, conversation_id: UUID) -> Turn | None:
        """Take the lease of a conversation that this transaction locked; the caller says it.

        None if nothing is due or somebody holds a live lease.
        """
        durations = Durations()
        with durations.stage("context"):
            history = self._rules.history_messages_max(tenant_id)
            leased = await self._store.take_lease(tx, tenant_id, conversation_id, history)
            if leased is None:
                return None
            rules = await self._rules.of(tx, tenant_id, leased.tenant_revision)
            now = rules.settings_at(leased.leased_at)
            joined, settings, parts = await self._experiments.join(tx, leased, now)
            return Turn(joined, settings, durations, parts)

    async def work(self, turn: Turn) -> Ended:
        """Answer a turn whose lease is committed."""
        leased = turn.leased
        run = self._runs[leased.conversation_id] = Run(turn)
        ids = {
            "tenant_id": str(leased.tenant_id),
            "conversation_id": str(leased.conversation_id),
            "turn_id": str(leased.turn_id),
        }
        with observe.bound(**ids):
            try:
                return await self._run(run)
            except asyncio.CancelledError:
                await asyncio.shield(self.give_back(leased))
                raise
            finally:
                if self._runs.get(leased.conversation_id) is run:
                    del self._runs[leased.conversation_id]

    async def _run(self, run: Run) -> Ended:
        try:
            async with self._typing.during(run.turn.leased):
                draft = await run.make(self._answer(run.turn))
        except RunCut as cut:
            return await self._commit(run, _cut_short(run, cut))
        except TurnFailure as failure:
            return await self._fail(run, failure)
        await observe.afailpoint("orchestrator.before_reply_commit")
        return await self._commit(run, draft)

    async def _answer(self, turn: Turn) -> Draft:
        if turn.leased.attempt > TRANSPORT_ATTEMPTS_MAX:
            raise crashed_too_often()
        try:
            return await self._answerer.answer(turn.leased, turn.settings, turn.durations)
        except TurnFailure:
            raise
        except Exception as error:
            _log.exception("a turn failed unexpectedly")
            raise TurnFailure("internal_error", type(error).__name__) from error

    async def _commit(self, run: Run, draft: Draft, failure: TurnFailure | None = None) -> Ended:
        """Say the reply; or, when it is not this run's to say any more, nothing at all."""
        started = perf_counter()

        async def save() -> tuple[str, Ended]:
            async with self._outbox.transaction(run.turn.leased.tenant_id) as tx:
                if run.why_cut is not None:
                    return await self._not_said(tx, run, draft)
                return await self._commit_in(tx, run, draft, failure)

        became, ended = await self._saved(save)
        leased, durations = run.turn.leased, run.turn.durations
        durations.add("commit", perf_counter() - started)
        TURN_SECONDS.labels(leased.channel_type, became).observe(
            monotonic() - leased.leased_monotonic
        )
        _log.info("turn ended", outcome=became, attempt=leased.attempt, **durations.milliseconds)
        return ended

    async def _commit_in(
        self, tx: Transaction, run: Run, draft: Draft, failure: TurnFailure | None
    ) -> tuple[str, Ended]:
        turn, leased, decisions = run.turn, run.turn.leased, draft.decisions
        outcome: Literal["answered", "handed_off", "failed_politely"] = "answered"
        if failure is not None:
            outcome = "failed_politely"
        elif decisions.handoff is not None:
            outcome = "handed_off"
        kept = Kept(outcome, draft.evidence)
        if_newest = failure is None and may_restart(leased, turn.settings)
        committed = await self._store.commit_reply(
            tx, leased, draft.text, draft.citations, kept, if_newest=if_newest
        )
        if committed is None:
            return await self._not_said(tx, run, draft)
        number = leased.ownership_number
        news: list[Message] = []
        # Who wrote meanwhile is not done: only a person may still take over.
        if decisions.handoff is not None or (decisions.ends and not committed.more_waiting):
            number, news = await self._decide(tx, leased, draft)
        reply_id = reply_identity(leased.turn_id)
        message = telling.reply_recorded(
            leased, reply_id, draft.text, draft.citations, committed.placed
        )
        said = telling.recorded_and_sent(
            Envelope.of_turn(leased),
            message,
            send_id=send_identity(leased.turn_id),
            author="bot",
            ownership_number=number,
            previous_seq=committed.placed.previous_send_seq,
        )
        completed = telling.turn_completed(leased, outcome, message, draft)
        failed = [telling.turn_failed(leased, failure, final=True)] if failure else []
        await self._outbox.say(tx, *said, *news, *failed, completed)
        await self._answers.notes.note(tx, leased, turn.settings, draft)
        await self._experiments.note(
            tx, leased, turn.parts, draft, _SIDES[outcome], completed.duration_milliseconds
        )
        return outcome, Ended(committed.more_waiting and decisions.handoff is None)

    async def _decide(
        self, tx: Transaction, leased: Leased, draft: Draft
    ) -> tuple[int, list[Message]]:
        """Do what the model decided, in the commit that says its words.

        The answer's lease and number were just checked; from here on the number is a new one, and
        the last words travel under it: nothing that the bot began before is said after them.
        """
        conversation = await self._conversations.lock(tx, leased.tenant_id, leased.conversation_id)
        if conversation is None:
            raise LookupError(f"conversation {leased.conversation_id} is gone")
        decisions = draft.decisions
        reason = decisions.handoff
        standing = bot_decides(
            conversation.standing, handoff=reason is not None, ends=decisions.ends
        )
        ids = (leased.tenant_id, leased.conversation_id)
        await self._conversations.save_standing(tx, *ids, standing)
        envelope = Envelope.of_turn(leased)
        news: list[Message] = [telling.conversation_updated(envelope, standing)]
        if reason is not None:
            news.insert(
                0,
                await self._answers.briefs.told(
                    tx,
                    telling.handoff_requested(envelope, standing, decisions.handoff_by, reason),
                ),
            )
        return standing.ownership_number, news

    async def _not_said(self, tx: Transaction, run: Run, draft: Draft) -> tuple[str, Ended]:
        """Nothing is said: the customer wrote more, somebody took over, or the lease is lost."""
        leased = run.turn.leased
        if run.why_cut == "superseded" or may_restart(leased, run.turn.settings):
            record = run.record()
            if draft.text:
                record["unsaid"] = draft.text[:UNSAID_CHARACTERS_MAX]
            due_in = await self._store.throw_away(tx, leased, record)
            if due_in is not None:
                return "superseded", Ended(due_in <= 0, due_in if due_in > 0 else None)
        waiting = await self._store.release(tx, leased)
        if waiting is None:
            TURNS_LOST.inc()
            return "lease_lost", Ended()
        evidence: dict[str, Any] = {**draft.evidence, "decision": "suppressed"}
        if draft.text:
            evidence["unsaid"] = draft.text
        if await self._store.keep_turn(tx, leased, Kept("suppressed", evidence)):
            await self._outbox.say(tx, telling.turn_suppressed(leased, draft))
        return "suppressed", Ended(waiting)

    async def _fail(self, run: Run, failure: TurnFailure) -> Ended:
        """Try again later, or say the one polite text."""
        leased = run.turn.leased
        _log.warning("a try at a turn failed", code=failure.code, attempt=leased.attempt)
        evidence = {**failure.evidence, "failure": failure.code, "detail": failure.detail}
        if failure.final(leased.attempt):
            return await self._commit(run, polite(leased, run.turn.settings, evidence), failure)
        delay_seconds = failure.delay_seconds(leased.attempt)

        async def save() -> None:
            async with self._outbox.transaction(leased.tenant_id) as tx:
                mine = await self._store.release(tx, leased, delay_seconds=delay_seconds)
                if mine is None:
                    return
                await self._store.keep_turn(tx, leased, Kept("retrying", evidence))
                await self._outbox.say(tx, telling.turn_failed(leased, failure, final=False))

        await self._saved(save)
        return Ended(again_in_seconds=delay_seconds)

    async def give_back(self, leased: Leased) -> None:
        """This process stops: another one may go on at once, and the try does not count."""
        try:
            async with self._outbox.transaction(leased.tenant_id) as tx:
                await self._store.release(tx, leased, uncount=True)
        except DatabaseAway as error:
            _log.info("the lease runs out by itself", reason=str(error))

    async def _saved(self, save: Callable[[], Awaitable[T]]) -> T:
        """Save, waiting for a database that is away for moments; every save is guarded."""
        for pause_seconds in _SAVE_PAUSES_SECONDS:
            try:
                return await save()
            except DatabaseAway as error:
                _log.warning("the database is away, saving again", reason=str(error))
            await asyncio.sleep(pause_seconds)
        return await save()


def _cut_short(run: Run, cut: RunCut) -> Draft:
    """Nothing was written to the end; what it cost is told."""
    return _without_model("", {**run.record(), "cut": cut.why}, Decisions())


def _without_model(text: str, evidence: dict[str, object], decisions: Decisions) -> Draft:
    return Draft(
        text=text,
        citations=[],
        model=None,
        input_tokens=0,
        output_tokens=0,
        cost_usd=None,
        tool_rounds=0,
        evidence=evidence,
        decisions=decisions,
    )
