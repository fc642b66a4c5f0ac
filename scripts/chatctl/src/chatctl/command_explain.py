"""explain."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chatctl.cli import app, console, errors, with_api
from chatctl.gateway_api import GatewayApi
from chatctl.turn_view import print_turn


@app.command()
def explain(
    conversation_id: Annotated[
        str, typer.Argument(help="Which conversation; default: the newest.")
    ] = "",
    message: Annotated[str, typer.Option(help="Only the answer with this message id.")] = "",
    prompt: Annotated[bool, typer.Option("--prompt", help="Also print the whole prompt.")] = False,
    count: Annotated[int, typer.Option("-n", min=1, max=20, help="How many turns.")] = 1,
) -> None:
    """Show why the bot said what it said, or nothing: searches, passages, models, decision."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        place = f"/api/tenants/{state['CHAT_TENANT_ID']}/conversations"
        chosen = conversation_id or await newest(api, place)
        chosen_message = f"&message_id={message}" if message else ""
        found = await api.get(f"{place}/{chosen}/turns?limit={count}{chosen_message}")
        if not found["items"]:
            errors.print("The bot has had no turn in this conversation yet.")
            raise typer.Exit(1)
        for turn in found["items"]:
            print_turn(console, turn, with_prompt=prompt)

    with_api(work)


async def newest(api: GatewayApi, place: str) -> str:
    """The conversation in which something was said last."""
    items = (await api.get(f"{place}?limit=1"))["items"]
    if not items:
        errors.print('Nobody has written yet: try [bold]chatctl chat "Hello"[/bold].')
        raise typer.Exit(1)
    return str(items[0]["conversation_id"])
