"""Answers that were tried, as text and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from chatctl.overview import whole_table

_SHOWN_CHARACTERS = 240


def print_tried(console: Console, answer: Mapping[str, Any]) -> None:
    """The words, their sources, and what was decided and paid."""
    console.print(answer["text"] or "[dim](silent)[/dim]", markup=not answer["text"])
    for cited in answer["citations"]:
        page = f", page {cited['page']}" if cited.get("page") else ""
        source = escape(f"[{cited['number']}] {cited['title']}{page}")
        console.print(f"  [dim]{source}[/dim]")
    told = [str(answer["decision"])]
    if answer["confidence"] is not None:
        told.append(f"confidence {answer['confidence']:.2f}")
    if answer["model"]:
        told.append(str(answer["model"]))
    told += [money(answer["cost_usd"]), f"{answer['milliseconds']} ms"]
    if answer["tool_calls"]:
        told.append("called " + ", ".join(answer["tool_calls"]))
    console.print(f"[dim]{escape(' · '.join(told))}[/dim]")


def replay_table(replays: Sequence[Mapping[str, Any]]) -> Any:
    """Replays, each with both sides in numbers."""
    table = whole_table(
        "replay", "name", "state", "turns", "answered", "to a person", "failed", "cited",
        "confidence", "USD", "ms (p50)",
    )  # fmt: skip
    for one in replays:
        before, after = one["before"], one["after"]
        table.add_row(
            one["replay_id"],
            escape(one["name"]),
            escape(one["state"] + (f": {one['detail']}" if one["detail"] else "")),
            f"{after['turns']} of {one['turns_total']}",
            *_sides(before, after),
        )
    return table


def experiment_table(experiments: Sequence[Mapping[str, Any]]) -> Any:
    """Experiments, each with both sides in numbers."""
    table = whole_table(
        "experiment", "name", "kind", "share", "state", "turns", "answered", "to a person",
        "failed", "cited", "confidence", "USD", "ms (p50)",
    )  # fmt: skip
    for one in experiments:
        live, tried = one["live"], one["tried"]
        table.add_row(
            one["experiment_id"],
            escape(one["name"]),
            one["kind"],
            f"{one['percent']:g} %",
            escape(one["state"] + (f": {one['detail']}" if one["detail"] else "")),
            f"{live['turns']} → {tried['turns']}",
            *_sides(live, tried),
        )
    return table


def print_replay_turn(console: Console, turn: Mapping[str, Any]) -> None:
    """A past turn beside what would be said now."""
    alike = turn["similarity"]
    console.rule(f"turn {turn['turn_id']}", align="left")
    console.print(f"[bold]Asked[/bold] {escape(_short(turn['question']))}")
    for name, side in (("Then ", turn["before"]), ("Now  ", turn["after"])):
        if side is None or (side is turn["after"] and turn["failure"]):
            words = turn["failure"] or "not done yet"
            console.print(f"[bold]{name}[/bold] [yellow]{escape(words)}[/yellow]")
            continue
        sources = ", ".join(sorted({cited["title"] for cited in side["citations"]})) or "no source"
        console.print(f"[bold]{name}[/bold] {escape(_short(side['text']))}")
        paid = f"{money(side['cost_usd'])} · {side['milliseconds']} ms"
        told = f"{side['decision']} · {sources} · {paid}"
        console.print(f"      [dim]{escape(told)}[/dim]")
    if alike is not None:
        console.print(f"[dim]The two mean the same by {alike:.2f}.[/dim]")


def money(cost_usd: float | None) -> str:
    """US dollars, where the price is known."""
    return "price unknown" if cost_usd is None else f"{cost_usd:.6f} USD"


def _sides(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [
        *(
            f"{before[name]} → {after[name]}"
            for name in ("answered", "handed_off", "failed", "cited")
        ),
        f"{_share(before['confidence'])} → {_share(after['confidence'])}",
        f"{before['cost_usd']:.4f} → {after['cost_usd']:.4f}",
        f"{_count(before['milliseconds_p50'])} → {_count(after['milliseconds_p50'])}",
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _SHOWN_CHARACTERS else f"{words[:_SHOWN_CHARACTERS]}…"
