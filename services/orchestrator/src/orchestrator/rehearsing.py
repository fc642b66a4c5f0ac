"""Answers turns once more in the background: those of replays and of shadows.

A turn is claimed for a while, answered outside any transaction, and saved; a process that dies
leaves it to the next one. Customers come first: a few turns at once, whatever waits.
"""

import asyncio
import base64
from array import array
from dataclasses import dataclass
from typing import Final, Literal

import observe
from bus import AskFailed
from contracts.v1.models import EmbedTexts
from contracts.v1.trying import TriedAnswer
from orchestrator.domain import Trial
from orchestrator.failures import TurnFailure
from orchestrator.metrics import TRIED_TURNS
from orchestrator.past_turns import PastTurn, past_turn
from orchestrator.searching import Asking
from orchestrator.tenant_rules import RuleBook
from orchestrator.trial_judging import TrialJudge
from orchestrator.trial_numbers import cosine
from orchestrator.trial_settings import InvalidOverrides, TriedSettings, tried_settings
from orchestrator.trial_store import Claimed, TrialKind, TrialStore, Tried
from orchestrator.trying import Rehearsal, failed_answer
from outbox import Outbox
from postgres import Database, DatabaseAway

HOLD_SECONDS: Final = 300.0
TRIES_MAX: Final = 3
_SPENT_FOR: Final[dict[TrialKind, Literal["replay", "shadow"]]] = {
    "replay": "replay",
    "shadow": "shadow",
}
_COMPARED_CHARACTERS: Final = 4_000
_EMBEDDING_SECONDS: Final = 10.0

_log = observe.get_logger("orchestrator.rehearsing")


@dataclass(frozen=True, slots=True)
class RehearsalPace:
    """How much is answered once more at a time, and how often work is looked for."""

    at_once: int = 2
    every_seconds: float = 5.0


class Rehearsing:
    """The background work of trials."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        store: TrialStore,
        rules: RuleBook,
        rehearsal: Rehearsal,
        judge: TrialJudge,
        bus: Asking,
        pace: RehearsalPace,
    ) -> None:
        self._database, self._outbox = database, outbox
        self._store, self._rules = store, rules
        self._rehearsal, self._judge = rehearsal, judge
        self._bus = bus
        self._pace = pace
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    async def work(self) -> None:
        """Answer what waits, for ever."""
        while True:
            busy = False
            try:
                busy = await self.round()
            except DatabaseAway as error:
                _log.info("waiting for the database", reason=str(error))
            except Exception:  # noqa: BLE001 - the next round may do better, the log has this one
                _log.exception("a round of trials failed")
            if not busy:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._pace.every_seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    async def round(self) -> bool:
        """Answer a few turns, then judge the trials; False where nothing waited."""
        async with self._database.system() as tx:
            claimed = await self._store.claim(tx, self._pace.at_once, HOLD_SECONDS)
        ends = await asyncio.gather(*map(self._answer, claimed), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                _log.error("a turn could not be tried", exc_info=end)
        await self._judge.round()
        return bool(claimed)

    async def _answer(self, claimed: Claimed) -> None:
        """Answer one turn once more and keep what came of it; a short failure is tried again."""
        async with self._outbox.transaction(claimed.tenant_id) as tx:
            own = (await self._rules.current(tx, claimed.tenant_id)).settings
            try:
                wanted = tried_settings(own, claimed.overrides)
            except InvalidOverrides as error:
                await self._store.save(tx, claimed, _failed("", None, str(error)))
                return
            trial = Trial(_SPENT_FOR[claimed.kind], "recorded", wanted.model, wanted.tuning)
            queries, ids = self._store.queries, (claimed.tenant_id, claimed.turn_id)
            past = await past_turn(tx, queries, *ids, trial)
            if past is None:
                await self._store.save(tx, claimed, _failed("", None, "The turn is gone."))
                return
        tried = await self._perform(claimed, past, wanted)
        if tried is None:
            return
        async with self._outbox.transaction(claimed.tenant_id) as tx:
            await self._store.save(tx, claimed, tried)
        TRIED_TURNS.labels(claimed.kind, tried.after_side).inc()

    async def _perform(
        self, claimed: Claimed, past: PastTurn, wanted: TriedSettings
    ) -> Tried | None:
        """None where it is worth another try: what holds it ends, and it is claimed again."""
        if claimed.tries > TRIES_MAX:
            return _failed(past.question, past, "The tries before it ended without an answer.")
        try:
            answer, draft = await self._rehearsal.perform(past.leased, wanted.settings)
        except TurnFailure as failure:
            if failure.retry and claimed.tries < TRIES_MAX:
                return None
            said = f"{failure.code}: {failure.detail}"
            return _failed(past.question, past, said, failed_answer(failure.evidence))
        except Exception as error:  # noqa: BLE001 - the log has it, the other turns go on
            _log.exception("a tried turn failed unexpectedly")
            return _failed(past.question, past, f"internal_error: {type(error).__name__}")
        return Tried(
            past.question,
            past.answer,
            past.side,
            answer,
            "handed_off" if draft.decisions.handoff is not None else "answered",
            None,
            await self._similarity(past, answer),
        )

    async def _similarity(self, past: PastTurn, answer: TriedAnswer) -> float | None:
        """Compare the meanings of the two answers; None where no model can."""
        texts = [past.answer.text[:_COMPARED_CHARACTERS], answer.text[:_COMPARED_CHARACTERS]]
        if texts[0] == texts[1]:
            return 1.0
        if not all(text.strip() for text in texts):
            return None
        request = EmbedTexts.make(
            tenant_id=past.leased.tenant_id,
            correlation_id=past.leased.turn_id,
            purpose="passage",
            model=None,
            texts=texts,
        )
        try:
            found = await self._bus.ask(request, timeout_seconds=_EMBEDDING_SECONDS)
        except AskFailed as error:
            _log.info("two answers could not be compared", code=error.code)
            return None
        first, second = (array("f", base64.b64decode(row)) for row in found.vectors)
        return cosine(first, second)


def _failed(
    question: str, past: PastTurn | None, why: str, after: TriedAnswer | None = None
) -> Tried:
    before, side = (past.answer, past.side) if past else (None, None)
    return Tried(question, before, side, after, "failed", why, None)
