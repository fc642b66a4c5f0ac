"""Proposing, filling in, fusing, smoothing and re-ranking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retriever.candidate_vectors import StoredVector, unpacked
from retriever.domain import KeywordHit, VectorHit
from retriever.fusion import Candidate, VectorList, Weights, filled, fused, propose
from retriever.index_types import QuestionTerm
from retriever.reranking import (
    MAXSIM,
    as_fused,
    by_neighbours,
    count_ranked,
    judged_by_model,
    word_weights,
)
from retriever.smoothing import SMOOTHED, smoothed

WORDS = [KeywordHit(1, 10.0, 1.0), KeywordHit(2, 5.0, 0.5), KeywordHit(3, 2.0, 0.1)]
VECTORS = [VectorHit(2, 0.9), VectorHit(4, 0.5), VectorHit(1, 0.1)]


def one(words: list[KeywordHit], vectors: list[VectorHit], **others: object) -> list[Candidate]:
    lists = [VectorList("m", vectors)] if vectors else []
    return fused(propose(words, lists, 100), **({"weights": Weights()} | others))  # type: ignore[arg-type]


def test_equal_weights_add_both_legs() -> None:
    scores = {candidate.key: candidate for candidate in one(WORDS, VECTORS)}
    assert scores[1].score == pytest.approx(0.5)
    assert scores[2].score == pytest.approx(0.5 * 0.5 + 0.5)
    assert scores[3].score == pytest.approx(0.5 * 0.2)
    assert scores[4].score == pytest.approx(0.25)
    assert (scores[4].keyword_rank, scores[4].keyword_score) == (None, 0.0)
    assert (scores[3].vector_rank, scores[3].vector_score) == (None, None)


def test_the_best_stands_first() -> None:
    words, vectors = WORDS[:2], [VectorHit(2, 0.9), VectorHit(1, 0.1)]
    assert [c.key for c in one(words, vectors, weights=Weights(0.9, 0.1))] == [1, 2]
    assert [c.key for c in one(words, vectors, weights=Weights(0.1, 0.9))] == [2, 1]


def test_words_alone_count_fully_when_there_is_no_vector_leg() -> None:
    found = one([KeywordHit(1, 3.0, 1.0), KeywordHit(2, 1.0, 0.2)], [], weights=Weights(0.1, 0.9))
    assert [(c.key, c.score) for c in found] == [(1, 1.0), (2, 0.0)]


def test_weights_of_zero_fall_back_to_equal_ones() -> None:
    assert one(WORDS[:1], [VectorHit(1, 0.5)], weights=Weights(0, 0))[0].score == 1.0


def test_a_passage_behind_one_legs_candidates_keeps_its_score_there() -> None:
    """Filled in: place 101 of the words is known although only vectors proposed the passage."""
    words = [KeywordHit(key, 100.0 - key, 0.5) for key in range(1, 6)]
    proposed = propose(words, [VectorList("m", [VectorHit(5, 0.9)])], 2)
    by_key = {candidate.key: candidate for candidate in proposed}
    assert sorted(by_key) == [1, 2, 5]
    assert (by_key[5].keyword_rank, by_key[5].keyword_score) == (None, 95.0)
    assert by_key[5].coverage == 0.5


def test_similarities_are_filled_in_for_what_only_words_proposed() -> None:
    proposed = propose(WORDS, [VectorList("m", [VectorHit(1, 0.5)])], 100)
    by_key = {c.key: c for c in filled(proposed, {1: ("x", 0.0), 2: ("m", 0.7)})}
    assert (by_key[1].vector_score, by_key[1].model) == (0.5, "m")
    assert (by_key[2].vector_score, by_key[2].vector_rank) == (0.7, None)
    assert by_key[3].vector_score is None


def test_reciprocal_ranks_forget_distances() -> None:
    found = one(WORDS, VECTORS, method="rrf")
    assert found[0].key == 2
    near, far = [VectorHit(1, 0.9), VectorHit(2, 0.89)], [VectorHit(1, 0.9), VectorHit(2, 0.1)]
    assert one([], near, method="rrf") == [
        candidate._replace(vector_score=score)
        for candidate, score in zip(one([], far, method="rrf"), (0.9, 0.89), strict=True)
    ]


def test_two_models_are_joined_by_their_distance_from_their_own_middle() -> None:
    """A model whose cosines all lie between .8 and .9 must not push the other one aside."""
    narrow = [VectorHit(key, 0.80 + key / 1000) for key in range(20)]
    wide = [VectorHit(100, 0.7), *(VectorHit(100 + n, 0.1 + n / 1000) for n in range(1, 20))]
    found = fused(propose([], [VectorList("a", narrow), VectorList("b", wide)], 100), Weights())
    assert found[0].key == 100
    assert found[0].vector_score == 0.7


scores = st.lists(
    st.tuples(st.integers(1, 50), st.floats(0, 100)), unique_by=lambda pair: pair[0], max_size=30
)


@given(scores, scores, st.floats(0, 1), st.floats(0, 1), st.sampled_from(["weighted", "rrf"]))
def test_fusion_keeps_everything_once_and_stays_between_0_and_1(
    words: list[tuple[int, float]],
    vectors: list[tuple[int, float]],
    keyword: float,
    vector: float,
    method: str,
) -> None:
    found = one(
        [KeywordHit(key, score, 0.5) for key, score in words],
        [VectorHit(key, score / 100) for key, score in vectors],
        weights=Weights(keyword, vector),
        method=method,
    )
    assert sorted(c.key for c in found) == sorted({key for key, _ in (*words, *vectors)})
    assert all(-1e-9 <= c.score <= 1 + 1e-9 for c in found)
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)


def stored(*rows: list[float], model: str = "m") -> dict[int, StoredVector]:
    return {
        key: StoredVector(model, np.asarray(row, np.float32) / np.linalg.norm(row))
        for key, row in enumerate(rows)
    }


def test_a_passage_among_good_ones_gains_on_a_lonely_one() -> None:
    vectors = stored([1, 0], [1, 0], [1, 0], [0, 1])
    before = [0.9, 0.8, 0.5, 0.55]
    after = smoothed([0, 1, 2, 3], before, vectors)
    assert before[2] < before[3]
    assert after[2] > after[3]


def test_without_vectors_and_with_few_candidates_the_order_stays() -> None:
    assert smoothed([0, 1, 2, 3], [0.1, 0.4, 0.2, 0.3], {}) == pytest.approx([0, 1, 1 / 3, 2 / 3])
    assert smoothed([0, 1], [0.4, 0.2], stored([1, 0], [1, 0])) == [1.0, 0.0]
    assert smoothed([], [], {}) == []


def test_passages_of_two_models_are_never_compared() -> None:
    vectors = stored([1, 0], [1, 0], [1, 0]) | {
        3: StoredVector("other", np.asarray([1, 0], np.float32))
    }
    own = [1.0, 0.9, 0.8, 0.0]
    assert smoothed([0, 1, 2, 3], own, vectors)[3] == 0.0


def candidates(count: int) -> list[Candidate]:
    return [Candidate(key, None, 0.0, 0.0, None, 0.5, "m", 1 - key / 1000) for key in range(count)]


def test_those_behind_the_best_keep_their_order() -> None:
    found = candidates(SMOOTHED + 5)
    rng = np.random.default_rng(1)
    vectors = stored(*rng.standard_normal((SMOOTHED + 5, 8)).tolist())
    standing = by_neighbours(found, vectors)
    assert [one.candidate.key for one in standing[SMOOTHED:]] == list(range(SMOOTHED, SMOOTHED + 5))
    assert sorted(one.candidate.key for one in standing) == list(range(SMOOTHED + 5))


def test_a_providers_order_counts_alone_and_maxsim_is_mixed() -> None:
    standing = as_fused(candidates(5))
    by_provider = judged_by_model(standing, [0.1, 0.9, 0.5], "cohere/x")
    assert [one.candidate.key for one in by_provider] == [1, 2, 0, 3, 4]
    by_maxsim = judged_by_model(standing, [0.1, 0.12, 0.11], MAXSIM)
    assert [one.candidate.key for one in by_maxsim] == [1, 0, 2, 3, 4]
    assert [one.candidate.key for one in judged_by_model(standing, [0.1, 0.12, 0.11], "p/m")] == [
        1,
        2,
        0,
        3,
        4,
    ]


def test_at_least_as_many_are_judged_as_are_wanted() -> None:
    assert count_ranked(MAXSIM, 5) == 10
    assert count_ranked(MAXSIM, 20) == 20
    assert count_ranked("cohere/x", 5) == 30


def test_words_are_weighed_in_order_and_stop_words_not_at_all() -> None:
    terms = [
        QuestionTerm("returns", "return", "english", 1, 3, 2.5),
        QuestionTerm("returns", "returns", "simple", 1, 0, 4.0),
        QuestionTerm("polcy", "polici", "english", 1, 3, 1.5, corrected_from="polcy"),
    ]
    assert word_weights("What is the Returns polcy?", terms) == [0, 0, 0, 4.0, 1.5]


def test_the_binary_form_of_halfvecs_is_read_whatever_their_lengths() -> None:
    rows = [[3.0, 4.0], [1.0, 0.0, 0.0], [0.0, 2.0], [0.0, 0.0]]
    packed = [b"\0\2\0\0" + np.asarray(row, ">f2").tobytes() for row in rows]
    read = [row.tolist() for row in unpacked(packed)]
    assert [pytest.approx(row) for row in read] == [[0.6, 0.8], [1, 0, 0], [0, 1], [0, 0]]
