"""Markdown tables as sentences: `first cell: column cell; column cell.`"""

from __future__ import annotations

import re

_RULE = re.compile(r"^\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?$")


def tables_as_sentences(text: str) -> str:
    """Replace every table of a Markdown text by one line for each of its rows."""
    if "|" not in text:
        return text
    lines = text.splitlines()
    told: list[str] = []
    header: list[str] | None = None
    for place, line in enumerate(lines):
        following = lines[place + 1].strip() if place + 1 < len(lines) else ""
        if "|" not in line:
            header = None
            told.append(line)
        elif header is None and _RULE.match(following) and "|" in following:
            header = _cells(line)
        elif header is not None:
            if not _RULE.match(line.strip()):
                told.extend(("", _sentence(header, _cells(line)), ""))
        else:
            told.append(line)
    return "\n".join(told)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _sentence(header: list[str], cells: list[str]) -> str:
    first, *others = cells
    named = [
        f"{name} {cell}".strip() for name, cell in zip(header[1:], others, strict=False) if cell
    ]
    text = f"{first}: {'; '.join(named)}" if named else first
    return text if text.endswith((".", "!", "?")) else f"{text}."
