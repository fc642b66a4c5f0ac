"""Named places where a test may kill, stall or fail this process.

`CHAT_FAILPOINTS="relay-published=kill,call-model=sleep:1.5|once,commit=raise|after:3"`.
Actions: `kill` (SIGKILL to itself), `raise` (FailpointHit), `sleep:<seconds>`.
Modifiers: `once` (only the first hit of this process), `after:<n>` (skip the first n hits).
Without the variable a failpoint costs one look at an empty mapping.
"""

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import Final

VARIABLE: Final = "CHAT_FAILPOINTS"


class FailpointHit(Exception):
    """The error that an armed `raise` failpoint raises."""


class InvalidFailpoints(ValueError):
    """The text of the variable cannot be read."""


@dataclass(slots=True)
class _Armed:
    action: str
    seconds: float = 0.0
    skip: int = 0
    once: bool = False
    hits: int = 0

    def fires(self) -> bool:
        self.hits += 1
        if self.hits <= self.skip:
            return False
        return not (self.once and self.hits > self.skip + 1)


def failpoint(name: str) -> None:
    """Do what is armed here; a sleep stops the whole process, as a stall would."""
    seconds = _hit(name) if _armed else 0.0
    if seconds:
        time.sleep(seconds)


async def afailpoint(name: str) -> None:
    """As `failpoint`, but a sleep lets the other tasks of this process go on."""
    seconds = _hit(name) if _armed else 0.0
    if seconds:
        await asyncio.sleep(seconds)


def arm(text: str) -> None:
    """Replace what is armed by what the text says; InvalidFailpoints if it cannot be read."""
    armed = dict(_parse(entry) for entry in text.replace(";", ",").split(",") if entry.strip())
    _armed.clear()
    _armed.update(armed)


def disarm() -> None:
    """Forget every armed failpoint."""
    _armed.clear()


def _hit(name: str) -> float:
    armed = _armed.get(name)
    if armed is None or not armed.fires():
        return 0.0
    sys.stderr.write(f"failpoint {name}: {armed.action}\n")
    sys.stderr.flush()
    if armed.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if armed.action == "raise":
        raise FailpointHit(name)
    return armed.seconds


def _parse(entry: str) -> tuple[str, _Armed]:
    name, equals, wish = entry.strip().partition("=")
    action, *modifiers = (part.strip() for part in wish.split("|"))
    verb, _, amount = action.partition(":")
    if not name or not equals or verb not in {"kill", "raise", "sleep"}:
        raise InvalidFailpoints(f"{VARIABLE}: cannot read {entry!r}")
    armed = _Armed(verb)
    try:
        armed.seconds = float(amount) if verb == "sleep" else 0.0
        for modifier in modifiers:
            word, _, count = modifier.partition(":")
            if word == "once":
                armed.once = True
            elif word == "after":
                armed.skip = int(count)
            else:
                raise InvalidFailpoints(f"{VARIABLE}: unknown modifier {modifier!r}")
    except ValueError as error:
        raise InvalidFailpoints(f"{VARIABLE}: cannot read {entry!r}") from error
    return name, armed


_armed: Final[dict[str, _Armed]] = {}
arm(os.environ.get(VARIABLE, ""))
