"""Edits, revokes and reactions add up to the same, in every order and however often they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from channel_ingress.message_changes import NO_CHANGES, REACTIONS_MAX, KeptChange, fold

START = datetime(2026, 11, 22, tzinfo=UTC)


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


def reaction(emoji: str, second: int, person: str = "p", by: str = "customer") -> KeptChange:
    return KeptChange("reaction", by, person, at(second), emoji)  # type: ignore[arg-type]  # test


def edit(words: str, second: int) -> KeptChange:
    return KeptChange("edit", "customer", "p", at(second), words)


def revoke(second: int) -> KeptChange:
    return KeptChange("revoke", "customer", "p", at(second), "")


CHANGES = st.builds(
    KeptChange,
    what=st.sampled_from(["reaction", "edit", "revoke"]),
    said_by=st.sampled_from(["customer", "business"]),
    person=st.sampled_from(["", "a", "b"]),
    at=st.integers(0, 3).map(at),
    words=st.sampled_from(["", "x", "y", "\N{GRINNING FACE}"]),
)


@settings(max_examples=400, deadline=None)
@given(st.data(), st.lists(CHANGES, max_size=12))
def test_every_permutation_and_duplication_adds_up_to_the_same(
    data: st.DataObject, changes: list[KeptChange]
) -> None:
    again = data.draw(st.lists(st.sampled_from(changes), max_size=6)) if changes else []
    shuffled = data.draw(st.permutations([*changes, *again]))
    assert fold(shuffled) == fold(changes)


def test_nothing_adds_up_to_nothing() -> None:
    assert fold([]) == NO_CHANGES


def test_the_newest_edit_stands() -> None:
    state = fold([edit("new", 2), edit("old", 1)])
    assert (state.edited_text, state.edited_at) == ("new", at(2))


def test_no_words_outlive_a_revoke_even_those_of_a_later_edit() -> None:
    state = fold([edit("later", 9), revoke(3), revoke(5), edit("before", 1)])
    assert (state.edited_text, state.edited_at, state.revoked_at) == (None, None, at(3))


def test_each_side_and_person_has_one_standing_reaction() -> None:
    state = fold(
        [
            reaction("A", 1),
            reaction("B", 2),
            reaction("C", 1, person="q"),
            reaction("D", 1, by="business"),
            reaction("E", 3, by="business", person="the customer"),
        ]
    )
    assert [(r.by, r.emoji) for r in state.reactions] == [
        ("business", "E"),
        ("customer", "B"),
        ("customer", "C"),
    ]


def test_taking_a_reaction_back_counts_like_any_other() -> None:
    assert fold([reaction("", 2), reaction("A", 1)]).reactions == []
    assert [r.emoji for r in fold([reaction("", 1), reaction("A", 2)]).reactions] == ["A"]


def test_the_newest_reactions_of_a_crowd_are_shown() -> None:
    crowd = [reaction("A", second, person=str(second)) for second in range(REACTIONS_MAX + 5)]
    shown = fold(crowd).reactions
    assert len(shown) == REACTIONS_MAX
    assert shown[0].at == at(REACTIONS_MAX + 4)


def test_changes_that_differ_in_anything_are_kept_apart() -> None:
    changes = [reaction("A", 1), reaction("A", 2), reaction("B", 1), edit("A", 1), revoke(1)]
    changes += [reaction("A", 1, person="q"), reaction("A", 1, by="business")]
    assert len({change.digest for change in changes}) == len(changes)
