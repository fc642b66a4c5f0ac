"""Socket.IO protocol 1, the shapes on the wire (namespace `/`, path `/socket.io`).

Server to client: `ready`, `message`, `recorded`, `delta`, `typing`, `error`.
Client to server: `message`, `resume`, `typing`; the first two are acknowledged.
"""

from typing import Any, Final
from uuid import UUID

from contracts.v1.shapes import RecordedMessage
from gateway.words import printable

PROTOCOL: Final = 1
TEXT_BYTES_MAX: Final = 16 * 1024


class Unfit(Exception):
    """What the client sent does not fit; the acknowledgement says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail

    def ack(self) -> dict[str, Any]:
        """As it is acknowledged."""
        return {"ok": False, "code": self.code, "detail": self.detail}


def read_message(data: object) -> tuple[str, str]:
    """`{client_message_id, text}` -> both, checked."""
    if not isinstance(data, dict):
        raise Unfit("invalid_message", "A message is an object.")
    text, given_id = data.get("text"), data.get("client_message_id")
    if not isinstance(text, str) or not isinstance(given_id, str):
        raise Unfit("invalid_message", "client_message_id and text are needed.")
    try:
        client_message_id = str(UUID(given_id))
    except ValueError:
        raise Unfit("invalid_message", "client_message_id is not a UUID.") from None
    text = printable(text)
    if len(text.encode()) > TEXT_BYTES_MAX:
        raise Unfit("text_too_long", f"At most {TEXT_BYTES_MAX // 1024} KiB of text.")
    if not text.strip():
        raise Unfit("empty_text", "There is nothing in it.")
    return client_message_id, text


def read_last_seq(data: object) -> int:
    """`{last_seq}` -> the number, 0 where there is none."""
    value = data.get("last_seq", 0) if isinstance(data, dict) else 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise Unfit("invalid_message", "last_seq is a number from 0.")
    return value


def shown(message: RecordedMessage) -> dict[str, Any]:
    """A message as the widget reads it."""
    citations = [
        citation.model_dump(mode="json", exclude={"document_version", "passage_id"})
        for citation in message.citations
    ]
    return {
        "message_id": str(message.recorded_message_id),
        "seq": message.seq,
        "role": message.role,
        "text": message.text,
        "created_at": message.created_at.isoformat(),
        "client_message_id": message.client_message_id,
        "turn_id": str(message.turn_id) if message.turn_id else None,
        "citations": citations,
    }
