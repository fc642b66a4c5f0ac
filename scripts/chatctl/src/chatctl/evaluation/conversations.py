"""Conversations with what must be true of the bot's answers: reading them, and judging. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

FILE_NAME = "conversations.jsonl"
HANDED_OVER = ("handoff", "low_confidence", "keyword", "budget", "error")

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8_192)]
Texts = Annotated[list[Text], Field(max_length=50)]


class NotASet(ValueError):
    """The file is no set of conversations; the sentence names line and reason."""


class Turn(BaseModel):
    """What the customer says, and what must be true of the answer."""

    model_config = ConfigDict(extra="forbid")

    customer: Text
    must_say: Texts = []
    must_not_say: Texts = []
    must_cite: Texts | bool = False
    """Titles of which at least one is cited; true: any document, false: nothing is asked."""
    must_not_cite: bool = False
    must_hand_over: bool | None = None
    must_call: Texts = []
    must_not_call: Texts = []
    decision: Text | None = None
    confidence_at_least: Annotated[float, Field(ge=0, le=1)] | None = None
    usd_at_most: Annotated[float, Field(ge=0)] | None = None
    milliseconds_at_most: Annotated[int, Field(ge=0)] | None = None


class Conversation(BaseModel):
    """A talk: its turns in order; the bot's own answers are its history."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    language: Annotated[str, Field(max_length=16)] | None = None
    turns: Annotated[list[Turn], Field(min_length=1, max_length=50)]


@dataclass(frozen=True)
class Check:
    """One thing that must be true, and whether it is."""

    conversation: str
    turn: int
    name: str
    held: bool
    detail: str

    @property
    def identity(self) -> str:
        """The same check in another run."""
        return f"{self.conversation} · {self.turn} · {self.name}"

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """From JSON."""
        return cls(**{name: told[name] for name in cls.__dataclass_fields__})


def set_at(place: Path) -> Path | None:
    """The file of a set, given itself or its folder; None where the place holds something else."""
    if place.is_file():
        return place
    inside = place / FILE_NAME
    return inside if inside.is_file() else None


def read_set(text: str) -> list[Conversation]:
    """Read a set: one JSON object a line, blank lines and lines that begin with # left out."""
    found: list[Conversation] = []
    names: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            one = Conversation.model_validate(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise NotASet(f"line {number}: {_why(error)}") from error
        if one.name in names:
            raise NotASet(f"line {number}: a second conversation is named {one.name!r}")
        names.add(one.name)
        found.append(one)
    if not found:
        raise NotASet("there is no conversation in it")
    return found


def checks_of(
    conversation: Conversation, number: int, turn: Turn, answer: Mapping[str, Any]
) -> list[Check]:
    """Judge an answer (`TriedAnswer` as the API gives it) by all that is asked of it."""
    said = _plain(answer["text"])
    titles = [cited["title"] for cited in answer["citations"]]
    called = answer["tool_calls"]
    handed = str(answer["decision"]).startswith(HANDED_OVER)
    wanted: list[tuple[str, bool, str]] = [
        *((f"says {one!r}", _plain(one) in said, answer["text"]) for one in turn.must_say),
        *(
            (f"does not say {one!r}", _plain(one) not in said, answer["text"])
            for one in turn.must_not_say
        ),
        *((f"calls {one}", one in called, _listed(called)) for one in turn.must_call),
        *(
            (f"does not call {one}", one not in called, _listed(called))
            for one in turn.must_not_call
        ),
    ]
    if turn.must_cite is True:
        wanted.append(("cites a document", bool(titles), _listed(titles)))
    elif turn.must_cite:
        names = " or ".join(turn.must_cite)
        wanted.append((f"cites {names}", _any_of(turn.must_cite, titles), _listed(titles)))
    if turn.must_not_cite:
        wanted.append(("cites nothing", not titles, _listed(titles)))
    if turn.must_hand_over is not None:
        name = "hands over" if turn.must_hand_over else "does not hand over"
        wanted.append((name, handed is turn.must_hand_over, str(answer["decision"])))
    if turn.decision is not None:
        told = str(answer["decision"])
        wanted.append((f"decides {turn.decision}", told == turn.decision, told))
    wanted += _measured(turn, answer)
    return [Check(conversation.name, number, *one) for one in wanted]


def _measured(turn: Turn, answer: Mapping[str, Any]) -> list[tuple[str, bool, str]]:
    found: list[tuple[str, bool, str]] = []
    limits: Sequence[tuple[str, float | None, Any, Literal[1, -1]]] = (
        ("confidence at least", turn.confidence_at_least, answer["confidence"], 1),
        ("US dollars at most", turn.usd_at_most, answer["cost_usd"], -1),
        ("milliseconds at most", turn.milliseconds_at_most, answer["milliseconds"], -1),
    )
    for name, limit, value, sign in limits:
        if limit is not None:
            held = value is not None and sign * value >= sign * limit
            found.append((f"{name} {limit:g}", held, "unknown" if value is None else f"{value:g}"))
    return found


def worse_than_before(now: Sequence[Check], before: Sequence[Check]) -> list[Check]:
    """Checks that fail and held before, or are new and fail."""
    held = {check.identity: check.held for check in before}
    return [check for check in now if not check.held and held.get(check.identity, True)]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _any_of(wanted: Sequence[str], titles: Sequence[str]) -> bool:
    plain = [_plain(title) for title in titles]
    return any(_plain(one) in title for one in wanted for title in plain)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        wrong = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in wrong["loc"])
        return f"{place}: {wrong['msg']}"
    return str(error) or type(error).__name__
