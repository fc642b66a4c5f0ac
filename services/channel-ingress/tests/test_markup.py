"""Markdown becomes what a channel shows; long texts are split well."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_ingress.markup import rendered, split
from contracts.v1.sending import OutgoingBody
from contracts.v1.shapes import Citation


def body(text: str, *titles: str) -> OutgoingBody:
    citations = [
        Citation(
            number=n,
            document_id=uuid4(),
            document_version=1,
            passage_id=uuid4(),
            title=title,
            page=n if n > 1 else None,
            heading=None,
            quote="q",
            score=0.5,
        )
        for n, title in enumerate(titles, 1)
    ]
    return OutgoingBody(text=text, citations=citations)


def test_whatsapp_markup() -> None:
    text = "# Returns\n\n**30 days** [1], see [the page](https://shop.example/r).\n\n- one\n- two"
    assert rendered(body(text, "Returns policy", "Not cited"), "whatsapp") == (
        "*Returns*\n\n*30 days* [1], see the page (https://shop.example/r).\n\n• one\n• two"
        "\n\n[1] Returns policy"
    )


def test_messenger_has_no_markup_and_webchat_stays_markdown() -> None:
    assert rendered(body("**Yes** [2]", "A", "B"), "messenger") == "Yes [2]\n\n[2] B, p. 2"
    assert rendered(body("**Yes** [1]", "A"), "webchat") == "**Yes** [1]"


def test_short_texts_stay_whole() -> None:
    assert split("Hello", 4096) == ["Hello"]


def test_long_texts_break_at_paragraphs_and_never_lose_words() -> None:
    text = "\n\n".join(f"Paragraph {n}. " + "word " * 100 for n in range(20))
    parts = split(text, 2000)
    assert all(len(part) <= 2000 for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part.startswith("Paragraph") for part in parts)


def test_links_stay_whole() -> None:
    link = "https://shop.example/" + "a" * 60
    parts = split("x " * 20 + link + " y" * 40, 100)
    assert sum(link in part for part in parts) == 1


@pytest.mark.parametrize("grapheme", ["👨‍👩‍👧‍👦", "🇭🇷", "👍🏽", "e\u0301", "❤️"])
def test_graphemes_stay_whole(grapheme: str) -> None:
    for shift in range(12):
        text = "a" * shift + grapheme * 40
        parts = split(text, 50)
        assert "".join(parts) == text
        for part in parts:
            rest = part.lstrip("a")
            assert rest == grapheme * (len(rest) // len(grapheme))


@given(st.text(max_size=400), st.integers(20, 60))
@settings(max_examples=300, deadline=None)
def test_no_part_is_longer_than_the_limit(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert parts
    assert all(0 < len(part) <= limit for part in parts)
