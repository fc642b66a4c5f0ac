"""simulate: be a customer of WhatsApp or Messenger."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
from rich.markup import escape

from chatctl.cli import app, console, errors, guarded, running_state
from chatctl.command_talk import chat
from chatctl.run_folder import RunFolder
from chatctl.simulated_person import LAST, RECEIVERS, Person, person_of
from chatctl.simulated_talk import Talk, coordinates, fields_of
from chatctl.simulated_view import event_line, send_lines
from simulators.meta import Customer, MetaClient, Send

REPLY_SECONDS = 30.0
SPOKEN_KINDS = frozenset(
    (
        *("text", "image", "audio", "voice", "video", "document", "file", "attachments", "sticker"),
        *("location", "fallback", "contacts", "order", "postback", "quick_reply"),
        *("button", "button_reply", "list_reply", "flow_reply"),
    )
)
"""What a customer says; of everything else the business takes note without a word."""


@dataclass(frozen=True)
class Wish:
    """What the customer does, once."""

    text: str = ""
    file: Path | None = None
    voice: Path | None = None
    choice: str = ""
    reaction: str | None = None
    to: str = ""
    edit: str = ""
    revoke: str = ""
    location: str = ""
    kind: str = ""
    fields: list[str] = field(default_factory=list)

    @property
    def needs_history(self) -> bool:
        """Whether it is about something that this customer has already seen or said."""
        return bool(self.choice or self.reaction is not None or self.to or self.edit or self.revoke)

    @property
    def is_answered(self) -> bool:
        """Whether a business would reply."""
        if self.reaction is not None or self.edit or self.revoke:
            return False
        return not self.kind or self.kind in SPOKEN_KINDS

    @property
    def empty(self) -> bool:
        """Whether nothing is wished."""
        return self == Wish()

    def described(self) -> str:
        """The wish in a line."""
        given = asdict(self)
        given["fields"] = " ".join(self.fields)
        named = [f"{key} {value}" for key, value in given.items() if value and key != "text"]
        if self.reaction == "":
            named.append("reaction taken back")
        return " · ".join([*([self.text] if self.text else []), *named])


@app.command()
def simulate(
    platform: Annotated[str, typer.Argument(help="whatsapp, messenger or webchat")],
    text: Annotated[str, typer.Argument(help="What the customer writes; none: a chat.")] = "",
    customer: Annotated[str, typer.Option(help="Who writes; empty for somebody new.")] = "",
    known_as: Annotated[str, typer.Option("--as", help="phone, or bsuid: hides it.")] = "phone",
    name: Annotated[str, typer.Option(help="The customer's profile name.")] = "",
    file: Annotated[Path | None, typer.Option(help="Send this file; the text explains it.")] = None,
    voice: Annotated[Path | None, typer.Option(help="Send this voice note.")] = None,
    choice: Annotated[
        str, typer.Option("--button", "--tap", help="Tap a choice: number, title or id.")
    ] = "",
    reaction: Annotated[str | None, typer.Option(help="React; empty takes it back.")] = None,
    to: Annotated[str, typer.Option(help="The message meant; else the last one.")] = "",
    edit: Annotated[str, typer.Option(help="Change this message of yours to the text.")] = "",
    revoke: Annotated[str, typer.Option(help="Delete this message of yours.")] = "",
    location: Annotated[str, typer.Option(help="Send a place: LATITUDE,LONGITUDE.")] = "",
    kind: Annotated[str, typer.Option(help="Any kind that Meta knows, with --field.")] = "",
    fields: Annotated[list[str] | None, typer.Option("--field", help="NAME=VALUE")] = None,
    wait: Annotated[
        float | None, typer.Option(help="Seconds to wait for the reply; 30, if there is one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    simulator: Annotated[str, typer.Option(help="Another simulator than ours, by URL.")] = "",
    receiver: Annotated[str, typer.Option(help="Phone number id or page id to write to.")] = "",
) -> None:
    """Write as a customer of WhatsApp or Messenger and see the reply; without text: chat on."""
    if platform == "webchat" and text:
        chat(text, as_json)
        return
    if platform not in RECEIVERS or known_as not in ("phone", "bsuid"):
        errors.print("simulate whatsapp or messenger, --as phone or bsuid, or webchat with a text")
        raise typer.Exit(2)
    wish = Wish(text, file, voice, choice, reaction, to, edit, revoke, location, kind, fields or [])
    person = person_of(
        platform,
        {} if simulator and receiver else running_state(),
        customer=customer,
        known_as=known_as,
        name=name,
        again=wish.needs_history,
        simulator=simulator,
        receiver=receiver,
    )
    if not simulator:
        _remember(person)
    if wish.empty:
        guarded(_talk(person))
        return
    if wait is None:
        wait = REPLY_SECONDS if wish.is_answered else 0.0
    _once(person, wish, wait, as_json)


def _once(person: Person, wish: Wish, wait: float, as_json: bool) -> None:
    console.quiet = as_json
    said = guarded(_say(person, wish, wait))
    console.quiet = False
    if as_json:
        print(json.dumps(said, ensure_ascii=False))
    if wait and not said["replies"]:
        errors.print(f"No reply within {wait:.0f} s: chatctl logs orchestrator")
        raise typer.Exit(1)


async def _talk(person: Person) -> None:
    async with MetaClient(person.simulator) as meta:
        await Talk(console, meta, person).run(sys.stdin.readline)


async def _say(person: Person, wish: Wish, wait: float) -> dict[str, Any]:
    """Do it once, and print what the business does until it has answered."""
    said: dict[str, Any] = {"platform": person.platform, "customer": person.key, "replies": []}
    try:
        async with MetaClient(person.simulator) as meta:
            _, after = await meta.events(after=-1)
            console.print(
                f"[bold]{person.platform}[/bold] → {escape(wish.described())}  "
                f"[dim]({person.key})[/dim]"
            )
            said["message_id"] = await _do(meta, person.of(meta), wish)
            said["replies"], said["events"] = await _heard(meta, person, after, wait)
    except (aiohttp.ClientError, LookupError, ValueError) as error:
        raise RuntimeError(str(error) or "the simulator does not answer") from error
    return said


async def _do(meta: MetaClient, customer: Customer, wish: Wish) -> str:
    """The wish's message, as an id."""
    if wish.file is not None:
        return await customer.file(wish.file, caption=wish.text)
    if wish.voice is not None:
        return await customer.voice(wish.voice)
    if wish.choice:
        return await customer.press(await _seen(meta, customer, wish.to), wish.choice)
    if wish.reaction is not None:
        meant = wish.to or (await _seen(meta, customer)).message_id
        return await customer.react(meant, wish.reaction)
    if wish.edit:
        return await customer.edit(wish.edit, wish.text)
    if wish.revoke:
        return await customer.revoke(wish.revoke)
    if wish.location:
        latitude, longitude = coordinates(wish.location)
        return await customer.send("location", latitude=latitude, longitude=longitude)
    if wish.kind:
        return await customer.send(wish.kind, reply_to=wish.to, **fields_of(wish.fields))
    return await customer.say(wish.text, reply_to=wish.to)


async def _seen(meta: MetaClient, customer: Customer, message_id: str = "") -> Send:
    """The last message that this customer got, or the one that is meant."""
    found = await meta.sends(recipient=customer.key)
    for send in reversed(found):
        if message_id in ("", send.message_id):
            return send
    raise LookupError(f"{customer.key} has got no message yet: name another with --customer")


async def _heard(
    meta: MetaClient, person: Person, after: int, wait: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Replies and everything else, until the first reply or the end of the wait."""
    replies: list[dict[str, Any]] = []
    happened: list[dict[str, Any]] = []
    while wait and not replies:
        events, after = await meta.events(after=after, customer=person.key, wait_seconds=wait)
        if not events:
            break
        for event in events:
            if event["what"] == "send":
                replies.append(event["send"])
                first, *others = send_lines(Send(**event["send"]))
                console.print(f"[green]{person.platform}[/green] ← {first}")
                for line in others:
                    console.print(line)
            elif event["what"] != "inbound":
                happened.append(event)
                if line := event_line(event):
                    console.print(line)
    return replies, happened


def _remember(person: Person) -> None:
    folder = RunFolder.default()
    state = folder.read(folder.state)
    key = LAST.format(platform=person.platform.upper())
    if state.get(key) != person.key:
        folder.write(folder.state, {**state, key: person.key})
