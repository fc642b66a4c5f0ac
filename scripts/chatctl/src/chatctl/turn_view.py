"""A turn with its evidence, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from chatctl.overview import whole_table
from chatctl.search_view import print_explained

BY = {
    "as_asked": "as asked",
    "model": "completed from the conversation by a model",
    "question_before": "searched along with the question before",
}


def print_turn(console: Console, turn: Mapping[str, Any], *, with_prompt: bool) -> None:
    """The question as understood, each search, the passages, models, tools, decision, times."""
    told = turn["evidence"]
    console.rule(f"turn {turn['turn_id']}", align="left")
    decision = told.get("decision") or told.get("failure") or ""
    console.print(f"[bold]{turn['outcome']}[/bold] {escape(str(decision))}, try {turn['attempt']}")
    understood = told.get("understood") or {}
    if understood:
        by = BY.get(understood["by"], understood["by"])
        console.print(f"[bold]Asked[/bold] {escape(understood['asked'])}")
        if understood["searched"] != understood["asked"]:
            console.print(f"[bold]Meant[/bold] {escape(understood['searched'])} [dim]({by})[/dim]")
    for search in told.get("searches") or []:
        _print_search(console, search, told.get("passages") or [])
    if told.get("passages"):
        console.print("\n[bold]Given to the model[/bold]")
        console.print(_passages(told["passages"]))
    if told.get("model_calls"):
        console.print("\n[bold]Models[/bold]")
        console.print(_models(told["model_calls"]))
    if told.get("tool_calls"):
        console.print("\n[bold]Tools[/bold]")
        console.print(_tools(told["tool_calls"]))
    for message in told.get("prompt") or [] if with_prompt else []:
        console.print(f"\n[bold]{message['role']}[/bold]")
        console.print(message["content"], markup=False)
    _print_judged(console, told)
    stages = told.get("milliseconds") or {}
    times = ", ".join(f"{stage} {value:.1f}" for stage, value in stages.items())
    console.print(f"\n[bold]Milliseconds[/bold] {times or 'not measured'}")
    if turn["left_out"]:
        console.print(f"[yellow]too large to show: {', '.join(turn['left_out'])}[/yellow]")


def _print_judged(console: Console, told: Mapping[str, Any]) -> None:
    """How sure the bot was, what nothing supports, and what the prompt could not hold."""
    sure = told.get("confidence") or {}
    if sure.get("value") is not None:
        parts = ", ".join(f"{name} {value}" for name, value in sure.items() if name != "value")
        console.print(f"\n[bold]Confidence[/bold] {sure['value']:.2f} [dim]({escape(parts)})[/dim]")
    for sentence in (told.get("grounding") or {}).get("sentences") or []:
        if sentence.get("verdict") in ("unsupported", "contradicted", "undecided"):
            absent = ", ".join(sentence.get("absent") or [])
            why = f" [dim](nothing given holds: {escape(absent)})[/dim]" if absent else ""
            words = escape(sentence["words"])
            console.print(f"[yellow]{sentence['verdict']}[/yellow] {words}{why}")
    for part in told.get("prompt_sections") or []:
        if part.get("cut") or part.get("kept", 0) < part.get("of", 0):
            kept = f"{part['kept']} of {part['of']}" if "of" in part else "cut"
            console.print(f"[dim]the prompt holds less: {part['section']} {kept}[/dim]")


def _print_search(
    console: Console, search: Mapping[str, Any], passages: list[dict[str, Any]]
) -> None:
    if search.get("failed"):
        console.print(f"[yellow]a search failed: {search['failed']}[/yellow]")
        return
    if search.get("cause"):
        detail = escape(str(search.get("cause_detail") or ""))
        console.print(f"[bold]Nothing was found[/bold]: {search['cause']}. {detail}")
    if search.get("explained"):
        found = {
            "explained": search["explained"],
            "passages": passages,
            "milliseconds": search["milliseconds"],
        }
        print_explained(console, found)


def _passages(passages: list[dict[str, Any]]) -> Any:
    table = whole_table(
        escape("[n]"), "document", "version", "keywords", "meaning", "score", "re-ranked"
    )
    for one in passages:
        reranked = one.get("rerank_score")
        table.add_row(
            str(one["number"]),
            escape(one["title"]),
            str(one["document_version"]),
            f"{one['keyword_score']:.3f}",
            f"{one['vector_score']:.3f}",
            f"{one['score']:.3f}",
            "" if reranked is None else f"{reranked:.3f}",
        )
    return table


def _models(calls: list[dict[str, Any]]) -> Any:
    table = whole_table("model", "ended", "tokens in", "tokens out", "USD", "ms")
    for call in calls:
        cost = call["cost_usd"]
        table.add_row(
            escape(call["model"]) + (" [yellow]fallback[/yellow]" if call["fallback"] else ""),
            call["finish_reason"],
            str(call["input_tokens"]),
            str(call["output_tokens"]),
            "unknown" if cost is None else f"{cost:.6f}",
            str(call["milliseconds"]),
        )
    return table


def _tools(calls: list[dict[str, Any]]) -> Any:
    table = whole_table("round", "tool", "arguments", "became", "ms")
    for call in calls:
        table.add_row(
            str(call["round"]),
            escape(call["name"]),
            escape(call["arguments"][:200]),
            call["outcome"],
            f"{call['milliseconds']:.1f}",
        )
    return table
