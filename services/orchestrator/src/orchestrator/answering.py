"""Writes the answer of one turn: search, prompt, model, tools, checked citations.

What rows are needed comes through small objects; what comes out is a draft that may still be
thrown away.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

from bus import AskFailed
from contracts.v1.models import ChatMessage, PromptImage, ReplyGenerated
from contracts.v1.tenants import TenantSettings
from orchestrator.context_facts import facts_section, summary_section
from orchestrator.conversing import Conversing
from orchestrator.curated import CuratedAnswers, NoCuratedAnswers
from orchestrator.domain import Leased
from orchestrator.drafting import Draft, curated, draft_of, handed_over, received, said_by
from orchestrator.failures import TurnFailure, failure_of
from orchestrator.hearing import Deaf, Listening, pictures_of
from orchestrator.judging import Judging
from orchestrator.meaning import Meaning
from orchestrator.memory import NoMemory, Remembering
from orchestrator.metrics import Durations
from orchestrator.prompt import Beside, Prompt, build_prompt
from orchestrator.prompt_guard import mark_of
from orchestrator.searching import Asking, Searcher
from orchestrator.toolbox import BuiltinToolbox, Toolbox
from orchestrator.tools import ToolFailed
from orchestrator.turn_work import AnswerLimits, Work
from orchestrator.wordless import holds_no_words

__all__ = ["AnswerLimits", "Answerer", "Draft", "Known"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known before anybody is asked: of the conversation, and of questions like this."""

    memory: Remembering = field(default_factory=NoMemory)
    curated: CuratedAnswers = field(default_factory=NoCuratedAnswers)
    hearing: Listening = field(default_factory=Deaf)


class Answerer:
    """Answers turns by asking retriever and llm-router."""

    def __init__(
        self,
        bus: Asking,
        limits: AnswerLimits,
        toolbox: Toolbox | None = None,
        known: Known | None = None,
    ) -> None:
        self._limits = limits
        self._toolbox = toolbox or BuiltinToolbox()
        self._known = known or Known()
        self._searcher = Searcher(bus, limits.search_seconds, limits.completion_seconds)
        self._conversing = Conversing(bus, self._searcher, limits)
        self._judging = Judging(Meaning(bus))

    async def answer(self, leased: Leased, settings: TenantSettings, durations: Durations) -> Draft:
        """Write the answer; raises `TurnFailure`, which carries the evidence so far."""
        leased = await self._known.hearing.heard(leased, settings)
        work = Work(
            leased,
            settings,
            await self._toolbox.of(leased, settings),
            durations,
            monotonic() + self._limits.turn_seconds,
        )
        if settings.rag_enabled and holds_no_words(leased.unanswered):
            return received(work)
        try:
            with durations.stage("context"):
                work.memory = await self._known.memory.of(leased, settings)
                hit = await self._known.curated.find(leased, work.asked)
            if hit is not None:
                return curated(work, hit)
            search_failed = await self._retrieve(work)
            prompt = self._prompt(work, search_failed=search_failed)
            final = await self._conversing.last_words(work)
            return await self._judged(work, final, prompt)
        except (AskFailed, ValueError) as error:
            if isinstance(error, AskFailed) and error.code == "budget_exhausted":
                return handed_over(work, "budget", "The month's budget for models is used up.")
            raise failure_of(error, work.evidence()) from error
        except TurnFailure as failure:
            failure.evidence.update(work.evidence())
            raise

    async def _judged(self, work: Work, final: ReplyGenerated, prompt: Prompt) -> Draft:
        said = said_by(work, final)
        with work.durations.stage("judge"):
            judgement = await self._judging.judge(work, said.text, said.sure, final.finish_reason)
        return draft_of(work, final, prompt, said, judgement)

    async def _retrieve(self, work: Work) -> bool:
        """Search for what the customer asks; answers whether the search failed."""
        if not work.settings.rag_enabled:
            return False
        try:
            with work.durations.stage("retrieve"):
                found = await self._searcher.find(work.leased, work.settings, work.record)
        except ToolFailed:
            return True
        work.book.add(found)
        return False

    def _prompt(self, work: Work, *, search_failed: bool) -> Prompt:
        work.mark = mark_of(work.leased.tenant_id)
        prompt = build_prompt(
            work.settings,
            work.leased.unanswered,
            work.leased.history,
            work.book,
            search_failed=search_failed,
            tools_tokens=work.registry.tokens,
            mark=work.mark,
            canary=work.canary,
            beside=Beside(
                facts_section(work.leased, work.settings, work.memory, datetime.now(UTC)),
                summary_section(work.memory),
            ),
        )
        work.book.keep_first(prompt.passages_used)
        work.messages = _with_pictures(prompt.messages, pictures_of(work.leased.unanswered))
        work.tokens_left = prompt.tokens_left
        return prompt


def _with_pictures(messages: list[ChatMessage], pictures: list[PromptImage]) -> list[ChatMessage]:
    """Show the customer's pictures beside their words."""
    if not pictures:
        return messages
    return [*messages[:-1], messages[-1].model_copy(update={"images": pictures})]
