"""What a search found, and why: passages, words, candidates, cuts and times as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chatctl.overview import whole_table

CUTS = {
    "given": "[green]given[/green]",
    "below_threshold": "too unlike",
    "near_duplicate": "near duplicate",
    "beyond_limit": "beyond --top",
    "not_read": "not read",
    "same_parent": "same parent",
}


def print_found(console: Console, found: Mapping[str, Any]) -> None:
    """The passages, best first; or why there are none."""
    if not found["passages"]:
        cause = found.get("cause") or found.get("reason")
        detail = found.get("cause_detail")
        console.print(f"nothing: [bold]{cause}[/bold]" + (f". {escape(detail)}" if detail else ""))
    for number, passage in enumerate(found["passages"], 1):
        page = f"page {passage['page']}" if passage.get("page") else None
        parts = (passage["title"], passage.get("heading"), page)
        place = " · ".join(dict.fromkeys(str(part) for part in parts if part))
        scores = f"{passage['score']:.3f}"
        if passage.get("rerank_score") is not None:
            scores += f", re-ranked {passage['rerank_score']:.3f}"
        console.print(f"[bold]{number}. {escape(place)}[/bold]  [dim]{scores}[/dim]")
        console.print(f"   {' '.join(passage['text'].split())[:300]}", markup=False)
    if found.get("degraded"):
        console.print("[yellow]only keywords were searched: no embeddings just now[/yellow]")


def print_explained(console: Console, found: Mapping[str, Any]) -> None:
    """The whole record of the search."""
    told = found["explained"]
    console.print(f"\n[bold]Searched for[/bold] {escape(told['query'])}")
    console.print(searched_table(told))
    if told["terms"]:
        console.print("\n[bold]Words[/bold]")
        console.print(terms_table(told["terms"]))
    if told["candidates"]:
        console.print("\n[bold]Candidates[/bold]")
        console.print(candidates_table(told["candidates"], found["passages"]))
    cuts = ", ".join(f"{count} {rule}" for rule, count in told["cuts"].items() if count)
    console.print(f"\n[bold]Left out[/bold] {cuts or 'nothing'}")
    times = ", ".join(f"{step} {value:.1f}" for step, value in told["milliseconds"].items())
    console.print(f"[bold]Milliseconds[/bold] {times}, all {found['milliseconds']:.1f}")


def searched_table(told: Mapping[str, Any]) -> Table:
    """What was searched, and how."""
    index = told["index"]
    out = {
        name.removeprefix("documents_"): index[name]
        for name in ("documents_disabled", "documents_expired", "documents_filtered")
        if index[name]
    }
    left = f" ({', '.join(f'{count} {why}' for why, count in out.items())})" if out else ""
    table = whole_table("", "")
    table.show_header = False
    searched = f"{index['documents_searched']} of {index['documents']} documents{left}"
    table.add_row("index", f"{searched}, {index['passages_searched']} passages")
    table.add_row("models", escape(", ".join(index["models"])))
    table.add_row("language", escape(str(told["language"] or "not told")))
    for name in ("keyword_method", "vector_method", "fusion", "reranker", "threshold"):
        table.add_row(name.replace("_method", "s").replace("_", " "), escape(str(told[name])))
    return table


def terms_table(terms: list[dict[str, Any]]) -> Table:
    """The words of the question as they were looked for."""
    table = whole_table("word", "searched as", "in passages", "weight", "dictionary")
    for term in terms:
        typo = f"{term['corrected_from']} → " if term.get("corrected_from") else ""
        table.add_row(
            escape(term["word"]),
            escape(typo + term["term"]),
            str(term["passages"]),
            f"{term['idf']:.2f}",
            escape(term["configuration"]),
        )
    return table


def candidates_table(
    candidates: list[dict[str, Any]], passages: list[dict[str, Any]], shown: int = 30
) -> Table:
    """Each candidate with its scores, and the rule that cut it."""
    titles = {passage["passage_id"]: passage["title"] for passage in passages}
    columns = ("#", "passage", "keywords", "covers", "meaning", "fused", "re-ranked", "became")
    table = whole_table(*columns)
    for one in candidates[:shown]:
        title = titles.get(one["passage_id"]) or f"…{one['passage_id'][-8:]}"
        table.add_row(
            str(one["fused_rank"]),
            escape(str(title)[:40]),
            _scored(one, "keyword"),
            "" if one["coverage"] is None else f"{one['coverage']:.0%}",
            _scored(one, "vector"),
            f"{one['fused_score']:.3f}",
            _scored(one, "rerank"),
            CUTS.get(one["cut_by"], str(one["cut_by"])),
        )
    if len(candidates) > shown:
        table.caption = f"and {len(candidates) - shown} more"
    return table


def _scored(candidate: Mapping[str, Any], leg: str) -> str:
    score, rank = candidate[f"{leg}_score"], candidate[f"{leg}_rank"]
    if score is None:
        return ""
    return f"{score:.3f}" + (f" [dim]({rank}.)[/dim]" if rank else "")
