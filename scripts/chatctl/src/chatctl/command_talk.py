"""chat, events."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import aio_pika
import typer

from chatctl.answers import print_answer
from chatctl.cli import app, console, guarded, running_state, with_api
from chatctl.command_explain import newest
from chatctl.gateway_api import GatewayApi
from chatctl.settings_given import settings_given
from chatctl.tried_talk import try_talk
from chatctl.turn_view import print_turn
from chatctl.widget_client import WidgetClient
from contracts.definitions import PUBLIC_EXCHANGE


@app.command()
def chat(
    text: Annotated[
        str, typer.Argument(help="What the visitor writes; without it, with --try: a talk.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the final message only.")] = False,
    why: Annotated[bool, typer.Option("--why", help="Show all that led to the answer.")] = False,
    prompt: Annotated[bool, typer.Option("--prompt", help="And the whole prompt.")] = False,
    tried: Annotated[
        bool, typer.Option("--try", help="Without a customer: nothing is kept or sent.")
    ] = False,
    given: Annotated[
        list[str],
        typer.Option("--set", metavar="NAME=VALUE", help="With --try: a setting that differs."),
    ] = [],  # noqa: B006 - typer reads it, nobody changes it
    settings: Annotated[
        Path | None,
        typer.Option("--settings", help="With --try: a JSON object of settings.", exists=True),
    ] = None,
    tools: Annotated[
        str,
        typer.Option(help="With --try: `real` calls the tenant's tools, `recorded` shows it."),
    ] = "recorded",
) -> None:
    """Write to the demo shop as a visitor of its web page; the answer streams in.

    With --try the tenant's bot answers without a customer, with other settings if you like.
    """
    why = why or prompt
    if tried or given or settings:
        chosen = settings_given(given, settings)
        try_talk(text, chosen, tools, why=why, prompt=prompt, as_json=as_json)
        return
    if not text:
        raise typer.BadParameter("write something, or talk with --try")
    state = running_state()
    client = WidgetClient(state["CHAT_URL"], state["CHAT_WIDGET_KEY"])
    console.quiet = as_json
    message = guarded(print_answer(console, client, text))
    console.quiet = False
    if as_json:
        print(json.dumps(message, ensure_ascii=False))
    if why and message.get("message_id"):
        with_api(partial(_print_turn_of, message_id=message["message_id"], prompt=prompt))


async def _print_turn_of(
    api: GatewayApi, state: dict[str, Any], *, message_id: str, prompt: bool
) -> None:
    """Show the turn that wrote an answer; the demo shop's visitor wrote last of all."""
    place = f"/api/tenants/{state['CHAT_TENANT_ID']}/conversations"
    chosen = await newest(api, place)
    found = await api.get(f"{place}/{chosen}/turns?message_id={message_id}")
    for turn in found["items"]:
        print_turn(console, turn, with_prompt=prompt)


events = typer.Typer(no_args_is_help=True, help="The public events.")
app.add_typer(events, name="events")


@events.command("tail")
def tail(
    pattern: Annotated[str, typer.Argument(help="Routing keys, as a topic pattern.")] = "#",
    count: Annotated[int, typer.Option("-n", help="Stop after so many; 0 goes on.")] = 0,
) -> None:
    """Print public events as they happen."""
    guarded(_tail(running_state()["CHAT_EVENTS_AMQP_URL"], pattern, count))


async def _tail(url: str, pattern: str, count: int) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True, auto_delete=True, durable=False)
        await queue.bind(await channel.get_exchange(PUBLIC_EXCHANGE), pattern)
        printed = 0
        async with queue.iterator() as messages:
            async for message in messages:
                async with message.process():
                    console.print(f"[dim]{message.routing_key}[/dim]")
                    console.print_json(message.body.decode())
                printed += 1
                if count and printed >= count:
                    return


@events.command("types")
def types() -> None:
    """Print which public events there are, and from which message each comes."""
    from contracts import all_messages

    for message in all_messages():
        public = getattr(message, "public", None)
        if public:
            console.print(f"{public:32} [dim]{message.address}[/dim]")
