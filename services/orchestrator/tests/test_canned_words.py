"""Places in canned replies: no customer ever reads braces."""

import pytest

from contracts.v1.shapes import ContactRef
from orchestrator.canned_words import Unfilled, filled, known_words, unknown_places

ANA = ContactRef(external_id="49151", display_name="Ana", phone=None)
WORDS = known_words(ANA, agent="Mia", bot="Lumen")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello {{contact.name}}, I am {{ agent.name }}.", "Hello Ana, I am Mia."),
        ("Hello {{contact.email|you}}!", "Hello you!"),
        ("Hello {{contact.email|}}!", "Hello !"),
        ("{{bot.name}} and {braces} stay", "Lumen and {braces} stay"),
    ],
)
def test_places_are_filled(text, said):
    assert filled(text, WORDS) == said


@pytest.mark.parametrize("text", ["{{contact.email}}", "{{order.id}}", "{{order.id|7}}", "{{}}"])
def test_what_nothing_is_known_for_is_refused(text):
    with pytest.raises(Unfilled):
        filled(text, WORDS)


def test_what_a_customer_calls_themselves_is_no_place():
    named = ContactRef(external_id="1", display_name="{{contact.phone}}", phone="385")
    words = known_words(named, agent="Mia", bot="Lumen")
    assert filled("Hi {{contact.name}}", words) == "Hi {{contact.phone}}"


def test_unknown_places_are_named_when_a_reply_is_kept():
    assert unknown_places("{{contact.name}} {{order.id}} {{ x | y }}") == ["order.id", "x"]
