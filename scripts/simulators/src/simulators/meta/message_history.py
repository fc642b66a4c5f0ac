"""`GET /{phone_number_id}/message_history`: which statuses a message had, asked instead of told."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any

from simulators.meta.send_log import Send

Json = dict[str, Any]

KEPT = 20_000
PLAYED_IS = "READ"
"""The history has no state of its own for a voice message that was played."""


class MessageHistory:
    """Delivery events by message, also of messages whose acceptance nobody heard."""

    def __init__(self) -> None:
        self._rows: OrderedDict[str, Json] = OrderedDict()
        self._next_id = 10**15

    def clear(self) -> None:
        """Forget everything."""
        self._rows.clear()

    def accepted(self, send: Send) -> None:
        """A message was accepted: its history begins."""
        self._rows[send.message_id] = {
            "id": self._new_id(),
            "message_id": send.message_id,
            "_sender": send.sender,
            "_accepted": self._event("ACCEPTED"),
            "_events": [],
        }
        if len(self._rows) > KEPT:
            self._rows.popitem(last=False)

    def note(self, send: Send, name: str) -> None:
        """A status was said by webhook."""
        row = self._rows.get(send.message_id)
        if row is not None and send.platform == "whatsapp":
            row["_events"].append(self._event(PLAYED_IS if name == "played" else name.upper()))

    def rows(self, sender: str, message_id: str = "") -> list[Json]:
        """`{id, message_id, events: {data}}` of one number, of one message if asked."""
        return [
            {
                "id": row["id"],
                "message_id": row["message_id"],
                "events": {"data": row["_events"]},
            }
            for row in reversed(self._rows.values())
            if row["_sender"] == sender and message_id in ("", row["message_id"])
        ]

    def events(self, history_id: str) -> list[Json] | None:
        """The edge of one message's events: `{cursor, node}`; None for an unknown id."""
        for row in self._rows.values():
            if row["id"] == history_id:
                return [_edge(event) for event in (row["_accepted"], *row["_events"])]
        return None

    def _event(self, name: str) -> Json:
        return {
            "id": self._new_id(),
            "delivery_status": name,
            "timestamp": int(time.time()),
            "webhook_update_state": "DELIVERED",
        }

    def _new_id(self) -> str:
        self._next_id += 1
        return str(self._next_id)


def _edge(event: Json) -> Json:
    state = event["delivery_status"]
    node = {
        "id": event["id"],
        "delivery_status": "ERROR" if state in ("FAILED", "DELETED") else state,
        "occurrence_timestamp": event["timestamp"],
        "status_timestamp": event["timestamp"],
    }
    return {"id": event["id"], "cursor": event["id"], "node": node}
