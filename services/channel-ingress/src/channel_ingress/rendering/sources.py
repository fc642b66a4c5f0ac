"""The sources that an answer cites, as lines below it."""

from __future__ import annotations

import re

from contracts.v1.sending import OutgoingBody

_CITED = re.compile(r"\[(\d{1,2})\]")


def source_lines(body: OutgoingBody) -> str:
    """`[1] title, p. 2` for each source that the text cites; empty when it cites none."""
    cited = {int(number) for number in _CITED.findall(body.text)}
    lines = []
    for citation in body.citations:
        if citation.number in cited:
            page = f", p. {citation.page}" if citation.page else ""
            lines.append(f"[{citation.number}] {citation.title}{page}")
    return "\n".join(lines)


def joined(*blocks: str) -> str:
    """Blocks of text with a blank line between them; empty ones are left out."""
    return "\n\n".join(block for block in blocks if block.strip())
