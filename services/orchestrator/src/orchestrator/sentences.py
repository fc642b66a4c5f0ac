"""An answer taken apart: its sentences, what each cites, and which of them claim something. Pure.

Every piece keeps its place in the text, so that one can be taken out and the rest stays as it was.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from orchestrator.talk import is_talk

Kind = Literal["claim", "question", "talk", "code", "heading"]

SENTENCES_MAX: Final = 200
"""What stands behind them in a longer answer is not judged."""

_MARK: Final = re.compile(r"\[\s*(\d{1,6}(?:\s*[,;]\s*\d{1,6})*)\s*\](?!\()")
_SPACE_AND_MARK: Final = re.compile(r"[ \t]*" + _MARK.pattern)
_CODE_BLOCK: Final = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_LINE_START: Final = re.compile(r"[ \t]*(?:#{1,6}[ \t]+|>[ \t]*|[-*+•–·][ \t]+|\d{1,3}[.)][ \t]+)*")
_HEADING: Final = re.compile(r"[ \t]*#{1,6}[ \t]|[ \t]*\*\*[^*\n]{1,80}\*\*:?[ \t]*$")
_TABLE_RULE: Final = re.compile(r"[ \t|:+-]*-[ \t|:+-]*$")
# A full stop ends a sentence where a space (or a mark, or nothing in Chinese) follows.
_STOP: Final = re.compile(
    r"(?:[.!?…]+[\"'”’»)*_]*(?=\s|\[\d)|[。！？]+[」』”]*)(?:\s*\[\s*\d[\d\s,;]*\](?!\())*"
)
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|approx|incl|excl|vs|no|nr|st|mr|mrs|ms|dr|prof|tel|max|min|art|fig|p|"
    r"z\.\s?b|d\.\s?h|u\.\s?a|bzw|ca|evtl|ggf|inkl|zzgl|usw|str|abs|"
    r"p\.\s?ex|env|m|mme|mlle|av|"
    r"p\.\s?ej|sr|sra|ud|uds|aprox|núm|"
    r"es|ecc|sig|dott|pag|"
    r"npr|tj|itd|tzv|br|god|sv|ul|gosp|gđa|ing|mag|dipl)|\b[A-ZČĆŠŽĐ])\.$",
    re.IGNORECASE,
)
_ALWAYS_END: Final = frozenset({"etc.", "usw.", "itd.", "ecc."})
_ORDINAL: Final = re.compile(r"(?:^|[^\d.,])\d{1,4}\.$")
_MONTH: Final = re.compile(
    r"(?:jan|feb|mär|mar|apr|mai|maj|may|jun|jul|aug|ago|sep|set|okt|oct|ott|nov|dez|dec|dic|"
    r"sij|velj|ožuj|trav|svib|lip|srp|kolov|ruj|listop|stud|pros)\w*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One piece of an answer: text[start:end] is what stands there, with its marks."""

    start: int
    end: int
    words: str
    """Without marks, bullets and emphasis."""
    cites: tuple[int, ...]
    kind: Kind


def sentences_of(text: str) -> list[Sentence]:
    """Take an answer apart; what stands between the pieces is only space."""
    found: list[Sentence] = []
    at = 0
    for block in _CODE_BLOCK.finditer(text):
        found += _prose(text, at, block.start())
        found.append(Sentence(block.start(), block.end(), block.group(0).strip("`"), (), "code"))
        at = block.end()
    found += _prose(text, at, len(text))
    return found[:SENTENCES_MAX]


def numbers_cited(text: str) -> tuple[int, ...]:
    """Return the numbers that the marks in a text name, each once."""
    named = (int(one) for mark in _MARK.findall(text) for one in re.findall(r"\d+", mark))
    return tuple(dict.fromkeys(named))


def without_marks(text: str) -> str:
    """Return the words of a piece without marks, list signs and emphasis."""
    bare = _LINE_START.sub("", _SPACE_AND_MARK.sub("", text), count=1)
    return " ".join(re.sub(r"\*\*|__|`", "", bare).split())


def _prose(text: str, start: int, end: int) -> Iterator[Sentence]:
    at = start
    for line in text[start:end].splitlines(keepends=True):
        yield from _line(text, at, at + len(line))
        at += len(line)


def _line(text: str, start: int, end: int) -> Iterator[Sentence]:
    line = text[start:end]
    if not line.strip() or _TABLE_RULE.match(line.rstrip("\n")):
        return
    if _HEADING.match(line.rstrip("\n")) or (line.rstrip().endswith(":") and len(line) < 120):
        yield _sentence(text, start, end, "heading")
        return
    begin = start
    for stop in _stops(line):
        piece = _sentence(text, begin, start + stop, None)
        begin = start + stop
        if piece.words:
            yield piece
    rest = _sentence(text, begin, end, None)
    if rest.words:
        yield rest


def _stops(line: str) -> Iterator[int]:
    """Yield where sentences of a line end, marks behind the full stop included."""
    first = _LINE_START.match(line)
    first_word = first.end() if first else 0
    for stop in _STOP.finditer(line):
        before = line[: stop.start()] + "."
        if stop.start() < first_word or (
            stop.group(0)[0] == "." and _goes_on(before, line[stop.end() :])
        ):
            continue
        yield stop.end()


def _goes_on(before: str, after: str) -> bool:
    """Whether a full stop belongs to an abbreviation, an ordinal or the middle of a sentence."""
    following = after.lstrip(" \t*_\"'“„«(")
    last_word = before.split()[-1].lower() if before.split() else ""
    if last_word in _ALWAYS_END:
        return bool(following) and following[0].islower()
    if _ABBREVIATION.search(before):
        return True
    if _ORDINAL.search(before) and (following[:1].islower() or _MONTH.match(following)):
        return True
    return bool(following) and following[0].islower() and following[0].isascii()


def _sentence(text: str, start: int, end: int, kind: Kind | None) -> Sentence:
    raw = text[start:end]
    words = without_marks(raw)
    return Sentence(start, end, words, numbers_cited(raw), kind or _kind(words))


def _kind(words: str) -> Kind:
    if words.rstrip("\"'”’»)*_ ").endswith(("?", "？")):
        return "question"
    return "talk" if is_talk(words) else "claim"
