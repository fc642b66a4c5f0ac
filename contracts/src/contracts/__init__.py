"""The system, readable without opening a service: every message, its owner and its listeners."""

from contracts.catalogue import all_messages, heard_by, said_by
from contracts.message import (
    Answer,
    Command,
    Event,
    Message,
    Part,
    Refusal,
    Request,
    Stream,
)

__all__ = [
    "Answer",
    "Command",
    "Event",
    "Message",
    "Part",
    "Refusal",
    "Request",
    "Stream",
    "all_messages",
    "heard_by",
    "said_by",
]
