"""JSON from outside: refused with a reason, or read and cleaned."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from channel_ingress.items import UnreadableBody, Update
from channel_ingress.reading import cleaned, identifier, item_of, json_text, read_body

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not json",
        b"[1]",
        b'"text"',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        '{"a": 1}'.encode("utf-16"),
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": "\xff"}',
        b'{"a": 1',
        b"1" * 10_000,
    ],
)
def test_what_cannot_be_read_says_so(raw: bytes) -> None:
    with pytest.raises(UnreadableBody):
        read_body(raw)


def test_lone_surrogates_are_read() -> None:
    assert read_body(rb'{"a": "\ud800"}') == {"a": "\ud800"}
    assert cleaned("\ud800\x00x") == "\ufffd\ufffdx"


@pytest.mark.parametrize("value", [None, "", "x" * 513, 1.5, True, [], {}])
def test_ids_are_bounded_text(value: object) -> None:
    with pytest.raises(ValueError, match="id"):
        identifier(value)


def test_deep_or_long_json_text_is_named_only() -> None:
    deep: object = 1
    for _ in range(2000):
        deep = [deep]
    assert json_text(deep) == '{"unreadable": "RecursionError"}'
    assert json_text("x" * 50_000).startswith('{"too_long":true')


def test_long_keys_are_hashed() -> None:
    item = item_of("", "k" * 600, {}, Update("unknown"))
    assert item.provider_key.startswith("long:")
