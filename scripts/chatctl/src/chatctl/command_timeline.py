"""timeline: the way of one message through every service."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from chatctl.cli import app, console, errors, with_api
from chatctl.command_explain import newest
from chatctl.gateway_api import GatewayApi
from chatctl.overview import whole_table


@app.command()
def timeline(
    message_id: Annotated[
        str, typer.Argument(help="Which message; default: the newest customer's.")
    ] = "",
    conversation: Annotated[str, typer.Option(help="Its conversation; default: the newest.")] = "",
) -> None:
    """Show what became of a message, step by step, across all services."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        place = f"/api/tenants/{state['CHAT_TENANT_ID']}/conversations"
        chosen = conversation or await newest(api, place)
        message = message_id or await _newest_of_customer(api, f"{place}/{chosen}")
        found = await api.get(f"{place}/{chosen}/messages/{message}/timeline")
        print_timeline(found)

    with_api(work)


def print_timeline(found: dict[str, Any]) -> None:
    """A line a step, with the time since the first."""
    table = whole_table("after", "service", "what", "in words", "ms")
    began = datetime.fromisoformat(found["items"][0]["at"]) if found["items"] else None
    for step in found["items"]:
        after = datetime.fromisoformat(step["at"]) - began if began else None
        took = step["milliseconds"]
        table.add_row(
            "" if after is None else f"{after.total_seconds():.3f} s",
            step["service"],
            step["what"],
            escape(step["detail"]),
            "" if took is None else f"{took:.1f}",
        )
    console.print(table)
    for trace_id in found["trace_ids"]:
        console.print(f"[dim]trace {trace_id}[/dim]")
    if found["missing"]:
        errors.print(f"[yellow]could not be asked: {', '.join(found['missing'])}[/yellow]")


async def _newest_of_customer(api: GatewayApi, place: str) -> str:
    page = await api.get(f"{place}/messages?limit=200")
    while page["items"] and page["more"]:
        page = await api.get(f"{place}/messages?limit=200&after_seq={page['items'][-1]['seq']}")
    said = [one for one in page["items"] if one["role"] == "customer"]
    if not said:
        errors.print("No customer wrote in this conversation.")
        raise typer.Exit(1)
    return str(said[-1]["recorded_message_id"])
