"""Whether what was given says what a sentence claims: words, figures, names and negation. Pure.

A sentence is compared with single sentences of what was given, each read with its neighbours and
its heading: a figure that stands in the same document beside something else supports nothing.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Literal

from orchestrator.figures import UNIT_STEMS, Figure, addresses_of, figures_of, missing, names_of
from orchestrator.words import fold, language_of, subject_stems, tokens

Verdict = Literal["supported", "unsupported", "contradicted", "undecided"]

SUPPORTED: Final = 0.6
"""From this share of a sentence's words on, one sentence that was given says the same."""
UNRELATED: Final = 0.34
"""Up to this share the words of a same-language source say something else."""
SUPPORTED_WITH_FIGURES: Final = 0.4
"""The same where all its figures stand in that very sentence."""
_SAME_SUBJECT: Final = 0.3
_SAME_STATEMENT: Final = 0.75
"""Where so many words agree, a negation in only one of the two turns the meaning round."""
_CONTEXT: Final = 0.6
"""What a word counts that stands in the document's title, heading or elsewhere in the passage."""
_SOURCE_CHARACTERS_MAX: Final = 12_000
_UNITS_MAX: Final = 300
_UNIT_CHARACTERS_MAX: Final = 1_000

_UNIT_END: Final = re.compile(r"(?<=[.!?…])[\"'”’)\]*]*\s+(?=\S)|(?<=[。！？])|\n+")
_NEGATION_WORDS: Final = (
    "not no never none nobody nothing cannot without neither nor "
    "nicht kein keine keinen keiner keinem nie niemals ohne nichts weder "
    "ne pas jamais aucun aucune sans rien ni nunca sin ningun ninguna nada tampoco jamas "
    "non mai senza nessun nessuna nessuno niente "
    "nije nisu nema nemamo nemate nemaju nikad nikada bez nitko nista nemoj nemojte"
)
_NEGATIONS: Final = frozenset(_NEGATION_WORDS.split())
_NOT_SHORT: Final = re.compile(r"\b\w+n['’]t\b")
_UNLESS: Final = re.compile(r"\b(?:not only|nicht nur|non seulement|no solo|non solo|ne samo)\b")


@dataclass(frozen=True, slots=True)
class _Unit:
    stems: frozenset[str]
    around: frozenset[str]
    figures: tuple[Figure, ...]
    near: tuple[Figure, ...]
    negated: bool
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """Something that was given to the model; a passage has its number, the rest has none."""

    number: int | None
    name: str
    language: str
    stems: frozenset[str]
    figures: tuple[Figure, ...]
    addresses: frozenset[str]
    words: frozenset[str]
    units: tuple[_Unit, ...]


@dataclass(frozen=True, slots=True)
class Support:
    """How far a sentence is supported, and by what."""

    verdict: Verdict
    coverage: float
    by: tuple[str, ...] = ()
    """Names of the sources: `[1]`, `conversation`, `tools`."""
    absent: tuple[str, ...] = ()
    """Figures, names and addresses that nothing given holds."""
    nearest: tuple[str, ...] = field(default=(), compare=False)
    """Sentences of sources to compare in meaning; none where a figure is what is undecided."""


def source_of(number: int | None, name: str, text: str, about: str = "") -> Source:
    """Prepare something that was given; `about` is its title and heading."""
    return replace(_prepared(text[:_SOURCE_CHARACTERS_MAX], about), number=number, name=name)


@lru_cache(maxsize=256)
def _prepared(text: str, about: str) -> Source:
    """Take a text apart; the same passages come again and again."""
    pieces = [piece for piece in _UNIT_END.split(text) if piece and piece.strip()][:_UNITS_MAX]
    pieces = [piece.strip()[:_UNIT_CHARACTERS_MAX] for piece in pieces]
    stems = [frozenset(subject_stems(piece)) for piece in pieces]
    figures = [figures_of(piece) for piece in pieces]
    units = tuple(
        _Unit(
            stems[at],
            frozenset().union(*stems[max(0, at - 1) : at + 2]),
            figures[at],
            tuple(one for near in figures[max(0, at - 1) : at + 2] for one in near),
            is_negated(pieces[at]),
            pieces[at],
        )
        for at in range(len(pieces))
    )
    whole = f"{about}\n{text}"
    return Source(
        None,
        "",
        language_of(whole, "en"),
        frozenset().union(*stems, subject_stems(about)),
        tuple(dict.fromkeys(one for piece in figures for one in piece)),
        addresses_of(whole),
        frozenset(tokens(whole)),
        units,
    )


def known_words(name: str, text: str) -> Source:
    """Prepare what a customer said: it makes figures and names known, and supports no claim."""
    whole = source_of(None, name, text)
    return replace(whole, units=(), stems=frozenset())


def is_negated(text: str) -> bool:
    """Whether a sentence says that something is not so."""
    folded = _UNLESS.sub(" ", fold(text))
    return bool(_NOT_SHORT.search(folded)) or not _NEGATIONS.isdisjoint(tokens(folded))


def support_of(
    sentence: str, cites: Sequence[int], sources: Sequence[Source], language: str
) -> Support:
    """Judge one sentence by words; those that it cites come first, then all that was given."""
    claim = _Claim(
        tuple(dict.fromkeys(one for one in subject_stems(sentence) if one not in UNIT_STEMS)),
        figures_of(sentence),
        is_negated(sentence),
        language,
    )
    absent = _absent(sentence, claim.figures, sources, language)
    quotable = [source for source in sources if source.units]
    at_home = any(source.language == language for source in quotable)
    judged = [
        _against(source, claim, foreign_too=not at_home or source.number in cites)
        for source in quotable
    ]
    best = max((one.coverage for one in judged), default=0.0)
    if absent:
        return Support("unsupported", best, absent=absent)
    for decided in ("supported", "contradicted"):
        good = sorted((one for one in judged if one.verdict == decided), key=_by_coverage)
        if good:
            by = tuple(name for one in good for name in one.by)
            return Support(good[0].verdict, good[0].coverage, by)
    rest = sorted(judged, key=_by_coverage)
    undecided = [one for one in rest if one.verdict == "undecided"]
    nearest = tuple(dict.fromkeys(text for one in undecided or rest for text in one.nearest))
    verdict: Verdict = "undecided" if undecided else "unsupported"
    return Support(verdict, best, nearest=() if claim.figures else nearest)


@dataclass(frozen=True, slots=True)
class _Claim:
    stems: tuple[str, ...]
    figures: tuple[Figure, ...]
    negated: bool
    language: str


def _by_coverage(one: Support) -> float:
    return -one.coverage


def _against(source: Source, claim: _Claim, *, foreign_too: bool) -> Support:
    """Compare with one source: the sentence of it that shares most words decides first.

    In another language only figures can agree; they do where nothing else could.
    """
    by = (source.name,)
    scored = sorted(
        (
            (_alone(claim.stems, unit), _coverage(claim.stems, unit, source), unit)
            for unit in source.units
        ),
        key=lambda one: (-one[0], -one[1]),
    )
    at_odds = False
    for alone, share, unit in scored:
        verdict = _compared(claim, unit, alone, share)
        if verdict == "supported":
            return Support("supported", share, by)
        at_odds = at_odds or verdict == "contradicted"
        if verdict == "contradicted" and alone >= _SAME_STATEMENT:
            break
    coverage = max((share for _, share, _ in scored), default=0.0)
    if at_odds:
        return Support("contradicted", coverage, by)
    foreign = source.language != claim.language
    if foreign and foreign_too and claim.figures and not missing(claim.figures, source.figures):
        return Support("supported", coverage, by)
    nearest = tuple(unit.text for _, _, unit in scored[:2])
    if coverage <= UNRELATED and not (foreign and foreign_too):
        return Support("unsupported", coverage, by, nearest=nearest)
    return Support("undecided", coverage, by, nearest=nearest)


def _compared(claim: _Claim, unit: _Unit, alone: float, share: float) -> Verdict:
    """Compare with one sentence; its neighbours lend it words, and figures where it has none."""
    if unit.negated != claim.negated and alone >= _SAME_STATEMENT:
        return "contradicted"
    held = bool(claim.figures) and not missing(claim.figures, unit.figures)
    if claim.figures and not held and alone >= _SAME_SUBJECT and _at_odds(claim, unit):
        return "contradicted"
    near = alone >= _SAME_SUBJECT and not missing(claim.figures, unit.near)
    if (claim.stems and not alone) or unit.text.startswith("#"):
        return "undecided"
    if not claim.figures:
        return "supported" if share >= SUPPORTED else "undecided"
    enough = SUPPORTED_WITH_FIGURES if held else SUPPORTED
    return "supported" if (held or near) and share >= enough * bool(claim.stems) else "undecided"


def _at_odds(claim: _Claim, unit: _Unit) -> bool:
    """Whether the sentence gives another figure of the same kind than the claim does."""
    kinds = {_kind(figure) for figure in unit.figures} - {None}
    return any(_kind(figure) in kinds for figure in missing(claim.figures, unit.figures))


def _kind(figure: Figure) -> str | None:
    return None if figure.unit is None else figure.unit.removeprefix("working ")


def _coverage(stems: Sequence[str], unit: _Unit, source: Source) -> float:
    if not stems:
        return 0.0
    held = sum(
        1.0 if stem in unit.around else _CONTEXT if stem in source.stems else 0.0 for stem in stems
    )
    return held / len(stems)


def _alone(stems: Sequence[str], unit: _Unit) -> float:
    return sum(stem in unit.stems for stem in stems) / len(stems) if stems else 0.0


def _absent(
    sentence: str, figures: tuple[Figure, ...], sources: Sequence[Source], language: str
) -> tuple[str, ...]:
    """Return what a sentence names that nothing given holds."""
    known = tuple(figure for source in sources for figure in source.figures)
    addresses: frozenset[str] = frozenset().union(*(source.addresses for source in sources))
    words: frozenset[str] = frozenset().union(*(source.words for source in sources))
    return (
        *(f"{figure.value:g} {figure.unit or ''}".strip() for figure in missing(figures, known)),
        *sorted(addresses_of(sentence) - addresses),
        *sorted(_unknown(names_of(sentence, language), words)),
    )


def _unknown(names: Iterable[str], words: frozenset[str]) -> list[str]:
    """Names in another case of the same word are known: `Zagrebu`, `Zagreb`."""
    heads = {word[:4] for word in words if len(word) >= 4}
    return [name for name in names if name not in words and name[:4] not in heads]
