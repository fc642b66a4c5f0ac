"""Fusion, relevance and near-duplicates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retriever.domain import (
    COSINE_FLOORS,
    COVERAGE_FLOOR,
    Candidate,
    KeywordHit,
    VectorHit,
    Weights,
    fuse,
    relevant,
    searches_exactly,
    why_none,
    without_near_duplicates,
)

FLOOR = COSINE_FLOORS["builtin/minilm"]


def test_equal_weights_add_both_legs() -> None:
    words = [KeywordHit(1, 10.0, 1.0), KeywordHit(2, 5.0, 0.5), KeywordHit(3, 0.0, 0.1)]
    vectors = [VectorHit(2, 0.9), VectorHit(4, 0.5), VectorHit(1, 0.1)]
    fused = {candidate.key: candidate for candidate in fuse(words, vectors, Weights())}
    assert fused[1].score == pytest.approx(0.5)
    assert fused[2].score == pytest.approx(0.5 * 0.5 + 0.5)
    assert fused[3].score == 0
    assert fused[4].score == pytest.approx(0.25)
    assert fused[4].keyword_score == 0
    assert fused[3].vector_score == 0


def test_the_best_stands_first() -> None:
    words = [KeywordHit(1, 10.0, 1.0), KeywordHit(2, 5.0, 0.5)]
    vectors = [VectorHit(2, 0.9), VectorHit(1, 0.1)]
    assert [c.key for c in fuse(words, vectors, Weights(0.9, 0.1))] == [1, 2]
    assert [c.key for c in fuse(words, vectors, Weights(0.1, 0.9))] == [2, 1]


def test_words_alone_count_fully_when_there_is_no_vector_leg() -> None:
    fused = fuse([KeywordHit(1, 3.0, 1.0), KeywordHit(2, 1.0, 0.2)], [], Weights(0.1, 0.9))
    assert [(c.key, c.score) for c in fused] == [(1, 1.0), (2, 0.0)]


def test_weights_of_zero_fall_back_to_equal_ones() -> None:
    fused = fuse([KeywordHit(1, 3.0, 1.0)], [VectorHit(1, 0.5)], Weights(0, 0))
    assert fused[0].score == 1.0


scores = st.lists(
    st.tuples(st.integers(1, 50), st.floats(0, 100)), unique_by=lambda pair: pair[0], max_size=30
)


@given(scores, scores, st.floats(0, 1), st.floats(0, 1))
def test_fusion_keeps_everything_once_and_stays_between_0_and_1(
    words: list[tuple[int, float]],
    vectors: list[tuple[int, float]],
    keyword: float,
    vector: float,
) -> None:
    fused = fuse(
        [KeywordHit(key, score, 0.5) for key, score in words],
        [VectorHit(key, score / 100) for key, score in vectors],
        Weights(keyword, vector),
    )
    assert sorted(c.key for c in fused) == sorted({key for key, _ in (*words, *vectors)})
    assert all(-1e-9 <= c.score <= 1 + 1e-9 for c in fused)
    assert [c.score for c in fused] == sorted((c.score for c in fused), reverse=True)


def candidate(vector_score: float, coverage: float) -> Candidate:
    return Candidate(1, 1.0, vector_score, coverage, 1.0)


@pytest.mark.parametrize(
    ("vector_score", "coverage", "kept"),
    [
        (FLOOR + 0.01, 0.0, True),
        (FLOOR - 0.01, COVERAGE_FLOOR - 0.01, False),
        (FLOOR - 0.01, COVERAGE_FLOOR, True),
        (0.0, 0.0, False),
    ],
)
def test_a_passage_needs_meaning_or_rare_words(
    vector_score: float, coverage: float, kept: bool
) -> None:
    assert bool(relevant([candidate(vector_score, coverage)], "builtin/minilm")) is kept


def test_an_unmeasured_model_has_no_floor() -> None:
    assert relevant([candidate(0.0, 0.0)], "other/model")


def test_a_repeated_passage_is_given_once() -> None:
    text = "You may return any item within thirty days of delivery if it is unused and complete."
    texts = [text, text.upper() + " ", "Shipping takes two days.", text]
    assert without_near_duplicates(texts, 5) == [0, 2]


def test_the_limit_counts_what_is_kept() -> None:
    assert without_near_duplicates(["a b c", "d e f", "g h i"], 2) == [0, 1]


def test_neighbours_that_overlap_a_little_are_not_duplicates() -> None:
    shared = "the end of one passage is the start of the next"
    texts = [f"first words of its own {shared}", f"{shared} and then quite other words follow"]
    assert without_near_duplicates(texts, 5) == [0, 1]


def test_the_size_of_a_tenant_chooses_the_road() -> None:
    assert searches_exactly(4_000, 384)
    assert not searches_exactly(4_001, 384)
    assert searches_exactly(1_000_000, 100)


def test_nothing_has_a_reason() -> None:
    assert why_none(False, 0) == "no_documents"
    assert why_none(True, 0) == "none_ready"
    assert why_none(True, 3) == "below_threshold"
