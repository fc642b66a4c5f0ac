"""What reading a file gives, and the ways in which a file cannot be read."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Self

Progress = Callable[[int, int], None]
"""How far reading has come: done of total, in pages, rows, slides, sheets or bytes."""

CHARACTERS_MAX = 40_000_000
"""Of one document; more is `too_complex`."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_LANGUAGE_CHARACTERS_MAX = 16

REASONS = {
    "encrypted": "The file is protected by a password. Upload a copy without one.",
    "no_text": (
        "The file holds no text that can be read, perhaps only scanned pictures. "
        "Upload a version with a text layer."
    ),
    "corrupt_document": "The file is damaged or incomplete. Save it again and upload the new copy.",
    "zip_bomb": "The file unpacks to far more than its size allows, so it was not opened.",
    "too_complex": (
        "The file needs more memory or has more pages than is allowed. Split it into smaller files."
    ),
    "timeout": "Reading the file took too long. Split it into smaller files.",
    "type_mismatch": (
        "The content of the file is not what its name says. "
        "Give it the right extension and upload it again."
    ),
    "too_large": "The file is larger than is allowed. Split it into smaller files.",
    "unsupported_type": (
        "This type of file cannot be read. "
        "Upload PDF, DOCX, XLSX, PPTX, HTML, CSV, TSV, TXT or Markdown."
    ),
}


class Unreadable(Exception):
    """A file that no retry will make readable; `code` is a key of `REASONS`."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail

    @property
    def sentence(self) -> str:
        """What a person reads and can act on."""
        return REASONS[self.code]


@dataclass(frozen=True)
class Mark:
    """From character `start` on, the text stands on `page` under `headings` (outermost first)."""

    start: int
    page: int | None
    headings: tuple[str, ...]


def language_tag(said: str) -> str | None:
    """What a file says of its language, without the subtags that a message has no room for."""
    tag = said.strip()
    if not _LANGUAGE.fullmatch(tag):
        return None
    while len(tag) > _LANGUAGE_CHARACTERS_MAX:
        tag = tag.rpartition("-")[0]
    return tag


@dataclass(frozen=True)
class ParsedDocument:
    """The visible text of a file; `marks` rise by `start` and the first one is at 0."""

    file_type: str
    text: str
    marks: tuple[Mark, ...]
    title: str | None = None
    author: str | None = None
    pages: int | None = None
    dated_at: str | None = None
    """When the file says it was last changed, else written: `YYYY-MM-DD`."""

    language: str | None = None
    """BCP 47, where the file itself says it."""

    encoding: str | None = None
    encoding_guessed: bool = False
    invisible_removed: int = 0

    def without_text(self) -> dict[str, Any]:
        """Plain values of everything but the text, which travels beside them."""
        return {**asdict(self), "text": ""}

    @classmethod
    def of_parts(cls, value: dict[str, Any], text: str) -> Self:
        """The document that `without_text` described, with its text."""
        marks = tuple(
            Mark(mark["start"], mark["page"], tuple(mark["headings"])) for mark in value["marks"]
        )
        return cls(**{**value, "text": text, "marks": marks})
