"""Conversations as a person at a terminal reads them: a list, and one whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chatctl.overview import whole_table

_STATUS_COLORS = {
    "active": "green", "waiting": "cyan", "assigned_human": "yellow", "snoozed": "blue",
    "resolved": "dim", "closed": "dim",
}  # fmt: skip
_ROLE_COLORS = {"customer": "bold", "bot": "green", "agent": "yellow", "system": "dim"}
_TICKS = {"planned": "…", "attempting": "…", "accepted": "✓", "delivered": "✓✓", "read": "✓✓ read"}


def inbox_table(conversations: list[dict[str, Any]], now: datetime) -> Table:
    """Return a list of conversations, one a line."""
    table = whole_table("id", "customer", "channel", "status", "who", "waits", "last", "tags")
    for one in conversations:
        table.add_row(
            one["conversation_id"][:8],
            escape(customer_of(one)),
            one["channel_type"],
            status_of(one),
            escape(who_of(one)),
            _waits(one, now),
            escape(_begin(one)),
            escape(", ".join(one.get("tags") or [])),
        )
    return table


def print_conversation(
    console: Console,
    conversation: dict[str, Any],
    messages: list[dict[str, Any]],
    notes: list[dict[str, Any]],
) -> None:
    """Print who it is with, what was said, and notes where they were written."""
    console.print(
        f"[bold]{escape(customer_of(conversation))}[/bold]  {status_of(conversation)}  "
        f"{escape(who_of(conversation))}  [dim]{conversation['conversation_id']}[/dim]"
    )
    for line in _facts(conversation):
        console.print(f"[dim]{escape(line)}[/dim]")
    brief = conversation.get("brief")
    if brief:
        console.print(f"[bold]Brief[/bold] {escape(brief['summary'])}")
        console.print(f"      wish: {escape(brief['wish'])}")
    console.print()
    first = messages[0]["seq"] if messages else 0
    pending = [note for note in notes if note["after_seq"] >= first - 1]
    for message in messages:
        pending = _print_notes(console, pending, before=message["seq"])
        _print_message(console, message)
    _print_notes(console, pending, before=None)


def customer_of(conversation: dict[str, Any]) -> str:
    """Return the customer's name, or what the channel knows them by."""
    contact = conversation["contact"]
    return str(contact.get("display_name") or contact.get("phone") or contact["external_id"])


def status_of(conversation: dict[str, Any]) -> str:
    """Return the status in its color, with the end of a sleep."""
    status = conversation["status"]
    until = conversation.get("snoozed_until")
    text = f"{status} until {_clock(until)}" if status == "snoozed" and until else status
    return f"[{_STATUS_COLORS[status]}]{text}[/{_STATUS_COLORS[status]}]"


def who_of(conversation: dict[str, Any]) -> str:
    """Return who answers: the bot, a person by name, or that nobody took it yet."""
    if conversation["owner_kind"] != "human":
        return str(conversation["owner_kind"])
    return str(conversation.get("assignee") or "nobody yet")


def length_of(seconds: float) -> str:
    """Return a length of time as people say it."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(max(0, seconds))} s"


def _facts(conversation: dict[str, Any]) -> list[str]:
    facts = {
        "tags": ", ".join(conversation.get("tags") or []),
        "language": conversation.get("language"),
        "rating": "★" * (conversation.get("rating") or 0),
        "metadata": conversation.get("metadata"),
    }
    return [f"{name}: {value}" for name, value in facts.items() if value]


def _waits(conversation: dict[str, Any], now: datetime) -> str:
    since = conversation.get("waiting_since")
    if not since:
        return ""
    seconds = (now - datetime.fromisoformat(since)).total_seconds()
    color = "red" if seconds >= 900 else "yellow"
    return f"[{color}]{length_of(seconds)}[/{color}]"


def _begin(conversation: dict[str, Any]) -> str:
    text = " ".join(str(conversation.get("last_text") or "").split())
    short = text if len(text) <= 60 else text[:59] + "…"
    role = conversation.get("last_role")
    return short if role in (None, "customer") else f"{role}: {short}"


def _print_message(console: Console, message: dict[str, Any]) -> None:
    role, color = message["role"], _ROLE_COLORS[message["role"]]
    who = message.get("author") or role
    delivery = message.get("delivery") or "none"
    tick = _TICKS.get(delivery, "" if delivery == "none" else f"[red]{delivery}[/red]")
    head = (
        f"[{color}]{escape(str(who))}[/{color}] [dim]{_clock(message['created_at'])}[/dim] {tick}"
    )
    console.print(f"{message['seq']:>4}  {head}")
    text = message["text"] or f"({(message.get('content') or {}).get('kind', 'nothing')})"
    for line in text.splitlines():
        console.print(f"      {line}", markup=False, highlight=False)


def _print_notes(
    console: Console, notes: list[dict[str, Any]], *, before: int | None
) -> list[dict[str, Any]]:
    """Print those that were written before a message; return the others."""
    due = [note for note in notes if before is None or note["after_seq"] < before]
    for note in due:
        text = escape(" ".join(note["text"].split()))
        console.print(f"      [magenta]note by {escape(note['author'])}: {text}[/magenta]")
    return [note for note in notes if note not in due]


def _clock(text: str) -> str:
    at = datetime.fromisoformat(text)
    local = at.astimezone()
    same_day = local.date() == datetime.now(UTC).astimezone().date()
    return local.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M")
