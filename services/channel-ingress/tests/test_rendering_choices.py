"""Whatever the choices are: each can be tapped, read in full, and fits."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from channel_ingress.rendering import render
from contracts.v1.shapes import Choice, Choices

from .rendered_bodies import body, choices

TITLES = st.lists(st.text("abc 👍", min_size=1, max_size=40), min_size=1, max_size=24)


def _every(titles: list[str], described: bool) -> Choices:
    every = [
        Choice(payload=f"p{n}", title=title, description="d" if described else None, url=None)
        for n, title in enumerate(titles)
    ]
    return choices(*every)


@given(TITLES, st.booleans(), st.sampled_from(["", "Hi", "word " * 400]))
@settings(max_examples=200, deadline=None)
def test_every_choice_can_be_tapped_and_read(titles: list[str], said: bool, text: str) -> None:
    for parts in (
        render(body(text, choices=_every(titles, said)), "whatsapp"),
        render(body(text, choices=_every(titles, said)), "messenger"),
    ):
        sent = json.dumps([part.message for part in parts], ensure_ascii=False)
        assert all(f'"p{n}"' in sent for n in range(len(titles)))
        shown = sent.replace("\\n", "\n")
        assert all(title.strip() in shown for title in titles)
        for part in parts:
            _assert_within_limits(part.message)


def _assert_within_limits(message: dict[str, Any]) -> None:
    content = message.get("interactive")
    if content is None:
        assert len(message.get("quick_replies", [])) <= 13
        assert all(len(one["title"]) <= 20 for one in message.get("quick_replies", []))
        return
    assert 0 < len(content["body"]["text"]) <= 1024
    buttons = content["action"].get("buttons", [])
    assert len(buttons) <= 3
    assert all(0 < len(one["reply"]["title"]) <= 20 for one in buttons)
    found = [row for one in content["action"].get("sections", []) for row in one["rows"]]
    assert len(found) <= 10
    assert all(0 < len(row["title"]) <= 24 for row in found)
    assert all(len(row.get("description", "")) <= 72 for row in found)
    titles = [row["title"] for row in found] + [one["reply"]["title"] for one in buttons]
    assert len(set(titles)) == len(titles)
