from hypothesis import given
from hypothesis import strategies as st

from gateway.api_keys import digest, make_key, read_key


def test_a_key_is_read_as_it_was_made() -> None:
    key = make_key()
    assert read_key(key.text) == key
    assert len(key.text) == len("chat_live_") + 12 + 1 + 43 + 6
    assert make_key() != key


@given(st.integers(0, 71), st.sampled_from("0123456789ABCDEFabcdefxyz_"))
def test_a_changed_character_is_noticed_without_a_database(place: int, other: str) -> None:
    text = make_key().text
    changed = text[:place] + other + text[place + 1 :]
    assert (read_key(changed) is None) == (changed != text)


@given(st.text(max_size=100))
def test_other_texts_are_no_keys(text: str) -> None:
    assert read_key(text) is None


def test_the_pepper_decides_what_is_stored() -> None:
    assert digest("secret", b"one") != digest("secret", b"two")
    assert len(digest("secret", b"one")) == 32
