"""Typos, and the language of a question."""

from collections.abc import Sequence

import pytest

from retriever.index_types import NearTerm, QuestionTerm
from retriever.near_terms import near
from retriever.question_language import language_of
from retriever.typos import best_correction, corrected, edits_allowed, unknown_words

VOCABULARY = {
    "žalb": 2,
    "šišanj": 1,
    "račun": 4,
    "return": 12,
    "refund": 5,
    "deliveri": 9,
    "warranti": 3,
    "ship": 7,
    "shop": 2,
}


def term(
    word: str, stem: str | None = None, passages: int = 0, language: str = "english"
) -> QuestionTerm:
    return QuestionTerm(word, stem or word, language, 1, passages)


async def find_near(configuration: str, wanted: str, edits: int) -> Sequence[NearTerm]:
    same = sorted(one for one in VOCABULARY if one[0] == wanted[0])
    return [NearTerm(one, VOCABULARY[one], edit) for one, edit in near(wanted, same, edits)]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("retrun", "return"),
        ("retur", "return"),
        ("reeturn", "return"),
        ("rteurn", "return"),
        ("delivvery", "deliveri"),
        ("deliverri", "deliveri"),
        ("warantie", "warranti"),
        ("erturn", "return"),
        ("zalb", "žalb"),
        ("sisanj", "šišanj"),
        ("racun", "račun"),
    ],
)
async def test_a_slip_of_the_finger_is_read_as_it_was_meant(typed: str, meant: str) -> None:
    found = await corrected([term(typed)], find_near)
    assert found is not None
    assert (found[0].term, found[0].corrected_from) == (meant, typed)


@pytest.mark.parametrize(
    "typed", ["eturn", "rxtxrn", "shp", "weather", "x17", "2024", "RMA42", "RMAX"]
)
async def test_what_is_no_typo_stays(typed: str) -> None:
    assert await corrected([term(typed)], find_near) is None


async def test_a_known_word_is_never_replaced() -> None:
    assert await corrected([term("shop", passages=2)], find_near) is None
    in_another_language = [term("retur"), term("retur", passages=1, language="danish")]
    assert await corrected(in_another_language, find_near) is None


async def test_only_the_mistyped_word_changes() -> None:
    question = [term("refund", passages=5), term("polcy"), term("retrun")]
    found = await corrected(question, find_near)
    assert found is not None
    assert [one.term for one in found] == ["refund", "polcy", "return"]
    assert [one.corrected_from for one in found] == [None, None, "retrun"]


def test_frequency_decides_between_equally_near_terms() -> None:
    close = [NearTerm("shop", 2, 1), NearTerm("ship", 7, 1), NearTerm("shin", 0, 1)]
    best = best_correction("shep", close)
    assert best is not None
    assert best.term == "ship"
    assert best_correction("shep", [NearTerm("shop", 2, 1), NearTerm("sheep", 99, 2)]) == close[0]


def test_the_first_letter_is_kept_or_changed_places() -> None:
    assert best_correction("shep", [NearTerm("step", 2, 1), NearTerm("khep", 9, 1)]) is not None
    assert best_correction("shep", [NearTerm("khep", 9, 1)]) is None
    assert best_correction("erturn", [NearTerm("return", 9, 1)]) is not None


def test_short_words_and_codes_may_hold_no_slip() -> None:
    assert [edits_allowed(word) for word in ("abc", "abcd", "abcdefg", "abcdefgh")] == [0, 1, 1, 2]
    assert edits_allowed("ab12cd") == 0
    assert unknown_words([term("12345"), term("AB"), term("real")]) == ["real"]


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("How long do I have to return an item?", "en"),
        ("Wie lange kann ich den Artikel zurückgeben?", "de"),
        ("Koliko dugo mogu vratiti proizvod i što mi treba?", "hr"),
        ("¿Cuánto tiempo tengo para devolver el artículo?", "es"),
        ("Сколько дней на возврат?", "ru"),
        ("返品は何日以内ですか", "ja"),
        ("warranty", None),
        ("", None),
    ],
)
def test_the_language_is_told_by_letters_and_common_words(
    question: str, language: str | None
) -> None:
    assert language_of(question) == language
