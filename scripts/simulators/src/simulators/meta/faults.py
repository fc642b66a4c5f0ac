"""What shall go wrong next: a queue of programmed faults that calls use up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Kind = Literal[
    "error_code",  # refuse with Graph's error envelope and `code`
    "json_500",  # HTTP 500 with a JSON error: not accepted
    "html_502",  # a proxy's HTML page: nobody knows
    "hang",  # accept nothing, answer nothing for `seconds`
    "drop",  # hang up without accepting
    "unread_answer",  # accept, then hang up before the answer
    "cut",  # accept, then hang up in the middle of the answer
    "slow",  # accept after `milliseconds`
    "failed_status",  # accept; the status `failed` with `code` follows instead of the others
    "failed_then_delivered",  # the same, and then `delivered` from another of their devices
]
"""The ways a call can go wrong."""

Operation = Literal[
    "messages", "actions", "media", "download", "attachments", "templates", "nodes", "history"
]
"""The calls that a fault can be meant for; `actions` = read marks, typing, sender actions."""

LATER_KINDS = ("failed_status", "failed_then_delivered")


@dataclass(slots=True)
class Fault:
    """One programmed fault for the next `count` calls that it fits."""

    kind: Kind
    count: int = 1
    code: int = 131000
    subcode: int | None = None
    http_status: int | None = None
    milliseconds: float = 0.0
    seconds: float = 60.0
    sender: str = ""
    """Only calls of this phone number id, page id or node; empty = any."""
    recipient: str = ""
    """Only calls to this recipient; empty = any."""
    operation: Operation | Literal[""] = ""
    """Only calls of this kind; empty = any but `actions`, which come unasked beside a send."""
    title: str = ""
    """Instead of Meta's title of the code."""
    details: str = ""
    """`error_data.details`."""
    always: bool = False
    """Never used up; until the faults are cleared."""

    def fits(self, sender: str, recipient: str, operation: str) -> bool:
        """Whether the fault is meant for this call."""
        return (
            self.sender in ("", sender)
            and self.recipient in ("", recipient)
            and (self.operation == operation or (not self.operation and operation != "actions"))
        )


@dataclass(slots=True)
class Faults:
    """The queue: oldest fitting fault first."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, fields: dict[str, Any]) -> Fault:
        """Program a fault from its JSON fields; ValueError or TypeError when they make no sense."""
        if fields.get("kind") not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}")
        if fields.get("operation", "") not in ("", *get_args(Operation)):
            raise ValueError(f"operation must be one of {', '.join(get_args(Operation))}")
        fault = Fault(**fields)
        self.waiting.append(fault)
        return fault

    def take(self, sender: str, recipient: str, operation: Operation = "messages") -> Fault | None:
        """Use up one call of the first fault that fits."""
        if not self.waiting:
            return None
        for fault in self.waiting:
            if not fault.fits(sender, recipient, operation):
                continue
            if fault.kind in LATER_KINDS and operation != "messages":
                continue
            if not fault.always:
                fault.count -= 1
                if fault.count <= 0:
                    self.waiting.remove(fault)
            return fault
        return None
