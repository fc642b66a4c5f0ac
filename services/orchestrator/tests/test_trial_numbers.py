"""Who takes part in an experiment, and when it stops."""

from uuid import UUID, uuid4

import pytest

from contracts.v1.trying import ExperimentRule, ReplaySums
from orchestrator.trial_numbers import NOTHING, judged, over_budget, takes_part

OFF = ExperimentRule(
    turns_min=10,
    failures_percent_more=None,
    handoffs_percent_more=None,
    cost_percent_more=None,
    seconds_percent_more=None,
)


def sums(turns: int = 100, **more: object) -> ReplaySums:
    return NOTHING.model_copy(update={"turns": turns, "answered": turns, **more})


def test_a_share_is_a_share_and_every_conversation_stays_on_its_side():
    experiment = uuid4()
    conversations = [UUID(int=number) for number in range(4_000)]
    inside = [one for one in conversations if takes_part(experiment, one, 10.0)]
    assert 300 < len(inside) < 500
    assert inside == [one for one in conversations if takes_part(experiment, one, 10.0)]
    assert all(takes_part(experiment, one, 20.0) for one in inside), "a larger share holds it"
    assert all(takes_part(experiment, one, 100.0) for one in conversations)


def test_another_experiment_chooses_others():
    conversations = [UUID(int=number) for number in range(400)]
    first = {one for one in conversations if takes_part(UUID(int=1), one, 50.0)}
    second = {one for one in conversations if takes_part(UUID(int=2), one, 50.0)}
    assert 50 < len(first & second) < 150


@pytest.mark.parametrize(
    ("limit", "live", "tried", "reason"),
    [
        ({"failures_percent_more": 5.0}, {"failed": 1}, {"failed": 7}, "failures"),
        ({"failures_percent_more": 5.0}, {"failed": 1}, {"failed": 6}, None),
        ({"handoffs_percent_more": 5.0}, {"handed_off": 0}, {"handed_off": 6}, "handoffs"),
        ({"cost_percent_more": 50.0}, {"cost_usd": 1.0}, {"cost_usd": 1.6}, "cost"),
        ({"cost_percent_more": 50.0}, {"cost_usd": 1.0}, {"cost_usd": 1.4}, None),
        ({"cost_percent_more": 50.0}, {"cost_usd": 0.0}, {"cost_usd": 0.1}, "cost"),
        ({"cost_percent_more": 50.0}, {"cost_usd": 1.0}, {"cost_usd": 0.2, "unpriced": 90}, "cost"),
        ({"cost_percent_more": 50.0}, {"unpriced": 100}, {"cost_usd": 1.0}, None),
        ({"cost_percent_more": 50.0}, {"cost_usd": 1.0}, {"unpriced": 100}, None),
        (
            {"seconds_percent_more": 20.0},
            {"milliseconds_p50": 100},
            {"milliseconds_p50": 130},
            "time",
        ),
        ({}, {"failed": 0}, {"failed": 100}, None),
    ],
)
def test_what_is_worse_than_allowed_stops_it(limit, live, tried, reason):
    verdict = judged(OFF.model_copy(update=limit), sums(**live), sums(**tried))
    assert (verdict and verdict.reason) == reason


def test_too_few_turns_say_nothing():
    rule = OFF.model_copy(update={"failures_percent_more": 0.0})
    assert judged(rule, sums(), sums(9, failed=9)) is None
    assert judged(rule, sums(0), sums(failed=9)) is None
    assert judged(rule, sums(), sums(10, failed=9)) is not None


def test_a_budget_is_kept():
    assert over_budget(None, sums(cost_usd=9.0)) is None
    assert over_budget(1.0, sums(cost_usd=0.99)) is None
    assert over_budget(1.0, sums(cost_usd=1.0)) is not None
