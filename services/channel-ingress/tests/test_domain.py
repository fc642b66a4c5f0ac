"""Outcomes of calls, the action table, and how statuses add up."""

from __future__ import annotations

from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_ingress.domain import (
    Accepted,
    Failed,
    InDoubt,
    NotSent,
    Refused,
    Retry,
    Unanswered,
    decide_outcome,
    overall_status,
    parse_reference,
    parts_after,
    reference_of,
)

SEND = UUID(int=7)


def test_an_accepted_call_is_accepted() -> None:
    assert decide_outcome(Accepted("wamid.1"), 1) == Accepted("wamid.1")


def test_an_unread_answer_is_never_retried() -> None:
    assert decide_outcome(Unanswered("TimeoutError"), 1) == InDoubt("TimeoutError")


def test_a_request_that_never_left_is_retried_ten_times() -> None:
    pauses = []
    for attempt in range(1, 11):
        outcome = decide_outcome(NotSent("refused"), attempt)
        assert isinstance(outcome, Retry)
        pauses.append(outcome.pause_seconds)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    last = decide_outcome(NotSent("refused"), 11)
    assert isinstance(last, Failed)
    assert last.action.code == "unreachable"


def test_an_unknown_code_with_500_is_metas_trouble() -> None:
    assert isinstance(decide_outcome(Refused(500, 424242, "x"), 1), Retry)


def test_references_come_back() -> None:
    assert reference_of(SEND, 0) == str(SEND)
    for part in (0, 3):
        assert parse_reference(reference_of(SEND, part)) == (SEND, part)
    assert parse_reference("somebody else's") is None
    assert parse_reference("") is None


@pytest.mark.parametrize(
    ("parts", "overall"),
    [
        ([], None),
        ([None], None),
        (["sent", None], None),
        (["read", "sent"], "sent"),
        (["read", "delivered"], "delivered"),
        (["read", "failed"], "failed"),
    ],
)
def test_a_send_is_as_far_as_its_slowest_part(parts: list[str | None], overall: str | None) -> None:
    assert overall_status(parts) == overall


@settings(max_examples=300, deadline=None)
@given(
    st.data(),
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["sent", "delivered", "read", "failed"])),
        max_size=9,
    ),
)
def test_every_order_of_statuses_ends_the_same(
    data: st.DataObject, statuses: list[tuple[int, str]]
) -> None:
    """Whatever comes together or apart, twice or once: of one part and of the whole send."""
    again = data.draw(st.lists(st.sampled_from(statuses), max_size=4)) if statuses else []
    shuffled = data.draw(st.permutations([*statuses, *again]))
    cut = data.draw(st.integers(0, len(shuffled)))
    apart = parts_after(parts_after({}, shuffled[:cut]), shuffled[cut:])
    together = parts_after({}, statuses)
    assert apart == together
    assert overall_status(map(apart.get, range(3))) == overall_status(map(together.get, range(3)))


@pytest.mark.parametrize(
    ("names", "end"),
    [
        (("sent", "delivered", "read", "failed"), "read"),
        (("sent", "failed", "delivered"), "delivered"),
        (("sent", "failed"), "failed"),
    ],
)
def test_failed_counts_only_below_delivered(names: tuple[str, ...], end: str) -> None:
    for order in permutations(names):
        assert parts_after({}, ((0, name) for name in order)) == {0: end}
