"""Whether two questions mean the same: by their words, or by their vectors with care. Pure.

Measured on pairs of shop questions with `builtin/minilm` (README): the same thing asked in other
words lies at 0.61 to 0.95, another thing asked in the same words ("return gift cards", "buy gift
cards") at up to 0.82. So where only one word is exchanged, the vectors have to be nearly equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Final, TypeAlias

from orchestrator.figures import Figure, figures_of, names_of
from orchestrator.support import is_negated
from orchestrator.words import language_of, subject_stems, tokens

Vector: TypeAlias = Sequence[float]


@dataclass(frozen=True, slots=True)
class Floors:
    """From which cosine on questions are taken for the same, by model; others need more."""

    by_model: Mapping[str, float]
    unknown: float
    exchanged: float
    """Where one word is exchanged for another."""

    def of(self, model: str) -> float:
        """Return the floor of a model."""
        return self.by_model.get(model, self.unknown)


CURATED: Final = Floors({"builtin/minilm": 0.78}, unknown=0.92, exchanged=0.9)
"""An answer that bypasses the model has to be the right one."""
GATHERED: Final = Floors({"builtin/minilm": 0.7}, unknown=0.85, exchanged=0.7)
"""Questions that are gathered for a person to look at may differ more."""

_OPENING_WORDS: Final = (
    "hello hi hey please thanks thank you good morning evening day sorry excuse "
    "hallo guten tag morgen abend bitte danke moin bonjour bonsoir salut merci svp "
    "hola buenos buenas dias tardes gracias favor ciao buongiorno buonasera salve grazie "
    "bok dobar dan pozdrav molim hvala"
)
_OPENINGS: Final = frozenset(_OPENING_WORDS.split())


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, made comparable."""

    text: str
    folded: str
    stems: frozenset[str]
    figures: tuple[Figure, ...]
    names: frozenset[str]
    negated: bool


def asked(text: str) -> Asked:
    """Make a question comparable."""
    return Asked(
        text,
        folded_question(text),
        frozenset(subject_stems(text)),
        figures_of(text),
        names_of(text, language_of(text, "en")),
        is_negated(text),
    )


def folded_question(text: str) -> str:
    """Return the words alone: without case, accents, signs, and greetings around them."""
    words = tokens(text)
    start, end = 0, len(words)
    while start < end and words[start] in _OPENINGS:
        start += 1
    while end > start and words[end - 1] in _OPENINGS:
        end -= 1
    return " ".join(words[start:end] or words)[:1_000]


def cosine(one: Vector, other: Vector) -> float:
    """Similarity of two vectors of unit length; 0 where they are of different models."""
    return sum(map(mul, one, other)) if len(one) == len(other) else 0.0


def same(one: Asked, other: Asked, similarity: float, model: str, floors: Floors) -> bool:
    """Whether two questions ask for the same: alike enough, with the same figures and names."""
    if similarity < floors.of(model) or one.negated != other.negated:
        return False
    if sorted(one.figures, key=_order) != sorted(other.figures, key=_order):
        return False
    if one.names and other.names and one.names.isdisjoint(other.names):
        return False
    exchanged = len(one.stems - other.stems) == 1 == len(other.stems - one.stems)
    return similarity >= floors.exchanged if exchanged else True


def _order(figure: Figure) -> tuple[float, str]:
    return figure.value, figure.unit or ""
