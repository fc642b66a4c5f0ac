import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cursors import Cursors
from gateway.problems import Problem

CURSORS = Cursors(b"secret")


@given(st.text(st.characters(codec="utf-8"), max_size=100))
def test_a_cursor_carries_its_position(position: str) -> None:
    cursor = CURSORS.sign("tenants", position)
    assert CURSORS.read("tenants", cursor) == position


@given(st.text(max_size=60))
def test_a_forged_cursor_is_a_bad_request(text: str) -> None:
    with pytest.raises(Problem) as refused:
        CURSORS.read("tenants", text)
    assert (refused.value.status_code, refused.value.code) == (400, "invalid_cursor")


def test_a_cursor_is_bound_to_its_list_and_secret() -> None:
    cursor = CURSORS.sign("channels:1", "x")
    for cursors, name in ((CURSORS, "channels:2"), (Cursors(b"other"), "channels:1")):
        with pytest.raises(Problem):
            cursors.read(name, cursor)


def test_no_position_is_no_cursor() -> None:
    assert CURSORS.sign("tenants", None) is None
    assert CURSORS.read("tenants", None) is None
