"""Which sources an answer really has: its [n] against the passages that were given."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from contracts.v1.knowledge import FoundPassage
from contracts.v1.shapes import Citation

CITATIONS_MAX: Final = 20
QUOTE_CHARACTERS_MAX: Final = 1_000
ALL_QUOTES_CHARACTERS_MAX: Final = 10_000

# `[1]`, `[1, 2]`, `[1][2]`; not `[1](address)`, which is a link.
_MARK: Final = re.compile(r"[ \t]*\[\s*(\d{1,6}(?:\s*[,;]\s*\d{1,6})*)\s*\](?!\()")
_NUMBER: Final = re.compile(r"\d+")
# Code keeps its brackets: fenced blocks and spans are not searched.
_CODE: Final = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]*`)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CitedText:
    """An answer that names only sources it was given."""

    text: str
    citations: list[Citation]
    removed: list[int]


def check_citations(text: str, given: Mapping[int, FoundPassage]) -> CitedText:
    """Remove every [n] that no given passage stands behind, and list the others' sources."""
    cited: set[int] = set()
    removed: list[int] = []

    def keep_known(match: re.Match[str]) -> str:
        numbers = [int(number) for number in _NUMBER.findall(match.group(1))]
        known = [number for number in numbers if number in given]
        removed.extend(number for number in numbers if number not in given)
        cited.update(known)
        if not known:
            return ""
        mark = match.group(0)
        space = mark[: len(mark) - len(mark.lstrip(" \t"))]
        return space + "".join(f"[{number}]" for number in known)

    checked = "".join(
        piece if is_code else _MARK.sub(keep_known, piece) for piece, is_code in _pieces(text)
    )
    numbers = sorted(cited)[:CITATIONS_MAX]
    room = min(QUOTE_CHARACTERS_MAX, ALL_QUOTES_CHARACTERS_MAX // max(len(numbers), 1))
    sources = [_citation(number, given[number], room) for number in numbers]
    return CitedText(checked.strip(), sources, removed)


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    if "`" not in text:
        yield text, False
        return
    for index, piece in enumerate(_CODE.split(text)):
        yield piece, index % 2 == 1


def _citation(number: int, passage: FoundPassage, quote_characters: int) -> Citation:
    return Citation(
        number=number,
        document_id=passage.document_id,
        document_version=passage.document_version,
        passage_id=passage.passage_id,
        title=passage.title,
        page=passage.page,
        heading=passage.heading,
        quote=passage.text[:quote_characters],
        score=passage.score,
        source_url=passage.source_url,
    )
