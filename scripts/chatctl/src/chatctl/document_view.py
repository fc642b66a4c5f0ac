"""Documents, their versions and what they take up, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from chatctl.document_progress import stage_words
from chatctl.overview import whole_table

_ROWS = (
    "document_id", "title", "file_name", "document_kind", "source_url", "external_id", "media_type",
    "size_bytes", "pages", "passages", "tokens", "language", "author", "dated_at", "enabled",
    "expires_at", "document_version", "building_version", "embedding_model", "created_at",
    "updated_at",
)  # fmt: skip


def documents_table(documents: Iterable[Mapping[str, Any]]) -> Table:
    """A line each: how far it is, and what to do where it failed."""
    table = whole_table("document", "title", "kind", "state", "passages", "tags", "what to do")
    for found in documents:
        table.add_row(
            str(found["document_id"]),
            escape(str(found["title"])),
            str(found.get("document_kind") or "file"),
            state_of(found),
            str(found["passages"]),
            escape(", ".join(found.get("tags") or ())),
            escape(str(found["detail"] or "")),
        )
    return table


def state_of(document: Mapping[str, Any]) -> str:
    """Ready, a percentage, or why it cannot be found."""
    stage = str(document["stage"])
    if stage == "failed":
        return f"[red]failed[/red] {document['code']}"
    if stage != "ready":
        return f"{stage} {document['percent']} %"
    return "ready" if document.get("enabled") is not False else "[yellow]disabled[/yellow]"


def document_table(document: Mapping[str, Any]) -> Table:
    """Everything that is known of one."""
    table = whole_table("", "")
    table.show_header = False
    on_its_way = document["stage"] not in {"ready", "failed"}
    how_far = f" · {stage_words(document)}" if on_its_way else ""
    table.add_row("state", state_of(document) + how_far)
    if document.get("detail"):
        table.add_row("what to do", escape(str(document["detail"])))
    for name in _ROWS:
        if document.get(name) is not None:
            table.add_row(name.replace("_", " "), escape(str(document[name])))
    table.add_row("tags", escape(", ".join(document.get("tags") or ())))
    for entry in document.get("metadata") or ():
        table.add_row(escape(str(entry["name"])), escape(str(entry["value"])))
    if document.get("chunking"):
        table.add_row("chunking", escape(rule_words(document["chunking"])))
    for heading in document.get("headings") or ():
        table.add_row("heading", escape(str(heading)))
    return table


def passage_head(passage: Mapping[str, Any]) -> str:
    """Where a passage stands, and how long it is."""
    page = f"page {passage['page']}" if passage.get("page") else None
    parts = (page, passage.get("heading"), f"{passage['token_count']} tokens")
    return f"[{passage['ordinal']}] " + " · ".join(part for part in parts if part)


def rule_words(rule: Mapping[str, Any]) -> str:
    """A rule of splitting in a line."""
    parents = f", parents of {rule['parent_tokens']}" if rule.get("parent_tokens") else ""
    overlap = f", {rule['overlap_tokens']} shared" if rule.get("overlap_tokens") else ""
    return f"{rule['strategy']}: {rule['tokens']} tokens{overlap}{parents}"


def versions_table(versions: Iterable[Mapping[str, Any]]) -> Table:
    """A line each, the newest first."""
    table = whole_table("version", "state", "passages", "reused", "file", "split", "begun", "live")
    for one in versions:
        state = str(one["state"]) + (f" ({one['code']})" if one.get("code") else "")
        table.add_row(
            str(one["document_version"]),
            state,
            str(one["passages"]),
            str(one["passages_reused"]),
            escape(str(one["file_name"])),
            escape(rule_words(one["chunking"])) if one.get("chunking") else "",
            str(one["created_at"])[:19],
            str(one.get("live_at") or "")[:19],
        )
    return table


def use_table(use: Mapping[str, Any]) -> Table:
    """What the documents take up, and how much they may."""
    quotas = use["quotas"]
    table = whole_table("", "used", "quota")
    for name in ("documents", "size_bytes", "passages"):
        quota = quotas.get(name)
        table.add_row(name.replace("_", " "), f"{use[name]:,}", f"{quota:,}" if quota else "")
    table.add_row("tokens", f"{use['tokens']:,}", "")
    cost = use.get("embedding_cost_usd")
    table.add_row("spent on vectors", "unknown" if cost is None else f"{cost:.4f} USD", "")
    for stage, count in sorted(use["stages"].items()):
        table.add_row(stage, f"{count:,}", "")
    return table
