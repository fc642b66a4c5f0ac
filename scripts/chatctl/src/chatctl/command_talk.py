"""chat, simulate, events."""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Any

import aio_pika
import aiohttp
import typer

from chatctl.answers import print_answer
from chatctl.cli import app, console, errors, guarded, running_state
from chatctl.widget_client import WidgetClient
from contracts.definitions import PUBLIC_EXCHANGE

REPLY_SECONDS = 30.0


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


@app.command()
def simulate(
    platform: Annotated[str, typer.Argument(help="whatsapp, messenger or webchat")],
    text: Annotated[str, typer.Argument(help="What the customer writes.")],
    customer: Annotated[str, typer.Option(help="Who writes; empty for somebody new.")] = "",
) -> None:
    """Write as a customer of WhatsApp or Messenger and show the reply that they would get."""
    if platform == "webchat":
        chat(text)
        return
    if platform not in {"whatsapp", "messenger"}:
        errors.print(f"{platform!r} is none of whatsapp, messenger, webchat")
        raise typer.Exit(2)
    replies = guarded(_simulate(running_state(), platform, text, customer))
    for reply in replies:
        console.print(f"[green]{platform}[/green] ← {reply}")
    if not replies:
        errors.print(f"No reply within {REPLY_SECONDS:.0f} s: chatctl logs orchestrator")
        raise typer.Exit(1)


async def _simulate(state: dict[str, Any], platform: str, text: str, customer: str) -> list[str]:
    """Let Meta's stand-in say a webhook, and wait for what is sent to that customer."""
    simulator = state["CHAT_META_GRAPH_URL"]
    names = {"whatsapp": "CHAT_WHATSAPP_PHONE_NUMBER_ID", "messenger": "CHAT_MESSENGER_PAGE_ID"}
    customer = customer or f"3859{secrets.randbelow(10**8):08d}"
    body = {
        "platform": platform, "receiver": state[names[platform]], "customer": customer,
        "text": text,
    }  # fmt: skip
    async with aiohttp.ClientSession() as http:
        before = (await _json(http, "GET", f"{simulator}/_sim/sends?recipient={customer}"))["next"]
        console.print(f"[bold]{platform}[/bold] → {text}  [dim]({customer})[/dim]")
        await _json(http, "POST", f"{simulator}/_sim/inbound", body)
        query = f"after={before}&recipient={customer}&wait_seconds={REPLY_SECONDS}"
        found = await _json(http, "GET", f"{simulator}/_sim/sends?{query}")
    return [str(send.get("text") or send) for send in found["sends"]]


async def _json(
    http: aiohttp.ClientSession, method: str, url: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    async with http.request(method, url, json=body) as answer:
        said: dict[str, Any] = await answer.json(content_type=None)
        if answer.status >= 400:
            raise RuntimeError(f"the simulator says {answer.status}: {said.get('error')}")
        return said


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
