"""Measures against values worked out by hand, and against what trec_eval defines."""

from __future__ import annotations

import math

import pytest

from chatctl.evaluation import metrics

GRADES = {"a": 3.0, "b": 1.0, "c": 2.0, "never": 1.0}


def test_ndcg_by_hand() -> None:
    found = ["x", "c", "a", "y", "b"]
    gained = 2 / math.log2(3) + 3 / math.log2(4) + 1 / math.log2(6)
    ideal = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4) + 1 / math.log2(5)
    assert metrics.ndcg(found, GRADES, 10) == pytest.approx(gained / ideal)
    # trec_eval 9 (ndcg_cut_10) says the same of these lists.
    assert metrics.ndcg(found, GRADES, 10) == pytest.approx(0.606392, abs=1e-6)
    assert metrics.ndcg(found, GRADES, 2) == pytest.approx(
        (2 / math.log2(3)) / (3 + 2 / math.log2(3))
    )


def test_recall_and_reciprocal_rank_by_hand() -> None:
    found = ["x", "c", "a", "y", "b"]
    assert metrics.recall(found, GRADES, 5) == 3 / 4
    assert metrics.recall(found, GRADES, 2) == 1 / 4
    assert metrics.reciprocal_rank(found, GRADES, 10) == 1 / 2
    assert metrics.reciprocal_rank(["x"] * 10 + ["a"], GRADES, 10) == 0.0


@pytest.mark.parametrize(("found", "value"), [([], 0.0), (["a", "c", "b", "never"], 1.0)])
def test_nothing_found_is_0_and_the_ideal_order_is_1(found: list[str], value: float) -> None:
    assert metrics.measure(found, GRADES) == dict.fromkeys(metrics.NAMES, pytest.approx(value))


def test_grades_of_0_and_below_are_not_relevant() -> None:
    grades = {"a": 1.0, "b": 0.0, "c": -1.0}
    assert metrics.recall(["b", "c"], grades, 5) == 0.0
    assert metrics.reciprocal_rank(["b", "a"], grades, 10) == 1 / 2
    assert metrics.ndcg(["a", "b"], grades, 10) == 1.0
    assert metrics.ndcg(["c", "a"], grades, 10) == pytest.approx(1 / math.log2(3))


def test_the_mean_counts_every_question_the_same() -> None:
    one, other = metrics.measure(["a"], {"a": 1.0}), metrics.measure([], {"a": 1.0})
    assert metrics.mean([one, other]) == dict.fromkeys(metrics.NAMES, 0.5)
    assert metrics.mean([]) == dict.fromkeys(metrics.NAMES, 0.0)


def test_an_interval_says_whether_a_gain_is_real() -> None:
    low, high = metrics.interval([0.6, 0.7, 0.8] * 20, [0.5, 0.6, 0.7] * 20)
    assert (low, high) == (pytest.approx(0.1), pytest.approx(0.1))
    low, high = metrics.interval([1.0, 0.0] * 20, [0.0, 1.0] * 20)
    assert low < 0 < high
    assert metrics.interval([1.0, 0.0] * 20, [0.0, 1.0] * 20) == (low, high)
