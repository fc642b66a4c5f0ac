"""Printing an answer as it streams, and then where it comes from."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape

from chatctl.widget_client import WidgetClient


async def print_answer(console: Console, client: WidgetClient, question: str) -> dict[str, Any]:
    """Ask, print the deltas as they come and the sources at the end; return the message."""
    console.print(f"\n[bold]{escape(question)}[/bold]")
    shown = ""
    message: dict[str, Any] = {}
    async for said in client.ask(question):
        if said.kind == "delta":
            text = str(said.data.get("text", ""))
            console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
            shown += text
        elif said.kind == "message" and said.data.get("role") != "customer":
            message = said.data
    text = str(message.get("text", ""))
    if shown.strip() != text.strip():
        console.print(("\n" if shown else "") + text, markup=False, highlight=False)
    else:
        console.print()
    for citation in message.get("citations") or []:
        console.print(f"[dim]{escape(citation_line(citation))}[/dim]")
    return message


def citation_line(citation: dict[str, Any]) -> str:
    """Return one source in a line: number, document, place, beginning of the passage."""
    page = f"page {citation['page']}" if citation.get("page") else None
    parts = dict.fromkeys((citation.get("title"), citation.get("heading"), page))
    place = ", ".join(str(part) for part in parts if part)
    quote = " ".join(str(citation.get("quote") or "").split())
    short = quote if len(quote) <= 110 else quote[:107] + "…"
    return f"[{citation.get('number')}] {place}" + (f": “{short}”" if short else "")
