"""Which questions ask for the same: figures, names and negation decide where vectors would not."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from orchestrator.curated import CuratedQuestion, by_meaning, by_words, packed, unpacked
from orchestrator.likeness import CURATED, asked, folded_question, same
from orchestrator.unanswered import Cluster, Loose, cluster_of

MODEL = "builtin/minilm"


def entry(question: str, vector: tuple[float, ...] | None = None) -> CuratedQuestion:
    return CuratedQuestion(uuid4(), asked(question), MODEL, vector, "Said.", None)


@pytest.mark.parametrize(
    "text",
    ["How do I return a lamp?", "hello, how do i return a lamp", "HOW DO I RETURN A LAMP?? please"],
)
def test_the_same_words_are_the_same_question(text):
    assert by_words(text, [entry("How do I return a lamp?")]) is not None


def test_other_words_are_not():
    assert by_words("How do I return a tent?", [entry("How do I return a lamp?")]) is None
    assert by_words("?!", [entry("...")]) is None
    assert folded_question("Hello!") == "hello"


@pytest.mark.parametrize(
    ("one", "other", "similarity", "expected"),
    [
        ("How do I cancel my order?", "I want to cancel an order, how?", 0.95, True),
        ("Can I return gift cards?", "Can I buy gift cards?", 0.81, False),
        ("Do you ship to Norway?", "Do you ship to Canada?", 0.95, False),
        ("Can I return it within 30 days?", "Can I return it within 60 days?", 0.97, False),
        ("Can gift cards be returned?", "Can gift cards not be returned?", 0.96, False),
        ("Is delivery free?", "Do you deliver free of charge?", 0.75, False),
    ],
)
def test_vectors_alone_do_not_make_a_question_the_same(one, other, similarity, expected):
    assert same(asked(one), asked(other), similarity, MODEL, CURATED) is expected


def test_a_model_that_nobody_measured_has_to_be_surer():
    pair = asked("How do I cancel my order?"), asked("I want to cancel an order, how?")
    assert not same(*pair, 0.85, "openai/x", CURATED)
    assert same(*pair, 0.95, "openai/x", CURATED)


def test_the_nearest_of_the_same_model_is_compared():
    near, far = entry("How do I cancel my order?", (1.0, 0.0)), entry("Where are you?", (0.0, 1.0))
    hit = by_meaning("I want to cancel an order, how?", MODEL, (0.96, 0.28), [far, near])
    assert hit is not None
    assert hit.question is near
    assert by_meaning("I want to cancel an order, how?", "openai/x", (0.96, 0.28), [near]) is None


def test_vectors_are_stored_and_read():
    assert list(unpacked(packed([0.5, -0.25]))) == [0.5, -0.25]


def loose(question: str, vector: tuple[float, ...] | None, minute: int = 0) -> Loose:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    return Loose(UUID(int=minute), question, folded_question(question), at, vector)


def test_a_question_joins_the_most_alike_cluster_or_begins_one():
    first = Cluster(uuid4(), "do you rent tents", MODEL, (1.0, 0.0))
    second = Cluster(uuid4(), "do you buy old tents", MODEL, (0.0, 1.0))
    clusters = [first, second]
    assert cluster_of(loose("Can I rent a tent?", (0.9, 0.43)), MODEL, clusters) is first
    assert cluster_of(loose("Do you buy old tents?", None), None, clusters) is second
    assert cluster_of(loose("Is it blue?", (0.6, 0.6)), MODEL, clusters) is None
    assert cluster_of(loose("Can I rent a tent?", (0.9, 0.43)), "openai/x", clusters) is None
