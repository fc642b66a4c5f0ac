"""Judges live traffic by Meta's OpenAPI file, past the places where the file lags behind Meta.

The file (v23.0) does not know business-scoped ids, link buttons, edits, some statuses and other
things that Meta's own pages describe. What it knows is judged strictly; the rest is left out of
the judgement here, in one place, and is checked by the simulator's own readers.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from simulators.meta.specification import Specification, find_specification

Json = dict[str, Any]

JUDGED_INTERACTIVE = frozenset({"button", "list", "flow"})
JUDGED_MESSAGES = frozenset(
    {"text", "reaction", "image", "audio", "video", "document", "sticker", "location", "contacts",
     "unsupported", "button", "interactive", "order"}
)  # fmt: skip
JUDGED_REPLIES = frozenset({"list_reply", "button_reply"})
JUDGED_STATUSES = frozenset({"sent", "delivered", "read", "failed"})
_ANSWERS = (
    (r"GET /v[\d.]+/\d+/message_templates", "/{Version}/{WABA-ID}/message_templates", "get"),
    (r"POST /v[\d.]+/\d+/message_templates", "/{Version}/{WABA-ID}/message_templates", "post"),
    (r"POST /v[\d.]+/\d+/media", "/{Version}/{Phone-Number-ID}/media", "post"),
    (r"GET /v[\d.]+/\d+/message_history", "/{Version}/{Phone-Number-ID}/message_history", "get"),
    (r"GET /v[\d.]+/\d+/phone_numbers", "/{Version}/{WABA-ID}/phone_numbers", "get"),
)
"""Method and path -> where the file describes the answer."""


class WireJudge:
    """Says what is wrong with a body, in the words of the validator."""

    def __init__(self, specification: Specification) -> None:
        self._specification = specification

    @classmethod
    def from_file(cls) -> WireJudge | None:
        """The judge of the file at hand; None where there is none."""
        path = find_specification()
        return None if path is None else cls(Specification(path))

    def request_errors(self, where: str, body: Json) -> list[str]:
        """Judge a request's JSON body; only WhatsApp's calls are described."""
        if where.endswith("/messages") and body.get("messaging_product") == "whatsapp":
            known = _known_request(body)
            return [] if known is None else self._specification.send_request_errors(known)
        if re.match(r"POST /v[\d.]+/\d+/message_templates$", where):
            path = "/{Version}/{WABA-ID}/message_templates"
            return self._specification.request_body_errors(path, "post", body)
        return []

    def answer_errors(self, where: str, body: Json) -> list[str]:
        """Judge an answer's JSON body."""
        if "error" in body:
            return self._specification.errors("GraphAPIError", body)
        if where.endswith("/messages") and "messages" in body:
            return self._specification.errors("MessageResponsePayload", body)
        for pattern, path, method in _ANSWERS:
            if re.fullmatch(pattern, where):
                return self._specification.answer_errors(path, method, body)
        if re.fullmatch(r"GET /v[\d.]+/\d+", where):
            return self._node_errors(body)
        return []

    def webhook_errors(self, body: Json) -> list[str]:
        """Judge the part of a webhook body that the file knows."""
        known = _known_webhook(body)
        return [] if known is None else self._specification.webhook_errors(known)

    def _node_errors(self, body: Json) -> list[str]:
        if "sha256" in body:
            return self._specification.answer_errors("/{Version}/{Media-ID}", "get", body)
        if "display_phone_number" in body:
            return self._specification.errors("PhoneNumberInfo", body)
        return []


def _known_request(body: Json) -> Json | None:
    """The request as the file can judge it; None for kinds that it does not know."""
    known = copy.deepcopy(body)
    if "status" in known:
        known.pop("typing_indicator", None)
        return known
    if "to" not in known and "recipient" in known:
        known["to"] = known.pop("recipient")
    known.setdefault("type", "text")
    known.setdefault("recipient_type", "individual")
    kind = known["type"]
    content = known.get(kind) or {}
    if kind == "interactive" and content.get("type") not in JUDGED_INTERACTIVE:
        return None
    if kind == "location":
        known[kind] = {key: str(value) for key, value in content.items()}
    if kind == "template":
        for component in content.get("components") or []:
            component.pop("index", None)
    return known


def _known_webhook(body: Json) -> Json | None:
    changes = []
    for entry in body.get("entry") or []:
        for change in entry.get("changes") or []:
            if change.get("field") == "messages":
                changes += _known_changes(copy.deepcopy(change))
    if not changes:
        return None
    return {"object": body.get("object"), "entry": [{"id": "1", "changes": changes}]}


def _known_changes(change: Json) -> list[Json]:
    value = change.get("value") or {}
    if "statuses" in value:
        value["statuses"] = [
            {"recipient_id": "0", **status}
            for status in value["statuses"]
            if status.get("status") in JUDGED_STATUSES
        ]
        return [change] if value["statuses"] else []
    messages = [_known_message(one) for one in value.get("messages") or [] if _is_known(one)]
    if not messages or "contacts" not in value:
        return []
    value["messages"] = messages
    return [change]


def _is_known(message: Json) -> bool:
    kind = message.get("type")
    if kind == "interactive":
        reply = message.get("interactive") or {}
        return reply.get("type") in JUDGED_REPLIES and "context" in message
    return kind in JUDGED_MESSAGES


def _known_message(message: Json) -> Json:
    known = {"from": "0", **message}
    if known["type"] not in ("interactive", "button"):
        known.pop("context", None)  # the file demands a product in every text's context
    if known["type"] == "reaction":
        known["reaction"].setdefault("emoji", "")
    if known["type"] == "location":
        known["location"] = {"name": "", "address": "", **known["location"]}
    if known["type"] == "document":
        known["document"].setdefault("filename", "")
    if known["type"] == "button":
        known.setdefault("context", {"from": "0", "id": "0"})
    return known
