"""Socket.IO protocol 1, the shapes on the wire (namespace `/`, path `/socket.io`).

Server to client: `ready`, `message`, `recorded`, `delta`, `withdrawn`, `typing`, `error`.
Client to server: `message`, `resume`, `typing`, `read`; the first two are acknowledged.
Written down in docs/widget-protocol.md.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from contracts.v1.shapes import (
    MediaRef,
    MessageContent,
    MessageExtras,
    OutgoingMedia,
    RecordedMessage,
)
from gateway.media_links import MediaLinks
from gateway.words import printable

PROTOCOL: Final = 1
TEXT_BYTES_MAX: Final = 16 * 1024
MEDIA_MAX: Final = 10
_CHOICE_CHARACTERS_MAX: Final = 256
_REF_CHARACTERS_MAX: Final = 512
_MEDIA_FIELDS: Final = (
    "kind", "mime_type", "file_name", "size_bytes", "state", "problem", "url"
)  # fmt: skip


class Unfit(Exception):
    """What the client sent does not fit; the acknowledgement says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail

    def ack(self) -> dict[str, Any]:
        """As it is acknowledged."""
        return {"ok": False, "code": self.code, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Said:
    """What a visitor says."""

    client_message_id: str
    text: str
    media_ids: tuple[UUID, ...] = ()
    choice: dict[str, str] | None = None
    reply_to: str | None = None


def read_message(data: object) -> Said:
    """`{client_message_id, text, media_ids?, choice?, reply_to?}`, checked."""
    if not isinstance(data, dict):
        raise Unfit("invalid_message", "A message is an object.")
    text, given_id = data.get("text"), data.get("client_message_id")
    choice, media_ids = _choice(data.get("choice")), _media_ids(data.get("media_ids"))
    if choice and media_ids:
        raise Unfit("invalid_message", "A choice and files do not go together.")
    if text is None and (choice or media_ids):
        text = ""
    if not isinstance(text, str) or not isinstance(given_id, str):
        raise Unfit("invalid_message", "client_message_id and text are needed.")
    client_message_id = str(_uuid(given_id, "client_message_id"))
    text = printable(text)
    if len(text.encode()) > TEXT_BYTES_MAX:
        raise Unfit("text_too_long", f"At most {TEXT_BYTES_MAX // 1024} KiB of text.")
    if not text.strip():
        if not (choice or media_ids):
            raise Unfit("empty_text", "There is nothing in it.")
        text = choice["title"] if choice else ""
    return Said(client_message_id, text, media_ids, choice, _reply_to(data.get("reply_to")))


def read_seq(data: object) -> int:
    """`{seq}` of a read mark."""
    return _seq(data.get("seq") if isinstance(data, dict) else None, "seq")


def read_last_seq(data: object) -> int:
    """`{last_seq}` -> the number, 0 where there is none."""
    return _seq(data.get("last_seq", 0) if isinstance(data, dict) else 0, "last_seq")


def shown(links: MediaLinks, tenant_id: UUID, message: RecordedMessage) -> dict[str, Any]:
    """A message as the widget reads it: without hashes, providers' ids, plan and price."""
    citations = [
        citation.model_dump(mode="json", exclude={"document_version", "passage_id"})
        for citation in message.citations
    ]
    message_id = str(message.recorded_message_id)
    return {
        "message_id": message_id,
        "seq": message.seq,
        "role": message.role,
        "author": message.author,
        "text": message.text,
        "created_at": message.created_at.isoformat(),
        "client_message_id": message.client_message_id,
        "turn_id": str(message.turn_id) if message.turn_id else None,
        "citations": citations,
        "ref": message.client_message_id or message_id,
        "reply_to": message.reply_to,
        "delivery": message.delivery,
        "delivery_detail": message.delivery_detail,
        "content": _content(links, tenant_id, message.content),
        "extras": _extras(links, tenant_id, message.extras),
        "changes": message.changes.model_dump(mode="json") if message.changes else None,
    }


def _content(
    links: MediaLinks, tenant_id: UUID, content: MessageContent | None
) -> dict[str, Any] | None:
    if content is None:
        return None
    shown_media = _media(links, tenant_id, content.media) if content.media else None
    return {"kind": content.kind, "text": content.text, "media": shown_media}


def _extras(
    links: MediaLinks, tenant_id: UUID, extras: MessageExtras | None
) -> dict[str, Any] | None:
    """A template has no place in a widget: its text is the message's."""
    if extras is None:
        return None
    return {
        **extras.model_dump(mode="json", exclude={"template", "media"}),
        "media": [_media(links, tenant_id, media) for media in extras.media],
    }


def _media(links: MediaLinks, tenant_id: UUID, media: MediaRef | OutgoingMedia) -> dict[str, Any]:
    linked = links.with_url(tenant_id, media.model_dump(mode="json"), absolute=False)
    return {name: linked[name] for name in _MEDIA_FIELDS if name in linked}


def _uuid(value: object, name: str) -> UUID:
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise Unfit("invalid_message", f"{name} is not a UUID.") from None


def _media_ids(value: object) -> tuple[UUID, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MEDIA_MAX:
        raise Unfit("invalid_message", f"media_ids is a list of at most {MEDIA_MAX}.")
    return tuple(_uuid(item, "media_ids") for item in value)


def _choice(value: object) -> dict[str, str] | None:
    if value is None:
        return None
    payload, title = (
        (value.get("payload"), value.get("title")) if isinstance(value, dict) else (None, None)
    )
    if not isinstance(payload, str) or not isinstance(title, str) or not title.strip():
        raise Unfit("invalid_message", "A choice is {payload, title}.")
    if max(len(payload), len(title)) > _CHOICE_CHARACTERS_MAX:
        raise Unfit("invalid_message", f"At most {_CHOICE_CHARACTERS_MAX} characters of a choice.")
    return {"payload": printable(payload), "title": printable(title)}


def _reply_to(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _REF_CHARACTERS_MAX:
        raise Unfit("invalid_message", "reply_to is the `ref` of a message.")
    return printable(value)


def _seq(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise Unfit("invalid_message", f"{name} is a number from 0.")
    return value
