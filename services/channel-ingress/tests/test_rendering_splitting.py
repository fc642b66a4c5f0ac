"""Long texts are split at the limit; graphemes, addresses and markers stay whole."""

from __future__ import annotations

import re

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from channel_ingress.rendering import render
from channel_ingress.rendering.splitting import split, utf8_bytes

from .rendered_bodies import body

LINK = "https://shop.example/" + "a" * 60


def words(text: str) -> str:
    return "".join(text.split())


def graphemes(text: str) -> list[str]:
    return [one for one in regex.findall(r"\X", text) if not one.isspace()]


def test_short_texts_stay_whole() -> None:
    assert split("Hello", 4096) == ["Hello"]
    assert split(" \n", 10) == [" "]


def test_long_texts_break_at_paragraphs_and_never_lose_words() -> None:
    text = "\n\n".join(f"Paragraph {n}. " + "word " * 100 for n in range(20))
    parts = split(text, 2000)
    assert all(len(part) <= 2000 for part in parts)
    assert words("".join(parts)) == words(text)
    assert all(part.startswith("Paragraph") for part in parts)


def test_links_stay_whole() -> None:
    for shift in range(100):
        parts = split("x " * 20 + "y" * shift + " " + LINK + " y" * 40, 100)
        assert sum(LINK in part for part in parts) == 1


def test_links_stay_whole_where_nothing_else_breaks() -> None:
    for shift in range(100):
        parts = split("好" * shift + LINK + "好" * 150, 100)
        assert sum(LINK in part for part in parts) == 1
        assert "".join(parts).count("好") == shift + 150


@pytest.mark.parametrize("grapheme", ["👨‍👩‍👧‍👦", "🇭🇷", "👍🏽", "e\u0301", "❤️", "कि"])
def test_graphemes_stay_whole(grapheme: str) -> None:
    for shift in range(12):
        text = "a" * shift + grapheme * 40
        parts = split(text, 50)
        assert "".join(parts) == text
        for part in parts:
            rest = part.lstrip("a")
            assert rest == grapheme * (len(rest) // len(grapheme))


TEXTS = st.lists(
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(["👨‍👩‍👧‍👦", "🇭🇷🇩🇪", "e\u0301\u0302", LINK, " ", "\n\n", ". ", "word"]),
    ),
    max_size=40,
).map("".join)


@given(TEXTS, st.integers(120, 200), st.sampled_from([len, utf8_bytes]))
@settings(max_examples=300, deadline=None)
@example("a \u0301" * 200, 120, len)
@example("0" + " " * 119 + "\u0301", 120, len)
def test_everything_is_kept_whole_and_in_order(text: str, limit: int, measure: object) -> None:
    assert callable(measure)
    parts = split(text, limit, measure)
    assert parts
    assert all(0 < measure(part) <= limit for part in parts)
    assert words("".join(parts)) == words(text)
    if all(measure(one) <= limit for one in graphemes(text)):
        assert [one for part in parts for one in graphemes(part)] == graphemes(text)
    if text.count(LINK) == 1 and re.search(rf"(?:^|\s){re.escape(LINK)}(?:\s|$)", text):
        assert any(LINK in part for part in parts)


@given(st.lists(st.sampled_from(["word", "*bold words*", "_soft_", "~gone~", "`code`", "\n"])))
@settings(max_examples=300, deadline=None)
def test_markers_stay_in_pairs(pieces: list[str]) -> None:
    text = " ".join(pieces)
    parts = split(text, 60, marked=True)
    assert all(len(part) <= 60 for part in parts)
    for part in parts:
        for mark in "*_~`":
            assert part.count(mark) % 2 == 0
    assert re.sub(r"[*_~`\s]", "", "".join(parts)) == re.sub(r"[*_~`\s]", "", text)


def test_a_pair_longer_than_a_message_is_closed_and_opened_again() -> None:
    parts = split("*" + "bold " * 30 + "end*", 60, marked=True)
    assert len(parts) > 2
    assert all(part.startswith("*bold") and part.endswith("*") for part in parts)
    assert all(len(part) <= 60 for part in parts)


def test_code_is_closed_and_opened_again_and_keeps_its_indent() -> None:
    code = "\n".join(f"    line {n}" for n in range(30))
    parts = split(f"```{code}```", 100, marked=True)
    assert all(part.startswith("```    line") and part.endswith("```") for part in parts)
    assert all(len(part) <= 100 for part in parts)


def test_a_quote_goes_on_as_a_quote() -> None:
    parts = split("> " + "word " * 40, 60, marked=True)
    assert all(part.startswith("> word") for part in parts)


@pytest.mark.parametrize(
    ("channel_type", "platform", "limit"),
    [("whatsapp", None, 4096), ("messenger", "facebook", 2000), ("messenger", "instagram", 1000)],
)
def test_every_channel_has_its_limit(channel_type: str, platform: str, limit: int) -> None:
    text = "\n\n".join("**Größe** " + "ä" * 90 for _ in range(100))
    parts = render(body(text), channel_type, platform=platform)
    shown = [
        part.message["text"]["body"] if channel_type == "whatsapp" else part.message["text"]
        for part in parts
    ]
    lengths = [utf8_bytes(one) if platform == "instagram" else len(one) for one in shown]
    assert len(parts) > 2
    assert max(lengths) <= limit
    assert min(lengths[:-1]) > limit / 2
    assert sum(one.count("ä") for one in shown) == 9000


def test_the_longest_message_is_split_in_no_time() -> None:
    for text in ("*a* " * 16_000, "x" * 65_536, "👨‍👩‍👧‍👦" * 9_000, f"{LINK} " * 700, "*" * 65_536):
        parts = split(text, 1000, utf8_bytes, marked=True)
        assert all(len(part.encode()) <= 1000 for part in parts)
