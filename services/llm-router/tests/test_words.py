"""Folding, stemming, function words and languages."""

import pytest

from llm_router.words import fold, language_of, meaning_stems, stem, stems, tokens


@pytest.mark.parametrize(
    "family",
    [
        "return returned returns returning returnable",
        "ship ships shipped shipping shipment",
        "deliver delivery deliveries delivered delivering",
        "cancel cancelled cancellation",
        "policy policies",
        "size sizes",
        "refund refunds refunded refundable",
    ],
)
def test_forms_of_a_word_share_a_stem(family: str) -> None:
    assert len({stem(word) for word in family.split()}) == 1


def test_different_words_keep_different_stems() -> None:
    words = [
        "return",
        "refund",
        "order",
        "other",
        "price",
        "prize",
        "bus",
        "business",
        "contact",
        "contract",
    ]
    assert len({stem(word) for word in words}) == len(words)


def test_accents_and_width_do_not_matter() -> None:
    assert fold("Ｃａｆé Žuti") == "cafe zuti"


def test_unspaced_scripts_are_compared_by_pairs() -> None:
    assert tokens("退货政策") == ["退货", "货政", "政策"]
    assert set(stems("退货")) < set(stems("退货政策"))


def test_questions_keep_what_carries_meaning() -> None:
    assert meaning_stems("How long do I have to return an item?") == ["return", "item"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is my order?", "en"),
        ("Wie lange habe ich Zeit, das zurückzugeben?", "de"),
        ("¿Cuánto tiempo tengo para devolver un artículo?", "es"),
        ("Koliko dugo mogu vratiti artikl?", "hr"),
        ("Combien de temps ai-je pour le retour ?", "fr"),
        ("xyzzy", "en"),
    ],
)
def test_the_language_is_told_by_function_words(text: str, language: str) -> None:
    assert language_of(text) == language


def test_words_of_one_language_are_not_idle_in_another() -> None:
    assert meaning_stems("Do you sell a hat?") == ["sell", "hat"]
