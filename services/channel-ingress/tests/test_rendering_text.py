"""Markdown becomes what a channel shows, and says the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_ingress.rendering import render
from channel_ingress.rendering.markdown_text import PLAIN, WHATSAPP, channel_text, literal_text

from .rendered_bodies import body


@pytest.mark.parametrize(
    ("markdown", "whatsapp", "plain"),
    [
        ("**bold** and *soft*", "*bold* and _soft_", "bold and soft"),
        ("# Returns\n\ntext", "*Returns*\n\ntext", "Returns\n\ntext"),
        ("## All **of** it", "*All of it*", "All of it"),
        ("~~12 €~~ 10 €", "~12 €~ 10 €", "~12 €~ 10 €"),
        ("use `a*b*c` here", "use `a*b*c` here", "use a*b*c here"),
        ("```py\nx = *y*\n  z\n```", "```x = *y*\n  z```", "x = *y*\n  z"),
        ("> said\n> so", "> said\n> so", "> said\n> so"),
        ("- one\n- two\n  1. a\n  2. b", "• one\n• two\n  1. a\n  2. b", None),
        ("3. three\n4. four", "3. three\n4. four", "3. three\n4. four"),
        ("[the page](https://x.example/a_b)", "the page (https://x.example/a_b)", None),
        ("[https://x.example](https://x.example)", "https://x.example", None),
        ("<https://x.example/>", "https://x.example/", None),
        ("[](https://x.example)", "https://x.example", None),
        ("![a cat](https://x.example/c.png)", "a cat (https://x.example/c.png)", None),
        ("[a@b.example](mailto:a@b.example)", "a@b.example", None),
        ("[write](mailto:a@b.example)", "write (a@b.example)", None),
        (
            "| A | B |\n|---|---|\n| 1 | **2** |\n| 3 | |",
            "A: 1 · B: *2*\nA: 3",
            "A: 1 · B: 2\nA: 3",
        ),
        ("one\n\n---\n\ntwo", "one\n\n———\n\ntwo", None),
        ("**two\nlines**", "*two*\n*lines*", "two\nlines"),
        ("** not bold **", "** not bold **", "** not bold **"),
        ("in**side**words", "insidewords", "insidewords"),
        ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name", None),
        ("[1]: https://x.example", "[1]: https://x.example", None),
        ("    four spaces", "four spaces", "four spaces"),
        ("<b>AT&amp;T</b>", "<b>AT&T</b>", "<b>AT&T</b>"),
        ("***both***", "*_both_*", "both"),
    ],
)
def test_markup(markdown: str, whatsapp: str, plain: str | None) -> None:
    assert channel_text(markdown, WHATSAPP) == whatsapp
    if plain is not None:
        assert channel_text(markdown, PLAIN) == plain


@pytest.mark.parametrize(
    ("markdown", "whatsapp", "plain"),
    [
        (r"\*not bold\*", "∗not bold∗", "*not bold*"),
        (r"**bold** and 5\* hotel", "*bold* and 5∗ hotel", "bold and 5* hotel"),
        (r"\_a\_ but snake_a_b", "ˍaˍ but snake_a_b", "_a_ but snake_a_b"),
        (r"\*\*a\*\*", "∗∗a∗∗", "**a**"),
        (r"a \* alone", "a * alone", "a * alone"),
    ],
)
def test_literal_markers_stay_literal(markdown: str, whatsapp: str, plain: str) -> None:
    assert channel_text(markdown, WHATSAPP) == whatsapp
    assert channel_text(markdown, PLAIN) == plain


@pytest.mark.parametrize("address", ["https://x.example/_a_b", "http://x.example/*a*?b=~c~d"])
def test_addresses_in_the_text_stay_as_they_are(address: str) -> None:
    for markdown in (f"see {address} now", f"**see {address}**", f"_a_ ({address}), *b*"):
        for markup in (WHATSAPP, PLAIN):
            assert address in channel_text(markdown, markup)


def test_titles_and_names_are_no_markdown() -> None:
    assert literal_text("*Best* of # 1", WHATSAPP) == "∗Best∗ of # 1"
    assert literal_text("*Best* of # 1", PLAIN) == "*Best* of # 1"


def test_the_sources_that_are_cited_stand_below() -> None:
    text = "**30 days** [1], see [the page](https://shop.example/r)."
    (part,) = render(body(text, "Returns policy", "Not cited"), "whatsapp")
    assert part.message["text"]["body"] == (
        "*30 days* [1], see the page (https://shop.example/r).\n\n[1] Returns policy"
    )
    (part,) = render(body("**Yes** [2]", "A", "B"), "messenger")
    assert part.message == {"text": "Yes [2]\n\n[2] B, p. 2"}


WORDS = st.text(alphabet="abcäß 你👍🏽é,.!?", min_size=1, max_size=12).filter(str.strip)


@given(st.lists(st.tuples(WORDS, st.sampled_from(["", "**", "*", "~~", "`", "# ", "- ", "> "]))))
@settings(max_examples=200, deadline=None)
def test_no_word_is_lost(pieces: list[tuple[str, str]]) -> None:
    lines = []
    for words, mark in pieces:
        said = words.strip()
        lines.append(f"{mark}{said}" if mark.endswith(" ") else f"{mark}{said}{mark}")
    markdown = "\n\n".join(lines)
    for markup in (WHATSAPP, PLAIN):
        shown = re.sub(r"[*_~`#>•\s∗ˍ∼ˋ-]", "", channel_text(markdown, markup))
        assert shown == re.sub(r"[*_~`#>\s-]", "", markdown)


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_renders_the_same_twice(text: str) -> None:
    for channel_type, platform in (("whatsapp", None), ("messenger", "instagram")):
        parts = render(body(text), channel_type, platform=platform)
        assert parts
        assert parts == render(body(text), channel_type, platform=platform)
