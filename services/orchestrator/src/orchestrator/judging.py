"""Judges what a model said last: its sentences against what it was given, and how sure to be."""

from dataclasses import dataclass

from orchestrator.confidence import Confidence, Signs, confidence_of
from orchestrator.grounding import Grounding, judge
from orchestrator.meaning import Meaning
from orchestrator.passages import words_of
from orchestrator.self_report import Sure
from orchestrator.support import Source, known_words, source_of
from orchestrator.turn_work import Work
from orchestrator.words import language_of


@dataclass(frozen=True, slots=True)
class Judgement:
    """An answer's sentences, and how likely it is right."""

    grounding: Grounding
    confidence: Confidence


class Judging:
    """Words first; meaning only where they do not decide and something hangs on it."""

    def __init__(self, meaning: Meaning) -> None:
        self._meaning = meaning

    async def judge(
        self, work: Work, text: str, sure: Sure | None, finish_reason: str
    ) -> Judgement:
        """Judge an answer whose citations are checked."""
        language = language_of(text, work.settings.language or "en")
        grounding = judge(text, sources_of(work), language)
        if grounding.arguable and _matters(work):
            floor = max((one.vector_score for one in work.book.by_number.values()), default=0.0)
            grounding = await self._meaning.decide(
                grounding, work.leased.tenant_id, work.leased.turn_id, floor or None
            )
        failed = sum(call.get("outcome") not in ("ok", None) for call in work.tool_calls)
        signs = Signs(
            grounding,
            list(work.book.by_number.values()),
            work.record.searches,
            sure,
            finish_reason,
            failed,
            work.settings.rag_enabled,
        )
        return Judgement(grounding, confidence_of(signs))


def sources_of(work: Work) -> list[Source]:
    """Return all that the model was given: passages, tools' results, people's words and facts.

    What the customer says supports nothing: a question would support its own answer.
    """
    sources = [
        source_of(number, f"[{number}]", words_of(one), f"{one.title} {one.heading or ''}")
        for number, one in work.book.by_number.items()
    ]
    if work.tool_texts:
        sources.append(source_of(None, "tools", "\n".join(work.tool_texts)))
    people = "\n".join(one.text for one in work.leased.messages if one.role == "agent")
    if people:
        sources.append(source_of(None, "conversation", people))
    told = "\n".join(filter(None, (work.memory.contact_name, work.memory.metadata)))
    if told:
        sources.append(source_of(None, "facts", told))
    sources.append(known_words("customer", work.customers_words))
    return sources


def _matters(work: Work) -> bool:
    """Whether anything that the customer sees hangs on what is undecided."""
    settings = work.settings
    return settings.rag_enabled and (
        settings.grounding == "strict" or settings.low_confidence in ("disclaim", "hand_over")
    )
