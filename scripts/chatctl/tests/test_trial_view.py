"""A past turn beside what would be said now."""

import io
from typing import Any

from rich.console import Console

from chatctl.trial_view import print_replay_turn


def answer(text: str) -> dict[str, Any]:
    return {
        "text": text,
        "citations": [],
        "decision": "answer",
        "cost_usd": 0.001,
        "milliseconds": 5,
    }


def shown(after: dict[str, Any] | None, failure: str | None) -> str:
    console = Console(file=io.StringIO(), width=100)
    turn = {
        "turn_id": "t",
        "similarity": None,
        "question": "How long?",
        "before": answer("Thirty days."),
        "after": after,
        "failure": failure,
    }
    print_replay_turn(console, turn)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_failure_is_said_also_where_it_cost_something():
    assert "content_filter" in shown(answer(""), "content_filter: refused")
    assert "content_filter" in shown(None, "content_filter: refused")


def test_both_sides_are_shown():
    told = shown(answer("A month."), None)
    assert "Thirty days." in told
    assert "A month." in told
