"""Renders an answer for channels that show plain text, and splits it at the channel's limit."""

from __future__ import annotations

import re
import unicodedata

from contracts.v1.sending import OutgoingBody

_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_BOLD = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_LINK = re.compile(r"!?\[([^\]\n]*)\]\((https?://[^)\s]+)\)")
_BULLET = re.compile(r"^([ \t]*)[*+-][ \t]+", re.MULTILINE)
_CITED = re.compile(r"\[(\d{1,2})\]")
_BREAKS = ("\n\n", "\n", ". ", "! ", "? ", " ")
_JOINED = frozenset("\u200d\ufe0e\ufe0f\u20e3")


def rendered(body: OutgoingBody, channel_type: str) -> str:
    """The text for the channel, with the sources that it cites below."""
    text = body.text if channel_type == "webchat" else _plain(body.text, channel_type)
    if channel_type == "webchat":
        return text
    cited = {int(number) for number in _CITED.findall(text)}
    lines = []
    for citation in body.citations:
        if citation.number in cited:
            page = f", p. {citation.page}" if citation.page else ""
            lines.append(f"[{citation.number}] {citation.title}{page}")
    return "\n\n".join([text, "\n".join(lines)]) if lines else text


def split(text: str, limit: int) -> list[str]:
    """Parts of at most `limit` characters; never inside a grapheme or a link, best at a break."""
    parts = []
    rest = text.strip()
    while len(rest) > limit:
        cut = _best_cut(rest, limit)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    parts.append(rest)
    return [part for part in parts if part] or [text[:limit] or " "]


def _plain(text: str, channel_type: str) -> str:
    strong = r"*\2*" if channel_type == "whatsapp" else r"\2"
    text = _HEADING.sub(strong.replace("2", "1"), text)
    text = _BOLD.sub(strong, text)
    text = _LINK.sub(_link_text, text)
    return _BULLET.sub(r"\1• ", text)


def _link_text(match: re.Match[str]) -> str:
    words, address = match.groups()
    return address if words in ("", address) else f"{words} ({address})"


def _best_cut(text: str, limit: int) -> int:
    for mark in _BREAKS:
        cut = text.rfind(mark, limit // 2, limit)
        if cut > 0:
            return cut + len(mark)
    cut = text.rfind(" ", 1, limit)
    return cut if cut > 0 else _grapheme_cut(text, limit)


def _grapheme_cut(text: str, limit: int) -> int:
    """The last place at or before `limit` that does not cut a grapheme in two."""
    cut = limit
    while cut > max(1, limit - 64) and _joins(text, cut):
        cut -= 1
    return cut


def _joins(text: str, place: int) -> bool:
    """Whether the characters around `place` belong together."""
    before, after = text[place - 1], text[place]
    return (
        after in _JOINED
        or before == "\u200d"
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or (_is_flag_letter(after) and _flag_letters_before(text, place) % 2 == 1)
        or unicodedata.combining(after) != 0
    )


def _flag_letters_before(text: str, place: int) -> int:
    """Flags are pairs of letters: an odd number before `place` means that one is cut."""
    count = 0
    while count < place and _is_flag_letter(text[place - 1 - count]):
        count += 1
    return count


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
