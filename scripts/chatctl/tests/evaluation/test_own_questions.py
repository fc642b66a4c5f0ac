"""Files of questions, as people write them."""

from __future__ import annotations

import pytest

from chatctl.evaluation.own_questions import BadQuestions, judged, read_questions

KNOWN = {"Shipping": "id-1", "ship.md": "id-1", "id-1": "id-1", "sku-7": "id-2"}
CSV = (
    'question,document,grade\n"Do you ship, and where?",ship.md,\nKayaks?,sku-7,2\nKayaks?,id-1,1\n'
)
LINES = (
    '{"question": "Kayaks?", "document": "sku-7", "grade": 2}\n\n'
    '{"question": "Kayaks?", "document": "id-1"}\n'
)


def test_lines_of_one_question_are_one_question() -> None:
    kayaks = {
        "question": "Kayaks?",
        "relevant": [
            {"document_id": "id-2", "grade": 2.0},
            {"document_id": "id-1", "grade": 1.0},
        ],
    }
    first, second = read_questions(CSV, KNOWN)
    assert first["question"] == "Do you ship, and where?"
    assert second == kayaks
    assert read_questions(LINES, KNOWN) == [kayaks]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("question,document\nKayaks?,nowhere.md\n", "known document"),
        ("question,document\n,sku-7\n", "no question"),
        ("question,document,grade\nx,sku-7,good\n", "no number"),
        ('{"question": \n', "not JSON lines"),
    ],
)
def test_what_is_wrong_is_named(data: str, words: str) -> None:
    with pytest.raises(BadQuestions, match=words):
        read_questions(data, KNOWN)


def test_one_question_by_hand() -> None:
    assert judged("Where?", ["Shipping"], KNOWN)["relevant"] == [
        {"document_id": "id-1", "grade": 1.0}
    ]
    with pytest.raises(BadQuestions, match="no document x"):
        judged("Where?", ["x"], KNOWN)
