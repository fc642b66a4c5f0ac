"""Which sentences stand on what was given: words, figures with units, names and negation."""

import pytest

from orchestrator.figures import figures_of
from orchestrator.grounding import judge, with_marks, without_unsupported
from orchestrator.support import known_words, source_of

RETURNS = """\
# Returns and refunds
You may return any item within 30 days of the day it was delivered.
Gift cards and customised items cannot be returned.
Returns are free within the European Union; from elsewhere we deduct 6.90 EUR for the label.
## When you get your money
We refund within 5 working days after the parcel reached our warehouse in Zagreb."""
POVRAT = """\
Svaki artikl možete vratiti u roku od 30 dana od dana isporuke.
Novac vraćamo u roku od 5 radnih dana nakon što paket stigne u naše skladište."""
GIVEN = [source_of(1, "[1]", RETURNS, "Returns"), source_of(2, "[2]", POVRAT, "Povrat")]


def verdict(sentence: str, language: str = "en", given=GIVEN) -> str:
    (one,) = judge(sentence, given, language).claims
    assert one.support is not None
    return one.support.verdict


@pytest.mark.parametrize(
    ("sentence", "language"),
    [
        ("You have 30 days from delivery to return an item [1].", "en"),
        ("Items can be returned within thirty days of delivery.", "en"),
        ("Refunds arrive within 5 working days.", "en"),
        ("Gift cards can't be returned.", "en"),
        ("Returns from outside the European Union cost €6,90.", "en"),
        ("Artikl možete vratiti u roku od 30 dana.", "hr"),
        ("Novac vraćamo u roku od 5 radnih dana.", "hr"),
    ],
)
def test_what_the_passages_say_is_supported(sentence, language):
    assert verdict(sentence, language) == "supported"


@pytest.mark.parametrize(
    ("sentence", "language"),
    [
        ("You have 60 days from delivery to return an item [1].", "en"),
        ("You have 30 hours from delivery to return an item [1].", "en"),
        ("Refunds arrive within 30 days [1].", "en"),
        ("Gift cards can be returned [1].", "en"),
        ("Returns from outside the European Union cost 6.90 USD.", "en"),
        ("You may return any item to our warehouse in Berlin [1].", "en"),
        ("Write to refunds@shop.example to return an item [1].", "en"),
        ("Novac vraćamo u roku od 3 radna dana.", "hr"),
        ("Our founder invented the modern kayak.", "en"),
    ],
)
def test_another_figure_unit_name_or_negation_is_not(sentence, language):
    assert verdict(sentence, language) in ("unsupported", "contradicted")


def test_a_figure_that_stands_beside_something_else_supports_nothing():
    passages = [source_of(1, "[1]", "A zip costs 18 EUR. A tent pole costs 9 EUR.", "Repairs")]
    assert verdict("A zip costs 9 EUR.", given=passages) != "supported"
    assert verdict("A zip costs 18 EUR.", given=passages) == "supported"


def test_the_customers_own_question_supports_no_answer():
    asked = known_words("customer", "Can I get the lamp Aurora repainted in green for free?")
    sentence = "You can get the lamp Aurora repainted in green for free."
    assert verdict(sentence, given=[*GIVEN, asked]) == "unsupported"


def test_in_another_language_only_figures_and_names_can_agree():
    assert verdict("Sie haben 30 Tage Zeit für die Rückgabe.", "de", GIVEN[1:]) == "supported"
    assert verdict("Sie haben 14 Tage Zeit für die Rückgabe.", "de", GIVEN[1:]) == "unsupported"
    assert verdict("Die Rückgabe ist einfach möglich.", "de", GIVEN[1:]) == "undecided"


def test_a_wrong_source_is_noted_where_another_supports_the_sentence():
    grounding = judge("Gift cards cannot be returned [2].", GIVEN, "en")
    (shown,) = grounding.evidence()["sentences"]
    assert (shown["verdict"], shown["by"], shown["miscited"]) == ("supported", ["[1]"], [2])


def test_talk_is_not_punished():
    grounding = judge("Hello! You have 30 days to return an item [1]. Anything else?", GIVEN, "en")
    assert grounding.share == 1.0
    assert judge("Hello! How can I help you?", GIVEN, "en").share is None
    assert judge("I could not find this in the documents.", GIVEN, "en").admits


def test_only_what_nothing_supports_is_taken_out():
    text = (
        "Hello!\n\n## Returns\nYou have 30 days to return an item [1]. Gift cards can be returned "
        "[1]. Returns are free within the European Union [1].\n\n## Prizes\nWe won 7 prizes.\n"
    )
    assert without_unsupported(judge(text, GIVEN, "en")) == (
        "Hello!\n## Returns\nYou have 30 days to return an item [1]. Returns are free within the "
        "European Union [1]."
    )


def test_unsupported_sentences_are_marked_where_they_stand():
    text = "You have 30 days to return an item [1]. We won 7 prizes. Anything else?"
    assert with_marks(judge(text, GIVEN, "en")) == (
        "You have 30 days to return an item [1]. We won 7 prizes.\\* Anything else?"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.000 km", "1,000 kilometres"),
        ("3,90 €", "3.90 EUR"),
        ("2 p.m.", "14:00"),
        ("14 Uhr", "14:00"),
        ("two years", "2 godine"),
        ("5 Werktage", "5 working days"),
        ("5 jours ouvrés", "5 giorni lavorativi"),
        ("30%", "30 percent"),
    ],
)
def test_the_same_figure_is_known_in_other_clothes(one, other):
    (first,), (second,) = figures_of(one), figures_of(other)
    assert first.fits(second)


@pytest.mark.parametrize(
    ("one", "other"), [("30 days", "30 hours"), ("5 days", "5 working days"), ("3.90", "39")]
)
def test_other_figures_do_not_fit(one, other):
    (first,), (second,) = figures_of(one), figures_of(other)
    assert not first.fits(second)


@pytest.mark.parametrize(
    "text", ["x" * 16_000, "1234567890" * 1_600, "A1.b-" * 3_000, "ž" * 16_000]
)
def test_hostile_words_take_no_time(text):
    judge(text, [source_of(1, "[1]", text, text[:100])], "en")
