"""A passage taken apart: sentences with the heading, question and title they stand under."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from llm_router.tables import tables_as_sentences
from llm_router.words import stems

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[^\sa-z])|(?<=[。！？])\s*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|approx|incl|excl|vs|no|nr|st|mr|mrs|ms|dr|z\.B|bzw|ca|tel)|\b[A-Z])\.$",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\s*(?:[-*•–·▪]|\d{1,2}[.)])\s+")
_HEADING = re.compile(r"^\s*#{1,6}\s+")
_SPEAKER = re.compile(r"^(?:Q|A|Question|Answer|Frage|Antwort)\s*[:.]\s+", re.IGNORECASE)
_MARKUP = re.compile(r"\*\*|__|`|^>\s*", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_HEADING_CHARACTERS_MAX = 80
_WRAPPED_CHARACTERS_MIN = 60


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that may be quoted, and the words around it that say what it is about."""

    text: str
    stems: frozenset[str]
    context: frozenset[str]
    neighbours: frozenset[str]
    section: int


@lru_cache(maxsize=4_096)
def sentences_of(text: str) -> tuple[Sentence, ...]:
    """Take a passage apart; headings and questions become the context of what follows them."""
    found: list[tuple[str, frozenset[str], int]] = []
    heading: frozenset[str] = frozenset()
    question: frozenset[str] = frozenset()
    section = 0
    for line in _lines(tables_as_sentences(text)):
        if _is_heading(line):
            heading, question = frozenset(stems(_clean(line))), frozenset()
            section += 1
            continue
        for sentence in _split(_clean(line)):
            if sentence.rstrip().endswith(("?", "？")):
                question = frozenset(stems(sentence))
                section += 1
                continue
            found.append((sentence, heading | question, section))
    return _with_neighbours(found)


def _with_neighbours(found: list[tuple[str, frozenset[str], int]]) -> tuple[Sentence, ...]:
    words = [frozenset(stems(text)) for text, _, _ in found]
    sentences = []
    for i, (text, context, section) in enumerate(found):
        around = [
            words[j] for j in (i - 1, i + 1) if 0 <= j < len(found) and found[j][2] == section
        ]
        sentences.append(Sentence(text, words[i], context, frozenset().union(*around), section))
    return tuple(sentences)


def _lines(text: str) -> list[str]:
    """Logical lines: what a page's width broke is joined again."""
    lines: list[str] = []
    joins = False
    for raw in text.splitlines():
        line = raw.strip().strip("|").strip()
        if not line:
            joins = False
            continue
        starts_item = bool(_BULLET.match(line) or _HEADING.match(line))
        if joins and not starts_item:
            lines[-1] = f"{lines[-1]} {line}"
        else:
            lines.append(line)
        ended = line.endswith((".", "!", "?", ":", "。", "！", "？"))
        joins = not ended and len(line) >= _WRAPPED_CHARACTERS_MIN and not _HEADING.match(line)
    return lines


def _is_heading(line: str) -> bool:
    if _HEADING.match(line) or line.endswith(":"):
        return True
    plain = _BULLET.sub("", line)
    ends_open = not line.endswith((".", "!", "?", "…", "。", "！", "？", ";", ","))
    short = len(plain) <= _HEADING_CHARACTERS_MAX and len(plain.split()) <= 5
    return ends_open and short and line == plain and not any(c.isdigit() for c in line)


def _clean(line: str) -> str:
    line = _HEADING.sub("", _BULLET.sub("", line))
    line = _SPEAKER.sub("", _LINK.sub(r"\1", _MARKUP.sub("", line)))
    return re.sub(r"\s*\|\s*", ", ", re.sub(r"\s+", " ", line)).strip()


def _split(line: str) -> list[str]:
    parts: list[str] = []
    for part in _SENTENCE_END.split(line):
        if not part or not part.strip():
            continue
        if parts and _ABBREVIATION.search(parts[-1]):
            parts[-1] = f"{parts[-1]} {part.strip()}"
        else:
            parts.append(part.strip())
    return [_SPEAKER.sub("", part) for part in parts if any(c.isalnum() for c in part)]
