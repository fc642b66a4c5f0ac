"""Words that a stream must not show."""

from hypothesis import given
from hypothesis import strategies as st

from llm_router.held_back import HeldBack


def shown(pieces: list[str], *stops: str) -> str:
    held = HeldBack(stops)
    return "".join(held.take(piece) for piece in pieces) + held.rest()


def test_what_stops_is_not_shown_nor_what_follows():
    assert shown(["Thirty days. ", "[[su", "re-1: high]] more"], "[[sure-1") == "Thirty days. "


def test_what_only_begins_like_it_is_shown_in_the_end():
    assert shown(["a [", "[su", "nny] day ", "[["], "[[sure-1") == "a [[sunny] day [["


def test_without_such_words_everything_passes_at_once():
    held = HeldBack(())
    assert held.take("[[sure") == "[[sure"


@given(st.text("ab[", max_size=30), st.lists(st.integers(1, 5), max_size=12))
def test_however_it_is_cut_the_same_is_shown(text, cuts):
    pieces, rest = [], text
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    assert shown([*pieces, rest], "[[ab", "ba") == shown([text], "[[ab", "ba")
    for stop in ("[[ab", "ba"):
        assert stop not in shown([text], "[[ab", "ba")
