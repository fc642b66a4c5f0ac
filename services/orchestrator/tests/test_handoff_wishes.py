"""A customer asks for a person in words of their own, in six languages."""

import pytest

from orchestrator.handoff import ASKED_FOR, HandoffWords
from orchestrator.handoff_wishes import asks_for_person


@pytest.mark.parametrize(
    "text",
    [
        "Can I talk to a real person please?",
        "I want to speak with someone real",
        "please connect me to an operator",
        "I need a human",
        "I do not want a bot, I want a human!",
        "Could you put me through to customer service",
        "Ich möchte mit einem Menschen sprechen",
        "Verbinden Sie mich bitte mit einem Mitarbeiter",
        "Kann ich mit einer Person reden?",
        "Je voudrais parler à un conseiller",
        "Puis-je parler avec quelqu'un ?",
        "Quiero hablar con una persona",
        "Necesito un agente",
        "Vorrei parlare con un operatore",
        "Posso parlare con una persona vera?",
        "Želim razgovarati s osobom",
        "Mogu li pričati s agentom?",
        "Hoću pravu osobu",
    ],
)
def test_wishes_are_heard(text):
    assert asks_for_person(text)


@pytest.mark.parametrize(
    "text",
    [
        "Do I need a person to carry the tent?",
        "How many people fit into the tent?",
        "I don't want to talk to a person",
        "Is the agent included in the price?",
        "Ich brauche ein Zelt für eine Person",
        "Ich will nicht mit einem Mitarbeiter sprechen",
        "Combien de personnes dans la tente ?",
        "¿Para cuántas personas es la tienda?",
        "Per quante persone è la tenda?",
        "Za koliko je osoba šator?",
        "Ne želim razgovarati s osobom",
        "Does the human body need magnesium?",
        "",
    ],
)
def test_questions_about_people_are_not_wishes(text):
    assert not asks_for_person(text)


def test_a_wish_counts_only_where_the_tenant_has_people_to_call():
    wish = "Can I talk to a real person please?"
    assert HandoffWords(["agent"], "en").found_in(wish) == ASKED_FOR
    assert HandoffWords(["person"], "en").found_in(wish) == "person"
    assert HandoffWords([], "en").found_in(wish) is None
