"""The inbox at a terminal: what a line says, and when a sleep ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from io import StringIO
from typing import Any

import pytest
import typer
from rich.console import Console

from chatctl.command_inbox import moment_of
from chatctl.inbox_view import inbox_table, length_of, print_conversation

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ZAGREB = timezone(timedelta(hours=1))


def conversation(**changes: Any) -> dict[str, Any]:
    return {
        "conversation_id": "0a0b0c0d-0000-7000-8000-000000000001", "channel_type": "whatsapp",
        "contact": {"external_id": "38591", "display_name": "Ana [x]", "phone": None},
        "status": "assigned_human", "owner_kind": "human", "assignee": None,
        "last_text": "Where is my lamp?", "last_role": "customer", "tags": ["vip"],
        "waiting_since": (NOW - timedelta(minutes=20)).isoformat(), **changes,
    }  # fmt: skip


def shown(draw: Any) -> str:
    console = Console(file=StringIO(), width=200, highlight=False)
    draw(console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_line_says_who_waits_and_for_how_long() -> None:
    text = shown(lambda console: console.print(inbox_table([conversation()], NOW)))
    for words in ("0a0b0c0d", "Ana [x]", "nobody yet", "20 min", "Where is my lamp?", "vip"):
        assert words in text
    bots = conversation(owner_kind="bot", status="active", waiting_since=None, last_role="bot")
    text = shown(lambda console: console.print(inbox_table([bots], NOW)))
    assert "bot: Where is my lamp?" in text


def test_notes_stand_where_they_were_written() -> None:
    said = [
        {"seq": seq, "role": role, "text": text, "created_at": NOW.isoformat(), "delivery": state,
         "author": None, "content": None}
        for seq, role, text, state in (
            (1, "customer", "Hello", "none"), (2, "bot", "Hi [1]", "read"),
            (3, "agent", "Sorry", "failed"),
        )
    ]  # fmt: skip
    notes = [{"after_seq": 2, "author": "mia", "text": "Angry."}]
    brief = {"summary": "The lamp is late.", "wish": "Her lamp"}
    text = shown(
        lambda console: print_conversation(console, conversation(brief=brief), said, notes)
    )
    places = [text.index(words) for words in ("Hello", "Hi [1]", "note by mia", "Sorry")]
    assert places == sorted(places)
    assert "The lamp is late." in text
    assert "failed" in text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30min", "2026-11-23T13:30:00+01:00"),
        ("4h", "2026-11-23T17:00:00+01:00"),
        ("2d", "2026-11-25T13:00:00+01:00"),
        ("2026-11-24T09:00", "2026-11-24T09:00:00+01:00"),
        ("2026-11-24T09:00+00:00", "2026-11-24T09:00:00+00:00"),
    ],
)
def test_a_sleep_ends_when_it_is_said(text: str, moment: str) -> None:
    assert moment_of(text, NOW.astimezone(ZAGREB)) == moment


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(typer.BadParameter):
        moment_of("tomorrow", NOW)


def test_lengths() -> None:
    assert [length_of(one) for one in (-1, 59, 60, 7_200, 200_000)] == [
        "0 s", "59 s", "1 min", "2 h", "2 d",
    ]  # fmt: skip
