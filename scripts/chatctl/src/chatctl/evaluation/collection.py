"""A folder of `corpus.jsonl`, `queries.jsonl` and `qrels.tsv`, read with tolerance."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TITLE_CHARACTERS = 500
TEXT_BYTES_MAX = 200 * 1024
QUERY_CHARACTERS = 8_192
_TITLE_FROM_TEXT_CHARACTERS = 80
_QRELS = ("qrels.tsv", "qrels/test.tsv", "qrels/dev.tsv", "qrels.txt")


class NotACollection(RuntimeError):
    """The folder cannot be evaluated; the message says what is missing."""


@dataclass(frozen=True)
class Source:
    """A document to be found."""

    name: str
    title: str
    text: str


@dataclass(frozen=True)
class Query:
    """A judged question: which documents answer it, and how well."""

    name: str
    text: str
    grades: dict[str, float]


@dataclass
class Collection:
    """What is evaluated, and what of the folder was left out (sentences for people)."""

    name: str
    sources: list[Source]
    queries: list[Query]
    notes: list[str] = field(default_factory=list)

    @property
    def sha256(self) -> str:
        """Of the documents as they are uploaded."""
        digest = hashlib.sha256()
        for source in self.sources:
            digest.update(json.dumps([source.name, source.title, source.text]).encode())
        return digest.hexdigest()


def read_collection(folder: Path) -> Collection:
    """Read a folder; NotACollection says what it lacks."""
    for name in ("corpus.jsonl", "queries.jsonl"):
        if not (folder / name).is_file():
            raise NotACollection(f"{folder} has no {name}")
    notes: list[str] = []
    sources = _sources(folder / "corpus.jsonl", notes)
    grades = _grades(_qrels_of(folder), notes)
    queries = _queries(folder / "queries.jsonl", grades, notes)
    if not sources:
        raise NotACollection(f"{folder}/corpus.jsonl has no document with words")
    if not queries:
        raise NotACollection(f"{folder} has no question with a relevant document")
    known = {source.name for source in sources}
    lost = sum(name not in known for query in queries for name in query.grades)
    if lost:
        notes.append(f"{lost} judgements name documents without words: they count as not found")
    return Collection(folder.resolve().name, sources, queries, notes)


def _qrels_of(folder: Path) -> Path:
    for name in _QRELS:
        if (folder / name).is_file():
            return folder / name
    raise NotACollection(f"{folder} has no qrels.tsv")


def _sources(file: Path, notes: list[str]) -> list[Source]:
    sources: dict[str, Source] = {}
    empty = cut = repeated = 0
    for row in _rows(file):
        name = _name_of(row)
        title, text = _one_line(_words(row.get("title"))), _words(row.get("text")).strip()
        if name in sources:
            repeated += 1
            continue
        if not _visible(title + text):
            empty += 1
            continue
        # Words of a title that is longer than titles may be are not lost.
        whole = text if _visible(text) and len(title) <= TITLE_CHARACTERS else f"{title}\n{text}"
        short = _cut_bytes(whole.strip())
        cut += len(short) < len(whole.strip())
        sources[name] = Source(name, _title(title, short), short)
    for count, what in (
        (empty, "documents without words were left out"),
        (repeated, "documents repeat an id: the first is kept"),
        (cut, f"documents were cut to {TEXT_BYTES_MAX // 1024} KiB"),
    ):
        if count:
            notes.append(f"{count} {what}")
    return list(sources.values())


def _queries(file: Path, grades: dict[str, dict[str, float]], notes: list[str]) -> list[Query]:
    queries: dict[str, Query] = {}
    unjudged = empty = 0
    for row in _rows(file):
        name = _name_of(row)
        text = _words(row.get("text")).strip()[:QUERY_CHARACTERS]
        if name not in grades:
            unjudged += 1
        elif not _visible(text):
            empty += 1
        else:
            queries.setdefault(name, Query(name, text, grades[name]))
    if unjudged:
        notes.append(f"{unjudged} questions without a relevant document were left out")
    if empty:
        notes.append(f"{empty} questions without words were left out")
    missing = len(grades.keys() - queries.keys()) - empty
    if missing > 0:
        notes.append(f"{missing} judged questions are not in {file.name}")
    return list(queries.values())


def _grades(file: Path, notes: list[str]) -> dict[str, dict[str, float]]:
    """Relevant documents by question; with a header or without, with trec's second column too."""
    grades: dict[str, dict[str, float]] = {}
    unreadable = 0
    for number, line in enumerate(file.read_text("utf-8-sig", "replace").splitlines()):
        cells = [cell.strip() for cell in (line.split("\t") if "\t" in line else line.split())]
        if not any(cells):
            continue
        try:
            query, document, grade = cells[0], cells[-2], float(cells[-1])
        except (ValueError, IndexError):
            unreadable += number > 0
            continue
        if grade > 0:
            grades.setdefault(query, {})[document] = grade
    if unreadable:
        notes.append(f"{unreadable} lines of {file.name} could not be read")
    return grades


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise NotACollection(f"{file}, line {number}: {error}") from None
            if not isinstance(row, dict):
                raise NotACollection(f"{file}, line {number}: not a JSON object")
            yield row


def _name_of(row: dict[str, Any]) -> str:
    found = next((row[key] for key in ("_id", "id", "doc_id") if row.get(key) is not None), None)
    if found is None:
        raise NotACollection(f"a line has no _id: {str(row)[:80]}")
    return str(found).strip()


def _words(value: object) -> str:
    """Text without what no service keeps: NUL, and halves of characters."""
    text = "" if value is None else str(value)
    return text.replace("\x00", " ").encode("utf-8", "replace").decode()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _title(title: str, text: str) -> str:
    if _visible(title):
        return title[:TITLE_CHARACTERS].strip()
    start = _one_line(text[: _TITLE_FROM_TEXT_CHARACTERS * 2])
    if len(start) <= _TITLE_FROM_TEXT_CHARACTERS:
        return start
    return start[:_TITLE_FROM_TEXT_CHARACTERS].rpartition(" ")[0] or start[:40]


def _visible(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _cut_bytes(text: str) -> str:
    return text.encode()[:TEXT_BYTES_MAX].decode("utf-8", "ignore")
