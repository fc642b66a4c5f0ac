"""What is said of documents, tables of questions, and the words of the protocol for large files."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.document_words import Expiry, MetadataList, SoundRule, TagList
from gateway.file_types import media_type_of
from gateway.problems import Problem
from gateway.qa_pairs import NotATable, question_key, read_table
from gateway.resumable import number, read_checksum, read_metadata
from gateway.resumable_pieces import probe

WORDS = st.text(st.characters(codec="utf-8"), max_size=40)


def read(kind: Any, value: Any) -> Any:
    return TypeAdapter(kind).validate_python(value)


def test_tags_metadata_dates_and_rules() -> None:
    assert read(TagList, ["a", " a ", "b\u202e"]) == ["a", "b"]
    entries = read(MetadataList, {"shop": "Zagreb", "year": "2026"})
    assert [(entry.name, entry.value) for entry in entries][:1] == [("shop", "Zagreb")]
    assert read(Expiry, "2026-12-31T23:00:00-01:00").isoformat() == "2027-01-01T00:00:00+00:00"
    assert read(SoundRule, {"strategy": "fixed", "tokens": 64}).parent_tokens is None
    wrong: list[tuple[Any, Any]] = [
        (TagList, ["\u202e"]), (TagList, ["x" * 65]), (TagList, [str(n) for n in range(33)]),
        (MetadataList, [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]),
        (MetadataList, {"a": 1}), (Expiry, "2026-12-31T23:00:00"), (Expiry, "1969-01-01T00:00:00Z"),
        (Expiry, "9999-12-31T23:59:59-10:00"), (Expiry, "0001-01-01T00:00:00+10:00"),
        (SoundRule, {"strategy": "fixed", "tokens": 64, "overlap_tokens": 64}),
        (SoundRule, {"strategy": "headings", "tokens": 64, "parent_tokens": 64}),
    ]  # fmt: skip
    for kind, value in wrong:
        with pytest.raises(ValidationError):
            read(kind, value)


def test_a_question_is_the_same_in_other_case_and_spacing() -> None:
    assert question_key("Do  you SHIP?\n") == question_key("do you ship?")
    assert question_key("Do you ship") != question_key("do you ship?")


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5), st.sampled_from(",;\t"))
def test_a_table_gives_back_what_was_written(rows: list[tuple[str, str]], delimiter: str) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    rows = [tuple(text.replace("\0", "") for text in row) for row in rows]  # type: ignore[misc]
    lines = [f"question{delimiter}answer"]
    lines += [f"{quoted(question)}{delimiter}{quoted(answer)}" for question, answer in rows]
    cells = [row.cells for row in read_table("\r\n".join(lines).encode())]
    wished = [
        {name: text.strip() for name, text in zip(("question", "answer"), row, strict=True)
         if text.strip()}
        for row in rows if any(row)
    ]  # fmt: skip
    assert cells == wished


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_are_refused(data: bytes) -> None:
    with contextlib.suppress(NotATable):
        list(read_table(b"question,answer\n" + data))


@given(st.dictionaries(st.from_regex(r"\A[a-z]{1,8}\Z"), WORDS, max_size=5))
def test_metadata_of_a_large_file_is_read_back(words: dict[str, str]) -> None:
    pairs = [f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in words.items()]
    assert read_metadata(",".join(pairs)) == {
        name: text.replace("\0", "\ufffd") for name, text in words.items()
    }


@given(st.text(max_size=60))
def test_any_header_is_read_or_refused(text: str) -> None:
    for attempt in (
        lambda: read_metadata(text),
        lambda: read_checksum(text),
        lambda: number({"Upload-Offset": text}, "Upload-Offset"),
    ):
        with contextlib.suppress(Problem):
            attempt()


def test_a_checksum_is_of_all_bytes() -> None:
    digest = base64.b64encode(hashlib.sha256(b"ab").digest()).decode()
    checksum = read_checksum(f"sha256 {digest}")
    assert checksum is not None
    running = checksum.begin()
    running.update(b"a")
    assert not checksum.fits(running)
    running.update(b"b")
    assert checksum.fits(running)


def test_a_large_file_tells_its_type_by_its_two_ends() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/media/film.bin", b"\0" * 12_000_000)
        archive.writestr("xl/workbook.xml", "<workbook/>")
    looked_at = probe(file, len(file.getvalue()), 1_000_000)
    assert len(looked_at) < len(file.getvalue())
    assert media_type_of("a.xlsx", looked_at).endswith("spreadsheetml.sheet")
    with pytest.raises(Problem):
        media_type_of("a.docx", looked_at)
    small = io.BytesIO(b"words")
    assert probe(small, 5, 3) == b"words"
