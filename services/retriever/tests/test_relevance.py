"""Floors, near-duplicates, what is chosen, and why there is nothing."""

from collections.abc import Callable

import numpy as np
import pytest

from retriever.causes import Looked, why_nothing
from retriever.choosing import ChoiceRule, choose
from retriever.duplicates import NearDuplicates
from retriever.expansion import ANSWER_BYTES_MAX
from retriever.fusion import Candidate
from retriever.index_types import Scope, StoredPassage
from retriever.relevance import (
    COSINE_FLOORS,
    COVERAGE_FLOOR,
    Threshold,
    floor_of,
    floor_of_unrelated,
)

MODEL = "builtin/minilm"
MakePassage = Callable[..., StoredPassage]
FLOOR = COSINE_FLOORS[MODEL]


def candidate(similarity: float | None, coverage: float, model: str | None = MODEL) -> Candidate:
    return Candidate(1, 1, 1.0, coverage, 1, similarity, model, 1.0)


def threshold(*models: str, **others: float) -> Threshold:
    return Threshold({model: floor_of(model, others.get("own")) for model in models or (MODEL,)})


@pytest.mark.parametrize(
    ("similarity", "coverage", "kept"),
    [
        (FLOOR + 0.01, 0.0, True),
        (FLOOR - 0.01, COVERAGE_FLOOR - 0.01, False),
        (FLOOR - 0.01, COVERAGE_FLOOR, True),
        (0.0, 0.0, False),
        (None, 0.0, False),
        (None, COVERAGE_FLOOR, True),
    ],
)
def test_a_passage_needs_meaning_or_rare_words(
    similarity: float | None, coverage: float, kept: bool
) -> None:
    found = candidate(similarity, coverage, MODEL if similarity is not None else None)
    assert threshold().passes(found) is kept


def test_an_unmeasured_model_has_no_floor() -> None:
    assert threshold("other/model").passes(candidate(0.0, 0.0, "other/model"))
    assert not threshold("other/model").cuts
    assert threshold("other/model").describe() == "none"


def test_each_model_has_its_own_floor() -> None:
    both = Threshold({MODEL: floor_of(MODEL, None), "e5": floor_of("e5", None, 0.75)})
    assert not both.passes(candidate(0.7, 0.0, "e5"))
    assert both.passes(candidate(0.7, 0.0, MODEL))
    assert "e5 0.750 (calibrated)" in both.describe()


def test_the_tenants_own_floor_stands_before_the_measured_one() -> None:
    assert not threshold(own=0.6).passes(candidate(0.5, 0.0))
    assert threshold(own=-1.0).passes(candidate(-0.9, 0.0))
    assert floor_of(MODEL, 0.6).source == "tenant"


def test_the_floor_of_a_new_model_is_how_alike_unrelated_passages_are() -> None:
    """A model that says .7 of everything has its floor near .7 and not near 0."""
    rng = np.random.default_rng(7)
    shared = np.ones(64) * 1.5
    vectors = (shared + rng.standard_normal((60, 64))).astype(np.float32)
    floor = floor_of_unrelated(vectors, list(range(60)))
    assert floor is not None
    assert 0.6 < floor < 0.8
    spread_out = rng.standard_normal((60, 64)).astype(np.float32)
    apart = floor_of_unrelated(spread_out, list(range(60)))
    assert apart is not None
    assert abs(apart) < 0.1


def test_passages_of_one_document_say_nothing_of_unrelated_ones() -> None:
    vectors = np.random.default_rng(1).standard_normal((60, 8)).astype(np.float32)
    assert floor_of_unrelated(vectors, ["same"] * 60) is None
    assert floor_of_unrelated(vectors[:5], list(range(5))) is None


RETURNS = "You may return any item within thirty days of delivery if it is unused and complete."


def test_a_repeated_passage_is_given_once(make_passage: MakePassage) -> None:
    texts = [RETURNS, RETURNS.upper() + " ", "Shipping takes two days.", RETURNS]
    pool = [make_passage(n, text) for n, text in enumerate(texts)]
    choice = choose(pool, ChoiceRule(5))
    assert [one.key for one in choice.given] == [0, 2]
    assert choice.cut == {1: "near_duplicate", 3: "near_duplicate"}
    stays = choose(pool, ChoiceRule(5, near_duplicates_stay=True))
    assert len(stays.given) == 4


def test_the_limit_counts_what_is_kept(make_passage: MakePassage) -> None:
    choice = choose([make_passage(n, f"{n} b {n}") for n in range(3)], ChoiceRule(2))
    assert [one.key for one in choice.given] == [0, 1]
    assert choice.cut == {2: "beyond_limit"}


def test_neighbours_that_overlap_a_little_are_not_duplicates() -> None:
    shared = "the end of one passage is the start of the next"
    seen = NearDuplicates()
    assert not seen.repeats(f"first words of its own {shared}")
    assert not seen.repeats(f"{shared} and then quite other words follow")


def test_passages_of_one_parent_are_given_once(make_passage: MakePassage) -> None:
    parent = {"parent_start": 0, "parent_end": 500}
    pool = [
        make_passage(1, "one", **parent),
        make_passage(2, "two", **parent),
        make_passage(3, "three"),
    ]
    assert choose(pool, ChoiceRule(5)).cut == {2: "same_parent"}
    assert choose(pool, ChoiceRule(5, parents_once=False)).cut == {}
    other = [make_passage(1, "one", **parent), make_passage(2, "two", version_id=2, **parent)]
    assert len(choose(other, ChoiceRule(5)).given) == 2


def test_an_answer_never_outgrows_a_message(make_passage: MakePassage) -> None:
    pool = [make_passage(n, f"{n} " + "š" * 16_000) for n in range(20)]
    choice = choose(pool, ChoiceRule(20, near_duplicates_stay=True))
    given = sum(len(one.text.encode()) for one in choice.given)
    assert 0.8 * ANSWER_BYTES_MAX < given <= ANSWER_BYTES_MAX
    assert set(choice.cut.values()) == {"beyond_limit"}


def scope(**others: object) -> Scope:
    fields: dict[str, object] = {
        "tenant_id": None,
        "revision": 1,
        "any_version": True,
        "documents": 3,
        "documents_searched": 3,
        "documents_disabled": 0,
        "documents_expired": 0,
        "documents_filtered": 0,
        "passages": 9,
        "groups": (),
        "terms": (),
        "settings": None,
        "seen": None,
    }
    return Scope(**(fields | others))  # type: ignore[arg-type]


NONE_SEEN = {"documents_searched": 0, "passages": 0}


@pytest.mark.parametrize(
    ("state", "looked", "cause", "reason", "what_to_do"),
    [
        (
            {"any_version": False, "documents": 0},
            Looked(0, ""),
            "no_documents",
            "no_documents",
            "Upload",
        ),
        ({"documents": 0, "passages": 0}, Looked(0, ""), "none_ready", "none_ready", "stage"),
        (NONE_SEEN | {"documents_disabled": 3}, Looked(0, ""), "disabled", "none_ready", "Enable"),
        (NONE_SEEN | {"documents_expired": 3}, Looked(0, ""), "expired", "none_ready", "expiry"),
        (
            NONE_SEEN | {"documents_filtered": 2, "documents_disabled": 1},
            Looked(0, ""),
            "filtered",
            "below_threshold",
            "Loosen",
        ),
        ({}, Looked(0, ""), "no_match", "below_threshold", "other words"),
        ({}, Looked(0, "", ("m",)), "no_match", "below_threshold", "Ask again"),
        (
            {},
            Looked(7, "cosine 0.2"),
            "below_threshold",
            "below_threshold",
            "lower minimum_similarity",
        ),
        (
            {},
            Looked(0, "", ("old/model",), model_refused=True),
            "index_version",
            "below_threshold",
            "reindex",
        ),
    ],
)
def test_nothing_has_a_cause_and_something_to_do(
    state: dict[str, object], looked: Looked, cause: str, reason: str, what_to_do: str
) -> None:
    nothing = why_nothing(scope(**state), looked)
    assert (nothing.cause, nothing.reason) == (cause, reason)
    assert what_to_do in nothing.detail
