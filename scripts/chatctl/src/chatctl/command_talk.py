"""chat, events."""

from __future__ import annotations

import json
from typing import Annotated

import aio_pika
import typer

from chatctl.answers import print_answer
from chatctl.cli import app, console, guarded, running_state
from chatctl.widget_client import WidgetClient
from contracts.definitions import PUBLIC_EXCHANGE


@app.command()
def chat(
    text: Annotated[str, typer.Argument(help="What the visitor writes.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the final message only.")] = False,
) -> None:
    """Write to the demo shop as a visitor of its web page; the answer streams in."""
    state = running_state()
    client = WidgetClient(state["CHAT_URL"], state["CHAT_WIDGET_KEY"])
    console.quiet = as_json
    message = guarded(print_answer(console, client, text))
    console.quiet = False
    if as_json:
        print(json.dumps(message, ensure_ascii=False))


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
