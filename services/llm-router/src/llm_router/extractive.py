"""The builtin answerer: quotes the best sentences of the given passages, or says it cannot.

Deterministic and pure. A sentence's evidence is the share of the question's meaning-bearing
words, weighted by their rarity, that stand in it or (for less) in its heading, question, title or
neighbours. Where words alone do not decide, the caller may give similarities of meaning.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from contracts.v1.models import ChatMessage, GivenPassage
from llm_router.passages import Sentence, sentences_of
from llm_router.phrases import not_found
from llm_router.words import fold, meaning_stems, stems

CERTAIN = 0.7
"""From this share of the question on, words alone decide."""
ENOUGH = 0.40
"""Below this, after similarities too, the answer is that nothing was found."""
_CANDIDATES_FOR_MEANING = 24
_SENTENCES_MAX = 3
_ANSWER_CHARACTERS_MAX = 700
_CONTEXT, _TITLE, _NEIGHBOUR = 0.65, 0.4, 0.3
_UNDER_THE_QUESTION = 0.9
"""Of a sentence whose heading asks what the customer asks: it answers, in whatever words."""
_RANK_LOSS = 0.03
_UNRELATED_COSINE = 0.12
_ONE_WORD_MOST = 0.5
_COMPANION = 0.8
_HISTORY_WEIGHT = 0.5

_TIME = re.compile(
    r"\d+\s*(?:-|–|to)?\s*\d*\s*(?:business |working |calendar )?(?:second|minute|hour|day|week|"
    r"month|year|tag|woche|monat|jahr|stunde|jour|semaine|mois|heure|día|dia|semana|mes|hora|"
    r"giorn|settiman|dan|tjed|mjesec|sat)|\b\d{1,2}(?::\d\d)?\s*(?:am|pm|h|uhr)\b|\d{1,2}:\d\d|"
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day",
    re.IGNORECASE,
)
_MONEY = re.compile(r"[$€£¥₹]\s*\d|\d\s*(?:[$€£¥₹]|eur|usd|gbp|kn)|\bfree\b|\d\s*%", re.IGNORECASE)
_NUMBER = re.compile(r"\d")
_ASKS_TIME = re.compile(
    r"how long|how soon|how fast|when\b|what time|opening hours|wie lange|wann|combien de temps|"
    r"quand|cuanto tiempo|cuando|quanto tempo|koliko dugo|kada"
)
_ASKS_MONEY = re.compile(
    r"how much|cost|price|\bfee|charge|wie viel|kostet|combien|prix|cuanto|precio|quanto costa|"
    r"koliko kost|cijena"
)
_ASKS_NUMBER = re.compile(r"how many|wie viele|combien|cuantos|quanti|quantos|koliko")
_INTENTS = ((_ASKS_TIME, _TIME), (_ASKS_MONEY, _MONEY), (_ASKS_NUMBER, _NUMBER))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence with its passage's number and its evidence, 0 to 1."""

    number: int
    place: int
    sentence: Sentence
    evidence: float
    covered: frozenset[str]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the weight of each of its words."""

    text: str
    weights: Mapping[str, float]


def question_of(messages: Sequence[ChatMessage]) -> str:
    """The customer's unanswered words: every user message after the last answer."""
    spoken: list[str] = []
    for message in reversed(messages):
        if message.role == "user":
            spoken.append(message.content.strip())
        elif message.role == "assistant" and not message.tool_calls:
            break
    return "\n".join(reversed(spoken)).strip()


def weigh(messages: Sequence[ChatMessage], passages: Sequence[GivenPassage]) -> Question:
    """Weigh the question's words by their rarity; a short follow-up borrows from what was asked."""
    text = question_of(messages)
    wanted = dict.fromkeys(meaning_stems(text), 1.0)
    if len(wanted) <= 1:
        for word in meaning_stems(_asked_before(messages)):
            wanted.setdefault(word, _HISTORY_WEIGHT)
    sentences = [s for passage in passages for s in sentences_of(passage.text)]
    return Question(text, {w: share * _rarity(w, sentences) for w, share in wanted.items()})


def candidates(question: Question, passages: Sequence[GivenPassage]) -> list[Candidate]:
    """Every sentence of the passages with its evidence, best first."""
    total = sum(question.weights.values())
    kinds = _wanted_kinds(question.text)
    found = []
    for rank, passage in enumerate(passages):
        title = frozenset(stems(passage.title))
        for place, sentence in enumerate(sentences_of(passage.text)):
            parts = _parts(question, sentence, title)
            share = sum(parts.values()) / total if total else 0.0
            if len(question.weights) > 1 and question.weights.keys() <= sentence.context:
                share = max(share, _UNDER_THE_QUESTION)
            if any(kind.search(sentence.text) for kind in kinds):
                share = min(1.0, share * 1.2)
            most = _ONE_WORD_MOST if len(question.weights) == 1 else 1.0
            evidence = min(share, most) * (1.0 - _RANK_LOSS * rank)
            covered = frozenset(word for word, part in parts.items() if part > 0)
            found.append(Candidate(passage.number, place, sentence, evidence, covered))
    return _best_first(found)


def undecided(found: Sequence[Candidate]) -> list[Candidate]:
    """The candidates whose meaning should be compared because words alone do not decide."""
    if not found or found[0].evidence >= CERTAIN:
        return []
    # Those with equal evidence are taken from all passages in turn.
    fair = sorted(found, key=lambda c: (-c.evidence, c.place, c.number))
    return fair[:_CANDIDATES_FOR_MEANING]


def with_similarities(
    question: Question, found: Sequence[Candidate], similarities: Sequence[float]
) -> list[Candidate]:
    """Join evidence of words with similarity of meaning (cosine), best first."""
    joined = []
    for candidate, cosine in zip(found, similarities, strict=True):
        meaning = min(1.0, max(0.0, (cosine - _UNRELATED_COSINE) / 0.6))
        known = len(candidate.covered)
        alone = 0.9 if known > 1 or known == len(question.weights) else 0.6
        evidence = max(alone * candidate.evidence, 0.3 * candidate.evidence + meaning)
        joined.append(replace(candidate, evidence=min(1.0, evidence)))
    return _best_first(joined)


def _best_first(found: list[Candidate]) -> list[Candidate]:
    return sorted(found, key=lambda c: (-c.evidence, c.number, c.place))


def compose(question: Question, found: Sequence[Candidate]) -> str:
    """One to three quoted sentences with their citations, or that nothing was found."""
    if not found or found[0].evidence < ENOUGH:
        return not_found(question.text)
    chosen = _chosen(found)
    parts: list[str] = []
    for i, candidate in enumerate(chosen):
        text = candidate.sentence.text
        parts.append(text if text[-1] in ".!?…。！？" else f"{text}.")
        if i + 1 == len(chosen) or chosen[i + 1].number != candidate.number:
            parts.append(f"[{candidate.number}]")
    return " ".join(parts)


def _chosen(found: Sequence[Candidate]) -> list[Candidate]:
    """The best sentence, and those that tell more of what was asked."""
    best = found[0]
    chosen, covered = [best], set(best.covered)
    length = len(best.sentence.text)
    for candidate in found[1:]:
        new_words = candidate.covered - covered
        beside = candidate.number == best.number and (
            candidate.sentence.section == best.sentence.section
            and abs(candidate.place - best.place) == 1
        )
        close = candidate.evidence >= best.evidence * _COMPANION
        wanted = close and (beside or (new_words and candidate.evidence >= CERTAIN))
        length += len(candidate.sentence.text)
        if not wanted or _says_the_same(candidate, chosen):
            length -= len(candidate.sentence.text)
            continue
        if len(chosen) == _SENTENCES_MAX or length > _ANSWER_CHARACTERS_MAX:
            break
        chosen.append(candidate)
        covered |= candidate.covered
    order = {best.number: 0}
    return sorted(chosen, key=lambda c: (order.get(c.number, 1), c.number, c.place))


def _says_the_same(candidate: Candidate, chosen: Sequence[Candidate]) -> bool:
    words = candidate.sentence.stems
    for other in chosen:
        both = len(words & other.sentence.stems)
        if both >= 0.8 * max(1, min(len(words), len(other.sentence.stems))):
            return True
    return False


def _parts(question: Question, sentence: Sentence, title: frozenset[str]) -> dict[str, float]:
    parts = {}
    for word, weight in question.weights.items():
        if word in sentence.stems:
            share = 1.0
        elif word in sentence.context:
            share = _CONTEXT
        elif word in title:
            share = _TITLE
        elif word in sentence.neighbours:
            share = _NEIGHBOUR
        else:
            continue
        parts[word] = weight * share
    return parts


def _rarity(word: str, sentences: Sequence[Sentence]) -> float:
    holding = sum(1 for s in sentences if word in s.stems or word in s.context)
    if not holding:
        # A word the passages do not know says something, but a paraphrase is no proof of absence.
        return 0.8 * math.log(1.0 + (len(sentences) + 1) / 2.0)
    return math.log(1.0 + (len(sentences) + 1) / (holding + 0.5))


def _wanted_kinds(question: str) -> list[re.Pattern[str]]:
    folded = fold(question)
    return [kind for asked, kind in _INTENTS if asked.search(folded)]


def _asked_before(messages: Sequence[ChatMessage]) -> str:
    answered = False
    for message in reversed(messages):
        if message.role == "assistant" and not message.tool_calls:
            answered = True
        elif message.role == "user" and answered:
            return message.content
    return ""
