"""How a person's phone would show what the business does, in lines of text."""

from __future__ import annotations

from typing import Any

from rich.markup import escape

from simulators.meta import Send

MARKS = {
    "sent": "✓ sent",
    "delivered": "✓✓ delivered",
    "read": "✓✓ read",
    "played": "▶ played",
    "deleted": "✗ deleted",
}
CHOICE_SIGNS = {"url": "↗", "list": "☰", "flow": "▤", "location": "⌖"}
WRITES, SEEN = "… is typing", "has read your message"


def send_lines(send: Send) -> list[str]:
    """A message as the customer sees it; its choices are numbered."""
    lines = [line for line in (_header(send), _content(send), _footer(send)) if line]
    if send.reply_to and send.kind != "reaction":
        lines.insert(0, f"[dim]↳ answers {escape(send.reply_to)}[/dim]")
    lines += [_choice_line(number, one) for number, one in enumerate(send.choices, 1)]
    return lines or [f"[dim]{escape(send.kind)}[/dim]"]


def event_line(event: dict[str, Any]) -> str:
    """What a status, read mark or typing indicator looks like; empty for anything else."""
    match event["what"]:
        case "typing":
            return f"[dim]{WRITES}[/dim]"
        case "read":
            return f"[dim]{SEEN}[/dim]"
        case "status" if event["status"] == "failed":
            return f"[red]✗ failed ({event['code']})[/red]"
        case "status" if event["status"] in MARKS:
            return f"[dim]{MARKS[event['status']]}[/dim]"
        case _:
            return ""


def _header(send: Send) -> str:
    header = (send.body.get("interactive") or {}).get("header") or {}
    if header.get("type") == "text":
        return f"[bold]{escape(str(header['text']))}[/bold]"
    return f"[dim]\\[{header['type']}][/dim]" if header else ""


def _footer(send: Send) -> str:
    footer = (send.body.get("interactive") or {}).get("footer") or {}
    return f"[dim]{escape(str(footer['text']))}[/dim]" if footer.get("text") else ""


def _content(send: Send) -> str:
    text = escape(send.shown or send.text)
    match send.kind:
        case "text" | "interactive":
            return text
        case "template":
            return text or "[dim]\\[template][/dim]"
        case "reaction":
            return f"reacts {text}" if text else "[dim]takes its reaction back[/dim]"
        case "location":
            place = send.body.get("location") or {}
            return f"⌖ {place.get('latitude')}, {place.get('longitude')} {text}".rstrip()
        case "contacts":
            return f"☎ {text}"
        case _:
            return f"{_file_label(send)} {text}".rstrip()


def _file_label(send: Send) -> str:
    content = send.body.get(send.kind) or {}
    name = (
        content.get("filename") or send.link or (f"file {send.media_id}" if send.media_id else "")
    )
    return f"[cyan]\\[{send.kind}][/cyan] {escape(str(name))}".rstrip()


def _choice_line(number: int, choice: dict[str, Any]) -> str:
    sign = CHOICE_SIGNS.get(choice["kind"], "▢")
    line = f"  [bold]{number}[/bold] {sign} {escape(str(choice['title']))}"
    described = choice.get("description")
    return f"{line} [dim]{escape(str(described))}[/dim]" if described else line
