"""Which words lean on the conversation, and what is searched for instead."""

import pytest

from orchestrator.domain import StoredMessage
from orchestrator.questions import (
    SEARCH_CHARACTERS_MAX,
    completed,
    completion_prompt,
    leaning,
    parts_of,
    with_question_before,
)

EARLIER = [
    StoredMessage(1, "customer", "How long may I return a lamp?", None),
    StoredMessage(2, "bot", "30 days [1].", None),
]


@pytest.mark.parametrize(
    ("language", "words", "sign"),
    [
        ("en", "And in Croatia?", "joining"),
        ("en", "What about opened boxes?", "joining"),
        ("en", "How much is it?", "no_subject"),
        ("en", "why?", "no_subject"),
        ("en", "Does that also hold for sale items?", "pointing"),
        ("en", "Can I bring them back to the shop in Zagreb", "pointing"),
        ("hr", "A što s otvorenim paketima?", "joining"),
        ("hr", "Koliko to košta?", "pointing"),
        ("de", "Und für Lampen?", "joining"),
        ("fr", "Et pour les lampes ?", "joining"),
        ("es", "¿Y para las lámparas?", "joining"),
        ("it", "E per le lampade?", "joining"),
        ("hr", "A Zagreb?", "joining"),
        ("hr", "I u plavoj boji?", "joining"),
        ("en", "Is that included?", "pointing"),
        ("en", "Do you ship there?", "pointing"),
        ("de", "Was kostet das?", "pointing"),
        ("de", "Gilt das auch für Lampen?", "pointing"),
        ("fr", "Combien coûte-t-il ?", "pointing"),
    ],
)
def test_words_that_need_the_conversation_are_noticed(language, words, sign):
    assert leaning(words, EARLIER, language).sign == sign


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "What does a brass desk lamp cost?"),
        ("en", "Do you ship to Norway?"),
        ("en", "opening hours Zagreb"),
        (
            "en",
            "Is there a warranty on the desk lamp and how long is it valid after I registered my "
            "purchase on your site?",
        ),
        ("hr", "Koliko traje jamstvo na stolne lampe?"),
        ("de", "Wie lange ist die Garantie auf Lampen?"),
        ("en", "👍"),
        ("en", "Is there a warranty on garden chairs?"),
        ("en", "Can I return one item of a set?"),
        ("de", "Gibt es eine Garantie auf Lampen?"),
        ("de", "Was kostet das Modell Bora?"),
        ("es", "¿Cuánto cuesta la lámpara?"),
        ("it", "Quanto costa la lampada?"),
        ("fr", "Livrez-vous en Croatie ?"),
        ("fr", "Y a-t-il une garantie ?"),
        ("hr", "I need a lamp"),
        ("hr", "A lamp for Zagreb?"),
    ],
)
def test_complete_questions_cost_no_model_call(language, words):
    assert not leaning(words, EARLIER, language).leans


@pytest.mark.parametrize(
    "words", ["Is it possible to pay by card?", "How long does it take to ship to Norway?"]
)
def test_a_pronoun_beside_a_subject_adds_no_earlier_question(words):
    assert not leaning(words, EARLIER, "en").strong


def test_nothing_leans_on_a_conversation_that_has_not_begun():
    assert not leaning("And in Croatia?", [], "en").leans
    assert not leaning("And in Croatia?", [StoredMessage(1, "bot", "Hi!", None)], "en").leans


def test_the_model_is_shown_the_conversation_as_data_and_bounded():
    history = [StoredMessage(n, "customer", "word " * 1_000, None) for n in range(1, 40)]
    system, asked = completion_prompt("And in Croatia?", history)
    assert system.role == "system"
    assert asked.content.endswith("Last message: And in Croatia?")
    assert len(asked.content) < 6 * 700


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        ("How long may I return a lamp in Croatia?\n", "How long may I return a lamp in Croatia?"),
        ('"Return period in Croatia?"', "Return period in Croatia?"),
        ("Question: Return period?", "Return period?"),
        ("", None),
        ("…", None),
        ("x" * 5_000, None),
    ],
)
def test_an_answer_of_the_model_is_a_question_or_nothing(answer, question):
    assert completed(answer, "And in Croatia?") == question


def test_the_question_before_is_searched_along_where_no_model_can_help():
    assert with_question_before("And in Croatia?", EARLIER) == (
        "How long may I return a lamp?\nAnd in Croatia?"
    )


def test_what_is_searched_stays_as_short_as_a_search_may_be():
    long = "why " * 2_040
    assert len(with_question_before(long, EARLIER)) <= SEARCH_CHARACTERS_MAX
    assert with_question_before("x" * SEARCH_CHARACTERS_MAX, EARLIER).startswith("x")
    assert completed("x" * 9_000, "why " * 2_000) is None


def test_several_questions_in_one_message_are_parts():
    assert parts_of("Do you ship to Norway? What does it cost there? Thanks!") == [
        "Do you ship to Norway?",
        "What does it cost there?",
    ]
    assert parts_of("Do you ship to Norway?") == []
    assert len(parts_of("\n".join(f"Is lamp number {n} here?" for n in range(50)))) == 4
