"""inbox: what people do with conversations, from a terminal."""

from __future__ import annotations

import getpass
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from chatctl.cli import app, console, with_api
from chatctl.gateway_api import GatewayApi
from chatctl.inbox_view import inbox_table, print_conversation, status_of, who_of

inbox = typer.Typer(
    no_args_is_help=True,
    help="Conversations as people work on them: list, show, take, reply, note, hand back.",
)
app.add_typer(inbox, name="inbox")

ONE = Annotated[
    str, typer.Argument(metavar="CONVERSATION", help="Its id, or the first characters of it.")
]
ME = Annotated[str, typer.Option("--as", help="Your name; default: of this machine's user.")]
_ID_CHARACTERS = 36
_LOOKED_AT = 1_000
_LENGTH = re.compile(r"(\d+)\s*(min|m|h|d)")
_UNITS = {"min": "minutes", "m": "minutes", "h": "hours", "d": "days"}


@inbox.command("list")
def list_conversations(
    query: Annotated[str, typer.Argument(help="Only with these words, or of this customer.")] = "",
    status: Annotated[str, typer.Option(help="active, assigned_human, snoozed …")] = "",
    mine: Annotated[bool, typer.Option("--mine", help="Only yours.")] = False,
    unassigned: Annotated[
        bool, typer.Option("--unassigned", help="Only those that nobody took yet.")
    ] = False,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Only where a customer waits, the longest first.")
    ] = False,
    tag: Annotated[str, typer.Option(help="Only with this tag.")] = "",
    count: Annotated[int, typer.Option("-n", min=1, max=200, help="How many.")] = 20,
    me: ME = "",
) -> None:
    """List conversations, the newest first."""
    wish = {
        "query": query,
        "status": status,
        "tag": tag,
        "assignee": "-" if unassigned else (_name(me) if mine else ""),
        "order": "longest_waiting" if waiting else "newest",
    }

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        given = {name: value for name, value in wish.items() if value}
        page = await api.get(_place(state), limit=count, **given)
        if not page["items"]:
            console.print("[dim]No such conversation.[/dim]")
            return
        console.print(inbox_table(page["items"], datetime.now(UTC)))
        if page["next_cursor"]:
            console.print("[dim]There are more: -n 200, or a narrower filter.[/dim]")

    with_api(work)


@inbox.command("show")
def show(
    conversation: ONE,
    count: Annotated[int, typer.Option("-n", min=1, max=200, help="Messages, from the end.")] = 30,
) -> None:
    """Show a conversation: facts, brief, messages, notes."""

    async def work(api: GatewayApi, place: str) -> None:
        found = await api.get(place)
        after = max(0, found["last_seq"] - count)
        messages = (await api.get(f"{place}/messages", after_seq=after, limit=count))["items"]
        notes = (await api.get(f"{place}/notes"))["items"]
        print_conversation(console, found, messages, notes)

    _with_one(conversation, work)


@inbox.command("take")
def take(conversation: ONE, me: ME = "") -> None:
    """Take a conversation, unless a colleague was faster: the bot is silent from then on."""
    who = _name(me)

    async def work(api: GatewayApi, place: str) -> None:
        seen = (await api.get(place))["ownership_number"]
        change = {"assignee": who, "by": who, "expected_ownership_number": seen}
        await _change(api, place, change)

    _with_one(conversation, work)


@inbox.command("reply")
def reply(
    conversation: ONE,
    text: Annotated[str, typer.Argument(help="Markdown; may be empty with --canned.")] = "",
    canned: Annotated[str, typer.Option(help="Shortcut of a canned reply.")] = "",
    me: ME = "",
) -> None:
    """Say something to the customer; whoever does has the conversation."""
    said: dict[str, Any] = {"text": text, "author": _name(me)}

    async def work(api: GatewayApi, place: str) -> None:
        if canned:
            said["canned_reply_id"] = await _canned_id(api, place, canned)
        message = await api.post(f"{place}/messages", said)
        console.print(f"{message['seq']:>4}  {message['text']}", markup=False, highlight=False)

    _with_one(conversation, work)


@inbox.command("note")
def note(conversation: ONE, text: str, me: ME = "") -> None:
    """Write a note for colleagues: never sent, never shown to the model."""
    written = {"text": text, "author": _name(me)}

    async def work(api: GatewayApi, place: str) -> None:
        await api.post(f"{place}/notes", written)
        console.print("Noted.")

    _with_one(conversation, work)


@inbox.command("hand-back")
def hand_back(conversation: ONE, me: ME = "") -> None:
    """Give a conversation back to the bot, which goes on with what nobody answered."""
    _changed(conversation, {"owner_kind": "bot", "by": _name(me)})


@inbox.command("snooze")
def snooze(
    conversation: ONE,
    until: Annotated[str, typer.Argument(help="30min, 4h, 2d, or a time: 2026-11-24T09:00")],
    me: ME = "",
) -> None:
    """Let a conversation sleep; it wakes by itself, or when the customer writes."""
    change = {"snooze_until": moment_of(until, datetime.now().astimezone()), "by": _name(me)}
    _changed(conversation, change)


@inbox.command("close")
def close(
    conversation: ONE,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="The matter is done: the customer may be asked.")
    ] = False,
    me: ME = "",
) -> None:
    """End a conversation; a customer who writes again begins anew."""
    status = "resolved" if resolved else "closed"
    _changed(conversation, {"status": status, "by": _name(me)})


def moment_of(text: str, now: datetime) -> str:
    """Return a time in ISO 8601, from a length of time or a time of this machine's zone."""
    length = _LENGTH.fullmatch(text.strip())
    if length is not None:
        return (now + timedelta(**{_UNITS[length.group(2)]: int(length.group(1))})).isoformat()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("30min, 4h, 2d, or a time: 2026-11-24T09:00") from None
    return (at if at.tzinfo else at.replace(tzinfo=now.tzinfo)).isoformat()


def _changed(conversation: str, change: dict[str, Any]) -> None:
    async def work(api: GatewayApi, place: str) -> None:
        await _change(api, place, change)

    _with_one(conversation, work)


async def _change(api: GatewayApi, place: str, change: dict[str, Any]) -> None:
    changed = await api.put(place, change)
    console.print(f"{status_of(changed)}  {who_of(changed)}")


def _with_one(conversation: str, work: Callable[[GatewayApi, str], Awaitable[None]]) -> None:
    async def run(api: GatewayApi, state: dict[str, Any]) -> None:
        place = _place(state)
        await work(api, f"{place}/{await _whole_id(api, place, conversation)}")

    with_api(run)


async def _whole_id(api: GatewayApi, place: str, begin: str) -> str:
    """Return the id that begins so, among the newest conversations."""
    if len(begin) == _ID_CHARACTERS:
        return begin
    found: list[str] = []
    looked_at = 0
    async for one in api.every(place):
        identity = str(one["conversation_id"])
        found += [identity] if identity.startswith(begin.lower()) else []
        looked_at += 1
        if looked_at == _LOOKED_AT:
            break
    if len(found) == 1:
        return found[0]
    raise RuntimeError(
        f"{len(found) or 'No'} conversations begin with {begin!r}: give more of the id."
    )


async def _canned_id(api: GatewayApi, place: str, shortcut: str) -> str:
    tenant = place.rpartition("/conversations/")[0]
    async for one in api.every(f"{tenant}/canned-replies", query=shortcut):
        if one["shortcut"] == shortcut:
            return str(one["canned_reply_id"])
    raise RuntimeError(f"There is no canned reply {shortcut!r}.")


def _place(state: dict[str, Any]) -> str:
    return f"/api/tenants/{state['CHAT_TENANT_ID']}/conversations"


def _name(given: str) -> str:
    return given or getpass.getuser()
