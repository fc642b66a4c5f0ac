"""What a visitor's widget says: a message with its files or a choice, or how far it was read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

from channel_ingress.content import NAME_LIMIT, ContentKind, content
from channel_ingress.items import CustomerMessage, Item, Person, ReadUpTo
from channel_ingress.reading import (
    Json,
    clipped,
    identifier,
    item_of,
    listed,
    optional_identifier,
)
from contracts.v1.shapes import MediaRef, MessageContent

SEQ_MAX = 2**53
_FILE_KINDS = frozenset({"image", "video", "audio", "voice", "document", "sticker"})


def read_widget(body: Json, received_at: datetime) -> Iterator[Item]:
    """`{visitor_id, client_message_id, text, …}` or `{visitor_id, read_seq}`."""
    visitor_id = identifier(body["visitor_id"])
    if "read_seq" in body:
        seq = body["read_seq"]
        if type(seq) is not int or not 1 <= seq <= SEQ_MAX:
            raise ValueError("read_seq is no place of a conversation")
        mark = ReadUpTo(visitor_id, seq, received_at)
        yield item_of("", f"read:{visitor_id}:{seq}", body, mark)
        return
    client_message_id = identifier(body["client_message_id"])
    person = Person(
        visitor_id,
        display_name=clipped(body.get("display_name"), NAME_LIMIT),
        email=clipped(body.get("email"), NAME_LIMIT),
        tenant_external_id=optional_identifier(body.get("tenant_external_id")),
    )
    for place, said in enumerate(_contents_of(body)):
        part_id = f"{client_message_id}#{place}" if place else client_message_id
        payload = CustomerMessage(
            person,
            part_id,
            received_at,
            said,
            reply_to=optional_identifier(body.get("reply_to")),
            client_message_id=part_id,
        )
        # One visitor's id says nothing about another's: the key holds both.
        yield item_of("", f"{visitor_id}:{part_id}", body, payload)


def _contents_of(body: Json) -> list[MessageContent]:
    text, choice = body.get("text"), body.get("choice")
    text = text if isinstance(text, str) and text.strip() else None
    if isinstance(choice, dict):
        return [content("button_reply", text or choice.get("title"), data=choice)]
    files = listed(body.get("media"))
    if files:
        return [_file(file, None if place else text) for place, file in enumerate(files)]
    if text is None:
        raise ValueError("a message without text")
    return [content("text", text)]


def _file(file: Any, caption: str | None) -> MessageContent:
    """A file that gateway has stored already."""
    kind = cast("ContentKind", file["kind"]) if file.get("kind") in _FILE_KINDS else "document"
    media = MediaRef(
        provider_media_id=None,
        mime_type=clipped(file.get("mime_type"), NAME_LIMIT),
        file_name=clipped(file.get("file_name"), NAME_LIMIT),
        sha256=file["sha256"],
        size_bytes=file.get("size_bytes"),
        state="stored",
    )
    return content(kind, caption, media)
