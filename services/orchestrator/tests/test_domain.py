"""Where a conversation stands, and what moves it."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain import (
    FIRST_STANDING,
    TRANSITIONS,
    Standing,
    TransitionRefused,
    change_standing,
    delivery_after,
    hear_customer,
    person_speaks,
    send_identity,
    states_before,
    turn_identity,
)

STATUSES = sorted(TRANSITIONS)
OWNERS = ["bot", "human", "integrator", "nobody"]
STATES = ["none", "planned", "attempting", "unknown", "accepted", "failed", "delivered", "read"]

standings = st.builds(
    Standing,
    st.sampled_from(STATUSES),
    st.sampled_from(OWNERS),
    st.none() | st.just("ana"),
    st.integers(1, 1_000),
)
changes = st.fixed_dictionaries(
    {
        "status": st.none() | st.sampled_from(STATUSES),
        "owner_kind": st.none() | st.sampled_from(OWNERS),
        "assignee": st.none() | st.just("boris"),
    }
)


def test_a_message_to_the_bot_wants_an_answer():
    wish = hear_customer(FIRST_STANDING, None, served=True)
    assert wish.answer_wanted
    assert wish.standing == FIRST_STANDING


def test_a_keyword_hands_over_and_raises_the_number():
    wish = hear_customer(FIRST_STANDING, "human", served=True)
    assert wish.standing == Standing("assigned_human", "human", None, 2)
    assert wish.handoff_keyword == "human"
    assert not wish.answer_wanted


def test_a_keyword_to_a_person_changes_nothing():
    owned = Standing("assigned_human", "human", "ana", 2)
    wish = hear_customer(owned, "human", served=True)
    assert (wish.standing, wish.handoff_keyword, wish.answer_wanted) == (owned, None, False)


@pytest.mark.parametrize("ended", ["resolved", "closed"])
def test_an_ended_conversation_begins_anew_with_the_bot(ended):
    wish = hear_customer(Standing(ended, "human", "ana", 4), None, served=True)
    assert wish.standing == Standing("active", "bot", None, 5)
    assert wish.answer_wanted


def test_a_sleeping_conversation_wakes_under_its_owner():
    assert hear_customer(Standing("snoozed", "human", "ana", 2), None, served=True).standing == (
        Standing("assigned_human", "human", "ana", 2)
    )
    assert hear_customer(Standing("waiting", "bot", None, 1), None, served=True).answer_wanted


def test_a_suspended_tenant_is_recorded_and_not_answered():
    wish = hear_customer(FIRST_STANDING, "human", served=False)
    assert not wish.answer_wanted
    assert wish.handoff_keyword is None


@given(standings, st.none() | st.just("human"), st.booleans())
def test_whoever_is_not_the_bot_is_never_talked_over(standing, keyword, served):
    wish = hear_customer(standing, keyword, served=served)
    assert wish.standing.bot_answers or not wish.answer_wanted
    assert wish.standing.ownership_number >= standing.ownership_number
    if wish.standing.owner_kind != standing.owner_kind or wish.handoff_keyword:
        assert wish.standing.ownership_number > standing.ownership_number


@given(standings, changes)
def test_every_change_is_allowed_by_the_table_or_refused(standing, change):
    try:
        after = change_standing(standing, **change)
    except TransitionRefused:
        return
    assert after.status == standing.status or after.status in TRANSITIONS[standing.status]
    assert (after.status == "assigned_human") <= (after.owner_kind == "human")
    assert after.assignee is None or after.owner_kind == "human"
    changed_owner = after.owner_kind != standing.owner_kind
    ended = {"resolved", "closed"}
    # Whoever ends it while the bot writes silences the bot too.
    cut = after.owner_kind == "bot" and after.status in ended and standing.status not in ended
    assert after.ownership_number == standing.ownership_number + (changed_owner or cut)


@given(standings)
def test_a_person_who_speaks_owns(standing):
    after = person_speaks(standing, "ana")
    assert (after.owner_kind, after.status) == ("human", "assigned_human")
    assert after.assignee is not None
    assert person_speaks(after, "boris") == after


def test_taking_over_and_handing_back():
    taken = change_standing(FIRST_STANDING, status=None, owner_kind="human", assignee="ana")
    assert taken == Standing("assigned_human", "human", "ana", 2)
    back = change_standing(taken, status="active", owner_kind=None, assignee=None)
    assert back == Standing("active", "bot", None, 3)


def test_resolving_keeps_the_owner():
    taken = Standing("assigned_human", "human", "ana", 2)
    after = change_standing(taken, status="resolved", owner_kind=None, assignee=None)
    assert after == Standing("resolved", "human", "ana", 2)


def test_what_a_person_ends_is_over_for_the_bot_too():
    after = change_standing(FIRST_STANDING, status="closed", owner_kind=None, assignee=None)
    assert after == Standing("closed", "bot", None, 2)
    again = change_standing(after, status="closed", owner_kind=None, assignee=None)
    assert again == after


def test_a_closed_conversation_does_not_fall_asleep():
    with pytest.raises(TransitionRefused, match="closed conversation cannot become snoozed"):
        change_standing(
            Standing("closed", "bot", None, 1), status="snoozed", owner_kind=None, assignee=None
        )


@given(st.permutations(STATES))
def test_delivery_ends_at_the_same_state_in_any_order(news):
    state = "none"
    for item in news:
        further = delivery_after(state, item)
        assert further == state or item in STATES
        state = further
    assert state == "read"


def test_failed_counts_only_while_not_delivered():
    assert delivery_after("accepted", "failed") == "failed"
    assert delivery_after("delivered", "failed") == "delivered"
    assert delivery_after("failed", "delivered") == "delivered"
    assert delivery_after("failed", "accepted") == "failed"


@given(st.sampled_from(STATES), st.sampled_from(STATES))
def test_states_before_says_the_same_as_delivery_after(current, news):
    assert (current in states_before(news)) == (delivery_after(current, news) != current)


def test_identities_are_stable():
    conversation = UUID(int=7)
    assert turn_identity(conversation, 3) == turn_identity(conversation, 3)
    assert turn_identity(conversation, 3) != turn_identity(conversation, 4)
    assert send_identity(conversation) != send_identity(conversation, 1)
