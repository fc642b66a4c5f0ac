from uuid import uuid4

import pytest
from pydantic import ValidationError

from gateway.domain import (
    DEFAULT_SETTINGS,
    contradictions,
    masked,
    merged_settings,
    normal_origin,
    widget_delivery_id,
)
from gateway.intake import INLINE_BYTES_MAX, inline_text


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://Shop.Example", "https://shop.example"),
        ("https://shop.example:443/", "https://shop.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("shop.example", None),
        ("https://", None),
        ("null", None),
        ("*", None),
        ("https://*.example", None),
        ("https://shop.example/path", None),
        ("https://shop.example?x", None),
        ("https://me@shop.example", None),
        ("https://shop.example; script-src *", None),
        ("javascript:alert(1)", None),
        ("https://shop.example:99999", None),
    ],
)
def test_origins(text: str, origin: str | None) -> None:
    assert normal_origin(text) == origin


def test_settings_change_one_by_one() -> None:
    changed = merged_settings(DEFAULT_SETTINGS, {"passages_max": 9})
    assert changed.passages_max == 9
    assert changed.bot_name == DEFAULT_SETTINGS.bot_name
    for wrong in ({"passages_max": 0}, {"passages_max": None}, {"temperature": 1}):
        with pytest.raises(ValidationError):
            merged_settings(DEFAULT_SETTINGS, wrong)


def test_of_a_secret_only_the_end_is_shown() -> None:
    assert masked("EAAG-access-token-0001") == "…0001"
    assert masked("short") == "…"


def test_a_repeated_message_is_the_same_delivery_and_nobody_elses() -> None:
    channel = uuid4()
    first = widget_delivery_id(channel, "visitor", "message")
    assert first == widget_delivery_id(channel, "visitor", "message")
    assert first != widget_delivery_id(channel, "other", "message")
    assert first != widget_delivery_id(uuid4(), "visitor", "message")


@pytest.mark.parametrize(
    ("body", "is_inline"),
    [
        (b"", True),
        ('{"a": "ä"}\r\n\t'.encode(), True),
        (b"x" * INLINE_BYTES_MAX, True),
        (b"x" * (INLINE_BYTES_MAX + 1), False),
        (b"\xff", False),
        (b"a\x00b", False),
        (b"a\x1bb", False),
    ],
)
def test_only_short_plain_text_travels_inside_a_message(body: bytes, is_inline: bool) -> None:
    text = inline_text(body)
    assert (text is not None) == is_inline
    if text is not None:
        assert text.encode() == body


def test_strict_answers_need_documents():
    without = merged_settings(DEFAULT_SETTINGS, {"grounding": "strict", "rag_enabled": False})
    assert list(contradictions(without)) == ["grounding"]
    assert not contradictions(merged_settings(DEFAULT_SETTINGS, {"grounding": "strict"}))
