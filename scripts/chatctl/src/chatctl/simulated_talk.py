"""A person plays a customer in the terminal: writes, taps by number, sees marks and typing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from chatctl.simulated_person import Person
from chatctl.simulated_view import event_line, send_lines
from simulators.meta import Customer, MetaClient, Send, SimulatorRefused

HELP = """\
[bold]text[/bold]                  write it
[bold]2[/bold]                     tap choice 2 of the last message
[bold]/file PATH \\[CAPTION][/bold]  send a picture, video, sound or document
[bold]/voice PATH[/bold]           send a voice note
[bold]/react 👍[/bold]             react to the last message; /react alone takes it back
[bold]/reply TEXT[/bold]           answer the last message
[bold]/edit TEXT[/bold]            change what you wrote last
[bold]/revoke[/bold]               delete what you wrote last
[bold]/location LAT,LON[/bold]     send a place
[bold]/kind NAME \\[k=v …][/bold]    anything else that Meta knows
[bold]/fault CODE[/bold]           let the business's next send fail with Meta's error CODE
[bold]/later HOURS[/bold]          let simulated time pass
[bold]/quit[/bold]                 leave
"""
WATCH_SECONDS = 20.0

Command = Callable[[str], Awaitable[None]]


class Talk:
    """One person's conversation until they leave."""

    def __init__(self, console: Console, meta: MetaClient, person: Person) -> None:
        self._console, self._meta, self._person = console, meta, person
        self._customer: Customer = person.of(meta)
        self._last_send: Send | None = None
        self._last_own = ""
        self._commands: dict[str, Command] = {
            "file": self._file,
            "voice": self._voice,
            "react": self._react,
            "reply": self._reply,
            "edit": self._edit,
            "revoke": self._revoke,
            "location": self._location,
            "kind": self._kind,
            "fault": self._fault,
            "later": self._later,
            "help": self._help,
        }

    async def run(self, read_line: Callable[[], str] = sys.stdin.readline) -> None:
        """Read lines until `/quit` or the end of input; happenings are printed in between."""
        key = escape(self._person.key)
        self._console.print(f"You are {key} on {self._person.platform}; [bold]/help[/bold] helps")
        _, start = await self._meta.events(after=-1)
        if earlier := await self._meta.sends(recipient=self._person.key):
            self._last_send = earlier[-1]
            self._show(earlier[-1])
        watching = asyncio.create_task(self.watch(start))
        try:
            while line := await asyncio.to_thread(read_line):
                if line.strip() in ("/quit", "/exit", "/q"):
                    break
                await self.take(line.strip())
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def watch(self, after: int) -> None:
        """Print what the business does, as it happens."""
        while True:
            events, after = await self._meta.events(
                after=after, customer=self._person.key, wait_seconds=WATCH_SECONDS
            )
            for event in events:
                if event["what"] == "send":
                    self._last_send = Send(**event["send"])
                    self._show(self._last_send)
                elif line := event_line(event):
                    self._console.print(f"    {line}")

    async def take(self, line: str) -> None:
        """Do what one line says; what does not work is said in a line."""
        if not line:
            return
        try:
            await self._take(line)
        except (SimulatorRefused, LookupError, ValueError, OSError, TypeError) as error:
            self._console.print(f"[red]✗[/red] {escape(str(error))}")

    async def _take(self, line: str) -> None:
        if line.startswith("/"):
            name, _, rest = line[1:].partition(" ")
            if name not in self._commands:
                raise LookupError(f"/{name} is no command; /help lists them")
            await self._commands[name](rest.strip())
        elif line.isdigit() and self._last_send is not None and self._last_send.choices:
            self._last_own = await self._customer.press(self._last_send, int(line))
        else:
            self._last_own = await self._customer.say(line)

    def _show(self, send: Send) -> None:
        first, *others = send_lines(send)
        self._console.print(f"[green]{send.platform}[/green] ← {first}", soft_wrap=True)
        for line in others:
            self._console.print(f"  {line}", soft_wrap=True)

    def _last(self) -> Send:
        if self._last_send is None:
            raise LookupError("the business has sent nothing yet")
        return self._last_send

    async def _file(self, rest: str) -> None:
        path, _, caption = rest.partition(" ")
        self._last_own = await self._customer.file(local_file(path), caption=caption)

    async def _voice(self, rest: str) -> None:
        self._last_own = await self._customer.voice(local_file(rest))

    async def _react(self, rest: str) -> None:
        await self._customer.react(self._last().message_id, rest)

    async def _reply(self, rest: str) -> None:
        self._last_own = await self._customer.say(rest, reply_to=self._last().message_id)

    async def _edit(self, rest: str) -> None:
        await self._customer.edit(self._last_own, rest)

    async def _revoke(self, _: str) -> None:
        await self._customer.revoke(self._last_own)

    async def _location(self, rest: str) -> None:
        latitude, longitude = coordinates(rest)
        self._last_own = await self._customer.send(
            "location", latitude=latitude, longitude=longitude
        )

    async def _kind(self, rest: str) -> None:
        name, *pairs = rest.split()
        self._last_own = await self._customer.send(name, **fields_of(pairs))

    async def _fault(self, rest: str) -> None:
        await self._meta.fault("error_code", code=int(rest), recipient=self._person.key)
        self._console.print(f"[dim]the next send to you fails with {int(rest)}[/dim]")

    async def _later(self, rest: str) -> None:
        await self._meta.advance(float(rest) * 3600)

    async def _help(self, _: str) -> None:
        self._console.print(HELP)


def local_file(name: str) -> Path:
    """A file of the person at the keyboard; `~` is their home."""
    return Path(name).expanduser()


def coordinates(text: str) -> tuple[float, float]:
    """`45.8,15.98` as latitude and longitude; ValueError otherwise."""
    latitude, comma, longitude = text.partition(",")
    if not comma:
        raise ValueError("a location is LATITUDE,LONGITUDE")
    return float(latitude), float(longitude)


def fields_of(pairs: list[str]) -> dict[str, str]:
    """`name=value` pairs; ValueError for anything else."""
    fields = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"{pair!r} is not NAME=VALUE")
        fields[name] = value
    return fields
