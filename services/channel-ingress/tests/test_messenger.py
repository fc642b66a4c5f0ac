"""Messenger bodies become items; echoes and standby never a customer's message."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from channel_ingress.graph_sends import MessengerSends
from channel_ingress.items import (
    CustomerMessage,
    Item,
    Payload,
    Status,
    Unreadable,
    Update,
    Watermark,
)
from channel_ingress.messenger import MessengerAdapter

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PAGE, PSID = "61550000000001", "psid-1"
AT = 1763800000123


def items(*sources: Any, key: str = "messaging") -> list[Item]:
    entries = [{"id": PAGE, "time": AT, key: [source]} for source in sources]
    return list(MessengerAdapter().normalise({"object": "page", "entry": entries}, NOW))


def payload(source: Any, key: str = "messaging") -> Payload:
    (item,) = items(source, key=key)
    assert item.address == PAGE
    return item.payload


def event(**content: Any) -> dict[str, Any]:
    return {"sender": {"id": PSID}, "recipient": {"id": PAGE}, "timestamp": AT, **content}


def test_a_text() -> None:
    said = payload(event(message={"mid": "m1", "text": "Hi", "reply_to": {"mid": "m0"}}))
    assert isinstance(said, CustomerMessage)
    assert (said.person.external_id, said.content.text, said.reply_to) == (PSID, "Hi", "m0")
    assert said.sent_at == datetime.fromtimestamp(AT / 1000, UTC)


@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        ({"text": "Red", "quick_reply": {"payload": "RED"}}, "button_reply", "Red"),
        ({"attachments": [{"type": "image", "payload": {"url": "u"}}]}, "image", None),
        ({"attachments": [{"type": "file", "payload": {"url": "u"}}]}, "document", None),
        ({"attachments": [{"type": "fallback", "payload": {}}], "text": "x"}, "unsupported", "x"),
    ],
)
def test_kinds_of_content(message: dict[str, Any], kind: str, words: str | None) -> None:
    said = payload(event(message={"mid": "m1", **message}))
    assert isinstance(said, CustomerMessage)
    assert (said.content.kind, said.content.text) == (kind, words)


def test_a_postback_with_and_without_id() -> None:
    with_id = items(event(postback={"mid": "m5", "title": "Start", "payload": "GO"}))[0]
    assert with_id.provider_key == "m5"
    without = event(postback={"title": "Start", "payload": "GO"})
    first, again = items(without)[0], items(without)[0]
    assert first.provider_key == again.provider_key
    assert isinstance(first.payload, CustomerMessage)
    assert first.payload.content.kind == "postback"


def test_our_echo_is_evidence_and_others_are_updates() -> None:
    reference = str(uuid4())
    source = event(message={"mid": "m9", "is_echo": True, "text": "Hi", "metadata": reference})
    ours = payload(source)
    assert isinstance(ours, Status)
    assert (ours.status, ours.reference, ours.provider_message_id) == ("sent", reference, "m9")
    del source["message"]["metadata"]
    assert payload(source) == Update("echo", PAGE, "m9")


def test_standby_is_never_a_customers_message() -> None:
    assert payload(event(message={"mid": "m1", "text": "Hi"}), key="standby") == Update(
        "standby", PSID
    )


def test_deliveries_and_watermarks() -> None:
    first, second = items(event(delivery={"mids": ["a", "b"], "watermark": AT}))
    assert isinstance(first.payload, Status)
    assert isinstance(second.payload, Status)
    assert [first.payload.provider_message_id, second.payload.provider_message_id] == ["a", "b"]
    at = datetime.fromtimestamp(AT / 1000, UTC)
    assert payload(event(delivery={"watermark": AT})) == Watermark(PSID, "delivered", at)
    assert payload(event(read={"watermark": AT})) == Watermark(PSID, "read", at)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"reaction": {"mid": "m1", "emoji": "x"}}, "reaction"),
        ({"message_edit": {"mid": "m1", "text": "x"}}, "edit"),
        ({"referral": {"ref": "x"}}, "referral"),
        ({"pass_thread_control": {}}, "handover"),
        ({"policy_enforcement": {"action": "block"}}, "account"),
        ({"message": {"mid": "m1", "is_unsupported": True}}, "unsupported"),
        ({"message": {"mid": "m1", "is_deleted": True}}, "revoke"),
        ({"telepathy": {}}, "unknown"),
    ],
)
def test_everything_else_is_an_update(content: dict[str, Any], kind: str) -> None:
    update = payload(event(**content))
    assert isinstance(update, Update)
    assert update.kind == kind


def test_one_bad_item_never_loses_the_others() -> None:
    bad: list[Any] = [None, 5, {}, event(message={}), event(message={"mid": "m1"}), event(read=1)]
    good = event(message={"mid": "ok", "text": "Hi"})
    found = items(*[part for one in bad for part in (one, good)])
    assert sum(isinstance(item.payload, CustomerMessage) for item in found) == len(bad)
    assert sum(isinstance(item.payload, Unreadable) for item in found) == len(bad) - 1


def test_a_request_carries_our_reference() -> None:
    path, body = MessengerSends().request(PAGE, PSID, {"text": "Hi"}, "ref")
    assert path == f"{PAGE}/messages"
    assert body["message"] == {"text": "Hi", "metadata": "ref"}
    assert MessengerSends().accepted_id({"recipient_id": PSID, "message_id": "m1"}, {}) == "m1"
