"""Reads a Messenger send request as the Platform would: who, which kind, which text; or refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulators.meta.envelope import GraphError

TEXT_LIMIT = 2000
METADATA_LIMIT = 1000
MESSAGING_TYPES = frozenset({"RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY"})


@dataclass(frozen=True, slots=True)
class MessengerMessage:
    """What the simulator needs to know of a send request."""

    recipient: str
    kind: str
    """`text`, `attachment` or `sender_action`."""
    text: str
    metadata: str


def read_message(body: dict[str, Any]) -> MessengerMessage:
    """Check a send request; raises GraphError with the code that the Platform uses."""
    recipient = body.get("recipient")
    if not isinstance(recipient, dict) or not isinstance(recipient.get("id"), str):
        raise GraphError(100, "(#100) Param recipient must be non-empty.")
    if "sender_action" in body:
        return MessengerMessage(recipient["id"], "sender_action", str(body["sender_action"]), "")
    message = body.get("message")
    if not isinstance(message, dict):
        raise GraphError(100, "(#100) Param message must be non-empty.")
    if body.get("messaging_type", "RESPONSE") not in MESSAGING_TYPES:
        raise GraphError(100, "(#100) Param messaging_type is not valid.")
    metadata = str(message.get("metadata", ""))
    if len(metadata) > METADATA_LIMIT:
        raise GraphError(100, "(#100) Length of param message[metadata] must be at most 1000")
    if "attachment" in message:
        return MessengerMessage(recipient["id"], "attachment", "", metadata)
    text = message.get("text")
    if not isinstance(text, str) or not text:
        raise GraphError(100, "(#100) Param message[text] must be non-empty.")
    if len(text) > TEXT_LIMIT:
        raise GraphError(100, "(#100) Length of param message[text] must be at most 2000")
    return MessengerMessage(recipient["id"], "text", text, metadata)
