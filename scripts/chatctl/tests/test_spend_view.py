"""Budgets and spending as a person reads them."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from chatctl.spend_view import bar, budget_table, calls_table, spend_table, usd


def line(group: str, cost: float, *, calls: int = 2, unpriced: int = 0) -> dict[str, Any]:
    return {
        "group": group,
        "calls": calls,
        "input_tokens": 1_200,
        "output_tokens": 30,
        "cost_usd": cost,
        "unpriced_calls": unpriced,
    }


def text_of(table: Any) -> str:
    console = Console(width=200, record=True)
    console.print(table)
    return console.export_text()


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(None, "unknown"), (0, "0"), (0.000012, "0.000012"), (0.5, "0.5"), (1234.567, "1,234.57")],
)
def test_money_shows_the_digits_that_say_something(amount: float | None, shown: str) -> None:
    assert usd(amount) == shown


def test_what_costs_less_than_can_be_shown_is_not_shown_as_nothing() -> None:
    assert usd(0.00000002) == "<0.000001"


def test_bars_are_shares_of_the_longest() -> None:
    assert len(bar(10, 10)) == 24
    assert len(bar(5, 10)) == 12
    assert bar(0, 10) == ""
    assert bar(0.001, 10) == "▏"


def test_calls_of_unknown_price_are_never_shown_as_free() -> None:
    shown = text_of(spend_table([line("openai/own", 0.0, unpriced=2)], line("total", 0.0), "model"))
    [row] = [text for text in shown.splitlines() if "openai/own" in text]
    assert "unknown" in row
    call = {
        "at": "2026-11-23T10:00:00Z",
        "purpose": "answer",
        "model": "openai/own",
        "input_tokens": 1,
        "output_tokens": 1,
        "cost_usd": None,
        "milliseconds": 7,
        "outcome": "answered",
    }
    assert "unknown" in text_of(calls_table([call]))


def test_a_budget_says_who_answers_now() -> None:
    rule = {
        "monthly_usd": 20.0,
        "warn_percent": [80],
        "cheaper_percent": 80,
        "cheaper_model": "openai/gpt-5-nano",
        "when_spent": "person",
        "unknown_price_usd": None,
    }
    standing = {
        "month": "2026-11",
        "rule": rule,
        "spent_usd": 17.5,
        "reserved_usd": 0.02,
        "unpriced_calls": 3,
        "step": "cheaper",
    }
    shown = text_of(budget_table(standing))
    assert "87.5 %" in shown
    assert "the cheaper model" in shown
    assert "openai/gpt-5-nano from 80 % on" in shown
