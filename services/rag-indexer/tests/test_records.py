"""Records of the platform's own are read in this process."""

import json

import pytest

from rag_indexer import parser_client
from rag_indexer.parsed import Unreadable
from rag_indexer.record_text import QUESTION_AND_ANSWER, read_record


@pytest.fixture(autouse=True)
def _no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser_client, "RunningServer", None)


def record(**said: object) -> bytes:
    return json.dumps(said).encode()


def test_a_question_and_an_answer() -> None:
    document = read_record(
        record(
            question="How long?", alternatives=["When\nback?", " "], answer="30 days.\n\nReally."
        ),
        QUESTION_AND_ANSWER,
    )
    assert document.text == "Q: How long?\nQ: When back?\nA: 30 days.\n\nReally.\n"
    assert (document.file_type, document.title) == ("qa", "How long?")


def test_text_and_markdown() -> None:
    plain = read_record("# Not\u200b a heading".encode(), "text/plain; charset=utf-8")
    assert (plain.file_type, plain.text, plain.marks[0].headings) == ("txt", "# Not a heading", ())
    assert plain.invisible_removed == 1
    markdown = read_record(b"# Returns\n\nThirty days.", "text/markdown")
    assert (markdown.title, markdown.marks[0].headings) == ("Returns", ("Returns",))


@pytest.mark.parametrize(
    ("content", "media_type", "code"),
    [
        (b"\xff\xfe", "text/plain", "corrupt_document"),
        (b" ... ", "text/plain", "no_text"),
        (b"{", QUESTION_AND_ANSWER, "corrupt_document"),
        (b"[1]", QUESTION_AND_ANSWER, "corrupt_document"),
        (b"[" * 100_000, QUESTION_AND_ANSWER, "corrupt_document"),
        (record(question="How?"), QUESTION_AND_ANSWER, "corrupt_document"),
        (record(question=" ", answer="x"), QUESTION_AND_ANSWER, "corrupt_document"),
        (record(question="How?", answer=7), QUESTION_AND_ANSWER, "corrupt_document"),
        (
            record(question="How?", answer="x", alternatives=7),
            QUESTION_AND_ANSWER,
            "corrupt_document",
        ),
        (b"%PDF-1.7", "application/pdf", "unsupported_type"),
    ],
)
def test_what_is_no_record(content: bytes, media_type: str, code: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_record(content, media_type)
    assert caught.value.code == code
