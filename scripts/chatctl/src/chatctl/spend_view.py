"""Budgets and spending as tables; money is rounded only here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from chatctl.overview import whole_table

_BAR_CELLS = 24
_EIGHTHS = " ▏▎▍▌▋▊▉"
_STEPS = {
    "full": "[green]the tenant's models[/green]",
    "cheaper": "[yellow]the cheaper model[/yellow]",
    "builtin": "[red]the builtin answerer: the budget is spent[/red]",
    "person": "[red]people: the budget is spent[/red]",
}


def usd(amount: float | None) -> str:
    """Dollars with as many digits as say something; `unknown` where nobody knows."""
    if amount is None:
        return "unknown"
    if amount == 0 or amount >= 1:
        return f"{amount:,.2f}" if amount else "0"
    return f"{amount:.6f}".rstrip("0") if amount >= 0.000001 else "<0.000001"


def bar(amount: float, most: float) -> str:
    """A bar as long as its share of the longest one."""
    if most <= 0 or amount <= 0:
        return ""
    eighths = max(1, round(amount / most * _BAR_CELLS * 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def budget_table(budget: Mapping[str, Any]) -> Table:
    """The rule and where the month stands."""
    table = whole_table("", "")
    table.show_header = False
    rule, monthly = budget["rule"], budget["rule"]["monthly_usd"]
    table.add_row("month", str(budget["month"]))
    table.add_row("budget", "none" if monthly is None else f"{usd(monthly)} USD")
    share = "" if not monthly else f"  {100 * budget['spent_usd'] / monthly:.1f} %"
    table.add_row("spent", f"{usd(budget['spent_usd'])} USD{share}")
    if monthly:
        table.add_row("", bar(min(budget["spent_usd"], monthly), monthly))
    table.add_row("held for calls", f"{usd(budget['reserved_usd'])} USD")
    table.add_row("calls of unknown price", str(budget["unpriced_calls"]))
    table.add_row("answering now", _STEPS.get(budget["step"], escape(str(budget["step"]))))
    warned = ", ".join(f"{percent} %" for percent in rule["warn_percent"])
    table.add_row("warned at", warned or "never")
    if rule["cheaper_model"]:
        from_ = rule["cheaper_percent"]
        begins = "when nothing else fits" if from_ is None else f"from {from_} % on"
        table.add_row("cheaper model", f"{escape(rule['cheaper_model'])} {begins}")
    table.add_row("when spent", str(rule["when_spent"]))
    counted = rule["unknown_price_usd"]
    table.add_row("unknown prices count", "nothing" if counted is None else f"{usd(counted)} USD")
    return table


def spend_table(lines: Sequence[Mapping[str, Any]], total: Mapping[str, Any], by: str) -> Table:
    """A line a group, and the sum of all."""
    table = whole_table(by, "calls", "read", "written", "USD", "", "unknown price")
    most = max((line["cost_usd"] for line in lines), default=0.0)
    for line in lines:
        table.add_row(*_cells(line, bar(line["cost_usd"], most)))
    table.add_section()
    table.add_row(*_cells(total, ""))
    return table


def calls_table(calls: Sequence[Mapping[str, Any]]) -> Table:
    """Model calls, the oldest first."""
    table = whole_table("at", "purpose", "model", "read", "written", "USD", "ms", "outcome")
    for call in calls:
        table.add_row(
            str(call["at"])[:19],
            escape(str(call["purpose"])),
            escape(str(call["model"])),
            f"{call['input_tokens']:,}",
            f"{call['output_tokens']:,}",
            usd(call["cost_usd"]),
            f"{call['milliseconds']:,}",
            escape(str(call["outcome"])),
        )
    return table


def _cells(line: Mapping[str, Any], drawn: str) -> tuple[str, ...]:
    unpriced, calls = line["unpriced_calls"], line["calls"]
    known = None if unpriced and unpriced == calls else line["cost_usd"]
    return (
        escape(str(line["group"])),
        f"{calls:,}",
        f"{line['input_tokens']:,}",
        f"{line['output_tokens']:,}",
        usd(known),
        drawn,
        f"{unpriced:,}" if unpriced else "",
    )
