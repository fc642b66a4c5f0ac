"""Bodies for tests of rendering."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from contracts.v1.sending import OutgoingBody
from contracts.v1.shapes import (
    Choice,
    Choices,
    ChoiceSection,
    Citation,
    MessageExtras,
    OutgoingMedia,
)


def body(text: str = "Hello", *titles: str, **extras: Any) -> OutgoingBody:
    """A text with sources of these titles, and extras by name."""
    citations = [
        Citation(
            number=n,
            document_id=uuid4(),
            document_version=1,
            passage_id=uuid4(),
            title=title,
            page=n if n > 1 else None,
            heading=None,
            quote="q",
            score=0.5,
        )
        for n, title in enumerate(titles, 1)
    ]
    empty: dict[str, Any] = {
        "header": None,
        "footer": None,
        "media": [],
        "choices": None,
        "template": None,
        "location": None,
        "reaction": None,
    }
    found = MessageExtras(**{**empty, **extras}) if extras else None
    return OutgoingBody(text=text, citations=citations, extras=found)


def choice(title: str, payload: str | None = None, **more: Any) -> Choice:
    """A choice; its payload is its title in small letters."""
    fields = {"description": None, "url": None, **more}
    return Choice(payload=(title if payload is None else payload).lower(), title=title, **fields)


def choices(*titles: str | Choice, style: str = "buttons", label: str | None = None) -> Choices:
    """Choices of one section without a heading."""
    found = [choice(one) if isinstance(one, str) else one for one in titles]
    section = ChoiceSection(title=None, choices=found)
    return Choices.model_validate({"style": style, "label": label, "sections": [section]})


def media(kind: str = "image", mime_type: str = "image/png", **more: Any) -> OutgoingMedia:
    """A file of 1 KB."""
    fields = {"sha256": "0" * 64, "file_name": "photo.png", "size_bytes": 1024, **more}
    return OutgoingMedia.model_validate({"kind": kind, "mime_type": mime_type, **fields})
