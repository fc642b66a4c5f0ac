"""WhatsApp bodies become items; every item alone; nothing crashes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_ingress.graph_sends import WhatsAppSends
from channel_ingress.items import CustomerMessage, Item, Status, Unreadable, Update
from channel_ingress.reading import read_body
from channel_ingress.whatsapp import WhatsAppAdapter

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PHONE, CUSTOMER = "106540352242922", "16505551234"


def body(*changes: Any) -> dict[str, Any]:
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": list(changes)}],
    }


def change(field: str = "messages", phone: str = PHONE, **value: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": phone}
    return {
        "field": field,
        "value": {"messaging_product": "whatsapp", "metadata": metadata, **value},
    }


def message(kind: str, identity: str = "wamid.1", **content: Any) -> dict[str, Any]:
    return {
        "from": CUSTOMER,
        "id": identity,
        "timestamp": "1763800000",
        "type": kind,
        **content,
    }


def text(words: str, identity: str = "wamid.1", **more: Any) -> dict[str, Any]:
    return message("text", identity, text={"body": words}, **more)


def items(source: Any) -> list[Item]:
    return list(WhatsAppAdapter().normalise(read_body(orjson.dumps(source)), NOW))


def only(source: Any) -> Item:
    (item,) = items(source)
    return item


def test_a_text_with_its_sender() -> None:
    contacts = [{"profile": {"name": "Ana"}, "wa_id": CUSTOMER}]
    context = {"from": "1", "id": "wamid.0"}
    item = only(body(change(contacts=contacts, messages=[text("Hi", context=context)])))
    assert item.address == PHONE
    assert item.provider_key == "wamid.1"
    said = item.payload
    assert isinstance(said, CustomerMessage)
    assert (said.person.external_id, said.person.display_name, said.person.phone) == (
        CUSTOMER,
        "Ana",
        CUSTOMER,
    )
    assert (said.content.kind, said.content.text) == ("text", "Hi")
    assert said.reply_to == "wamid.0"
    assert said.sent_at == datetime.fromtimestamp(1763800000, UTC)


MEDIA = {"id": "77", "mime_type": "image/jpeg", "sha256": "x", "caption": "look"}


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        (message("image", image=MEDIA), "image", "look"),
        (message("video", video=MEDIA), "video", "look"),
        (message("audio", audio={"id": "7"}), "audio", None),
        (message("audio", audio={"id": "7", "voice": True}), "voice", None),
        (message("document", document={**MEDIA, "filename": "a.pdf"}), "document", "look"),
        (message("sticker", sticker={"id": "7"}), "sticker", None),
        (message("location", location={"latitude": 1, "longitude": 2}), "location", None),
        (message("contacts", contacts=[{"name": {"formatted_name": "B"}}]), "contacts", "B"),
        (
            message(
                "interactive",
                interactive={"type": "button_reply", "button_reply": {"id": "y", "title": "Yes"}},
            ),
            "button_reply",
            "Yes",
        ),
        (
            message(
                "interactive",
                interactive={"type": "list_reply", "list_reply": {"id": "y", "title": "Row"}},
            ),
            "list_reply",
            "Row",
        ),
        (
            message(
                "interactive",
                interactive={"type": "nfm_reply", "nfm_reply": {"body": "Sent", "name": "flow"}},
            ),
            "form_reply",
            "Sent",
        ),
        (message("button", button={"payload": "p", "text": "Stop"}), "button_reply", "Stop"),
        (message("order", order={"catalog_id": "1", "product_items": []}), "order", None),
    ],
)
def test_every_kind_of_content(source: dict[str, Any], kind: str, words: str | None) -> None:
    said = only(body(change(messages=[source]))).payload
    assert isinstance(said, CustomerMessage)
    assert (said.content.kind, said.content.text) == (kind, words)
    if kind in ("image", "document"):
        assert said.content.media is not None
        assert said.content.media.provider_media_id == "77"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (message("reaction", reaction={"message_id": "wamid.0", "emoji": "👍"}), "reaction"),
        (message("system", system={"type": "user_changed_number", "body": "x"}), "system"),
        (message("edit", edit={"message_id": "wamid.0"}), "edit"),
        (message("revoke", revoke={"message_id": "wamid.0"}), "revoke"),
        (message("unsupported", errors=[{"code": 131051}]), "unsupported"),
        (message("hologram", hologram={}), "unknown"),
        (message("interactive", interactive={"type": "call_permission_reply"}), "unknown"),
        (text("in a group", group_id="g1"), "group"),
    ],
)
def test_what_the_bot_never_answers(source: dict[str, Any], kind: str) -> None:
    update = only(body(change(messages=[source]))).payload
    assert isinstance(update, Update)
    assert update.kind == kind


@pytest.mark.parametrize(
    ("field", "kind", "severity"),
    [
        ("smb_message_echoes", "echo", "info"),
        ("standby", "standby", "info"),
        ("history", "history", "info"),
        ("account_update", "account", "warning"),
        ("message_template_status_update", "template", "info"),
        ("never_seen", "unknown", "info"),
    ],
)
def test_other_fields_are_updates(field: str, kind: str, severity: str) -> None:
    update = only(body(change(field, messages=[text("not a customer")]))).payload
    assert update == Update(kind, severity=severity)  # type: ignore[arg-type]


def test_a_status_brings_back_our_reference() -> None:
    source = {
        "id": "wamid.9",
        "status": "failed",
        "timestamp": "1763800000",
        "recipient_id": CUSTOMER,
        "biz_opaque_callback_data": "ref",
        "errors": [{"code": 131047, "title": "Re-engagement message"}],
    }
    status = only(body(change(statuses=[source]))).payload
    assert isinstance(status, Status)
    assert (status.status, status.reference, status.provider_code) == ("failed", "ref", 131047)
    played = only(body(change(statuses=[{**source, "status": "played"}]))).payload
    assert isinstance(played, Status)
    assert played.status == "read"
    other = only(body(change(statuses=[{**source, "status": "teleported"}]))).payload
    assert other == Update("status", None, "wamid.9")


def test_a_sender_known_only_by_user_id() -> None:
    source = text("Hi")
    del source["from"]
    source["from_user_id"] = "US.1349"
    said = only(body(change(messages=[source]))).payload
    assert isinstance(said, CustomerMessage)
    assert (said.person.external_id, said.person.phone) == ("US.1349", None)
    _, request = WhatsAppSends().request(PHONE, "US.1349", {"type": "text"}, "ref")
    assert request["recipient"] == "US.1349"
    assert "to" not in request


def test_one_bad_item_never_loses_the_others() -> None:
    bad: list[Any] = [
        None,
        7,
        "text",
        {"type": "text"},
        message("text"),
        message("image", image="no object"),
        text("x", "i" * 513),
        message("contacts", contacts=[None]),
        {**text("x"), "from": None},
    ]
    sources = [part for n, one in enumerate(bad) for part in (one, text(f"good {n}", f"g{n}"))]
    found = items(body(change(messages=sources)))
    good = [item for item in found if isinstance(item.payload, CustomerMessage)]
    broken = [item for item in found if isinstance(item.payload, Unreadable)]
    assert [item.provider_key for item in good] == [f"g{n}" for n in range(len(bad))]
    assert len(broken) == len(bad)
    assert all(len(item.provider_key) <= 512 for item in found)


def test_bad_changes_and_entries_never_lose_the_others() -> None:
    source = body(
        None, {"field": "messages"}, change(messages="no list"), change(messages=[text("ok")])
    )
    source["entry"] += [None, {"id": "2"}, {"changes": 5}]
    found = items(source)
    assert sum(isinstance(item.payload, CustomerMessage) for item in found) == 1
    assert sum(isinstance(item.payload, Unreadable) for item in found) == 5


def test_a_thousand_updates_of_two_numbers() -> None:
    first = change(messages=[text("a", f"a{n}") for n in range(500)])
    second = change(phone="222", messages=[text("b", f"b{n}") for n in range(500)])
    found = items(body(first, second))
    assert len({item.provider_key for item in found}) == 1000
    assert [item.address for item in found] == [PHONE] * 500 + ["222"] * 500


@pytest.mark.parametrize(
    ("stamp", "mended"),
    [("1763800000", False), (1763800000, False), ("0", True), ("soon", True), (None, True)],
)
def test_times_are_mended(stamp: Any, mended: bool) -> None:
    item = only(body(change(messages=[{**text("x"), "timestamp": stamp}])))
    assert ("timestamp_mended" in item.flags) is mended
    assert isinstance(item.payload, CustomerMessage)
    if mended:
        assert item.payload.sent_at == NOW


def test_milliseconds_are_understood() -> None:
    item = only(body(change(messages=[{**text("x"), "timestamp": "1763800000123"}])))
    assert isinstance(item.payload, CustomerMessage)
    assert item.payload.sent_at.year == 2025
    assert item.flags == ("timestamp_mended",)


def test_nul_and_lone_surrogates_are_replaced() -> None:
    raw = orjson.dumps(body(change(messages=[text("PLACE")]))).replace(
        b"PLACE", rb"a\u0000b\ud800c"
    )
    (item,) = WhatsAppAdapter().normalise(read_body(raw), NOW)
    assert isinstance(item.payload, CustomerMessage)
    assert item.payload.content.text == "a\ufffdb\ufffdc"
    assert item.flags == ("text_cleaned",)
    item.raw.encode()
    assert "\\u0000" not in item.raw


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=20,
)
keys = st.sampled_from(
    [
        "from",
        "id",
        "type",
        "text",
        "image",
        "reaction",
        "interactive",
        "timestamp",
        "context",
        "errors",
    ]
)


@given(st.lists(st.dictionaries(keys, json_values, max_size=8), max_size=4))
@settings(max_examples=200, deadline=None)
def test_no_shape_of_a_message_crashes(sources: list[dict[str, Any]]) -> None:
    assert len(items(body(change(messages=sources)))) == max(1, len(sources))


@given(json_values)
@settings(max_examples=200, deadline=None)
def test_no_shape_of_a_value_crashes(value: Any) -> None:
    assert items(body({"field": "messages", "value": value}))
