"""WhatsApp messages become items; every item alone; nothing crashes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from channel_ingress.graph_sends import WhatsAppSends
from channel_ingress.items import Change, CustomerMessage, Person, Unreadable, Update
from channel_ingress.reading import read_body
from channel_ingress.whatsapp import WhatsAppAdapter

from .integration.inbound_bodies import (
    BUSINESS,
    CUSTOMER,
    MEDIA,
    NOW,
    PHONE,
    USER_ID,
    WHATSAPP_MESSAGES,
    body,
    change,
    message,
    only,
    text,
    whatsapp_items,
)


def said_of(source: dict[str, Any], **value: Any) -> CustomerMessage:
    """The customer's message in a body with this one."""
    said = only(body(change(messages=[source], **value))).payload
    assert isinstance(said, CustomerMessage)
    return said


def test_a_text_with_its_sender() -> None:
    contacts = [{"profile": {"name": "Ana", "username": "ana"}, "wa_id": CUSTOMER}]
    context = {"from": "1", "id": "wamid.0"}
    item = only(body(change(contacts=contacts, messages=[text("Hi", context=context)])))
    assert (item.address, item.provider_key) == (PHONE, "wamid.1")
    said = item.payload
    assert isinstance(said, CustomerMessage)
    assert said.person == Person(CUSTOMER, "Ana", phone=CUSTOMER, username="ana")
    assert (said.content.kind, said.content.text) == ("text", "Hi")
    assert said.reply_to == "wamid.0"
    assert said.sent_at == datetime.fromtimestamp(1763800000, UTC)
    assert (said.content.referral, said.content.context, said.is_imported) == (None, None, False)


KINDS = [
    ("text", "Hi"),
    ("text", "Hi"),
    ("image", "look"),
    ("video", "look"),
    ("audio", None),
    ("voice", None),
    ("document", "look"),
    ("sticker", None),
    ("location", None),
    ("contacts", "B"),
    ("button_reply", "Yes"),
    ("list_reply", "Row"),
    ("form_reply", "Sent"),
    ("button_reply", "accept"),
    ("button_reply", "Stop"),
    ("order", None),
    ("unsupported", None),
]


@pytest.mark.parametrize(
    ("source", "expected"), list(zip(WHATSAPP_MESSAGES, KINDS, strict=True)), ids=str
)
def test_every_kind_of_content(source: dict[str, Any], expected: tuple[str, str | None]) -> None:
    content = said_of(source).content
    assert (content.kind, content.text) == expected
    if content.kind in ("image", "document"):
        assert content.media is not None
        assert content.media.provider_media_id == "77"
        assert orjson.loads(content.data or "")["sha256"] == "x"


def test_an_order_without_words_is_its_lines() -> None:
    lines = [{"product_retailer_id": "di9", "quantity": 2}, {"product_retailer_id": "nqr"}]
    assert said_of(message("order", order={"product_items": lines})).content.text == (
        "2 × di9\n1 × nqr"
    )


def test_what_is_not_supported_keeps_its_errors() -> None:
    errors = [{"code": 131060, "title": "Unavailable", "error_data": {"details": "first one"}}]
    content = said_of(message("unsupported", errors=errors)).content
    assert orjson.loads(content.data or "")["errors"] == errors


def test_referral_and_context_travel_with_the_content() -> None:
    product = {"catalog_id": "1", "product_retailer_id": "di9"}
    context = {"id": "wamid.0", "frequently_forwarded": True, "referred_product": product}
    referral = {"source_type": "ad", "source_id": "9", "ctwa_clid": "Aff", "headline": "Chat"}
    said = said_of(text("Is it there?", context=context, referral=referral))
    assert orjson.loads(said.content.referral or "") == referral
    assert orjson.loads(said.content.context or "") == {
        "frequently_forwarded": True,
        "referred_product": product,
    }
    assert said.reply_to == "wamid.0"


def test_a_reaction_and_its_removal() -> None:
    source = message("reaction", reaction={"message_id": "wamid.0", "emoji": "👍"})
    at = datetime.fromtimestamp(1763800000, UTC)
    person = Person(CUSTOMER, phone=CUSTOMER)
    given = only(body(change(messages=[source]))).payload
    assert given == Change("wamid.0", "reaction", "customer", at, person=person, emoji="👍")
    for removed in ({"message_id": "wamid.0"}, {"message_id": "wamid.0", "emoji": ""}):
        taken = only(body(change(messages=[{**source, "reaction": removed}]))).payload
        assert isinstance(taken, Change)
        assert (taken.emoji, taken.about) == (None, "wamid.0")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"message_id": "wamid.0", "message": {"type": "text", "text": {"body": "New"}}}, "New"),
        (
            {"original_message_id": "wamid.0", "message": {"type": "image", "image": MEDIA}},
            "look",
        ),
        ({"message_id": "wamid.0", "text": "New"}, "New"),
        ({"message_id": "wamid.0"}, None),
    ],
)
def test_an_edit_names_its_message_and_words(edit: dict[str, Any], words: str | None) -> None:
    payload = only(body(change(messages=[message("edit", edit=edit)]))).payload
    assert isinstance(payload, Change)
    assert (payload.what, payload.about, payload.text) == ("edit", "wamid.0", words)


def test_a_change_under_the_id_of_its_message_is_no_copy_of_it() -> None:
    gone = message("revoke", "wamid.0", revoke={"original_message_id": "wamid.0"})
    item = only(body(change(messages=[gone])))
    assert isinstance(item.payload, Change)
    assert item.provider_key != "wamid.0"


@pytest.mark.parametrize(
    ("source", "kind", "severity"),
    [
        (message("hologram", hologram={}), "unknown", "warning"),
        (message("interactive", interactive={"type": "telepathy"}), "unknown", "warning"),
        (message("system", system={"type": "moon_phase"}), "system", "info"),
        (message("request_welcome"), "request_welcome", "info"),
        (text("in a group", group_id="g1"), "group", "info"),
        (
            message("reaction", reaction={"message_id": "w"}, group_id="g1"),
            "group",
            "info",
        ),
        (
            message(
                "interactive",
                interactive={
                    "type": "call_permission_reply",
                    "call_permission_reply": {"response_source": "automatic"},
                },
            ),
            "call",
            "info",
        ),
    ],
)
def test_what_the_bot_never_answers(source: dict[str, Any], kind: str, severity: str) -> None:
    update = only(body(change(messages=[source]))).payload
    assert isinstance(update, Update)
    assert (update.kind, update.severity, update.about) == (kind, severity, "wamid.1")
    assert (update.person is None) is (kind == "group")


def test_a_sender_known_only_by_user_id() -> None:
    source = text("Hi")
    del source["from"]
    source["from_user_id"] = USER_ID
    contacts = [{"profile": {"name": "Ana", "username": "ana"}, "user_id": USER_ID}]
    person = said_of(source, contacts=contacts).person
    assert person == Person(USER_ID, "Ana", user_id=USER_ID, username="ana")
    _, request = WhatsAppSends().request(
        PHONE, USER_ID, {"type": "text", "text": {"body": "Hi"}}, "ref"
    )
    assert request["recipient"] == USER_ID
    assert "to" not in request


def test_a_sender_known_by_both() -> None:
    contacts = [{"profile": {}, "wa_id": CUSTOMER, "user_id": USER_ID}]
    expected = Person(CUSTOMER, phone=CUSTOMER, user_id=USER_ID)
    assert said_of(text("Hi"), contacts=contacts).person == expected
    hidden = {**text("Hi"), "from_user_id": USER_ID}
    del hidden["from"]
    assert said_of(hidden, contacts=contacts).person == expected
    strange = {**text("Hi"), "from": USER_ID}
    assert said_of(strange, contacts=contacts).person == expected


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
        message("reaction", reaction={}),
        message("text", text={"body": 5}),
    ]
    sources = [part for n, one in enumerate(bad) for part in (one, text(f"good {n}", f"g{n}"))]
    found = whatsapp_items(body(change(messages=sources)))
    good = [item for item in found if isinstance(item.payload, CustomerMessage)]
    broken = [item for item in found if isinstance(item.payload, Unreadable)]
    assert [item.provider_key for item in good] == [f"g{n}" for n in range(len(bad))]
    assert len(broken) == len(bad)
    assert all(len(item.provider_key) <= 512 for item in found)


def test_bad_changes_and_entries_never_lose_the_others() -> None:
    source = body(
        None,
        {"field": "messages"},
        change(messages="no list", statuses=[{"id": "w", "status": "sent"}]),
        change(messages=[text("ok")], contacts="no list"),
    )
    source["entry"] += [None, {"id": "2"}, {"changes": 5}]
    found = whatsapp_items(source)
    kinds = [type(item.payload).__name__ for item in found]
    assert sorted(kinds) == ["CustomerMessage", "Status", *["Unreadable"] * 5]


def test_a_thousand_updates_of_two_numbers() -> None:
    first = change(messages=[text("a", f"a{n}") for n in range(500)])
    second = change(phone="222", messages=[text("b", f"b{n}") for n in range(500)])
    found = whatsapp_items(body(first, second))
    assert len({item.provider_key for item in found}) == 1000
    assert [item.address for item in found] == [PHONE] * 500 + ["222"] * 500


@pytest.mark.parametrize(
    ("stamp", "mended"),
    [
        ("1763800000", False),
        (1763800000, False),
        ("0", True),
        ("soon", True),
        (None, True),
        ("9763800000", True),
    ],
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


def test_the_business_itself_is_nobody_to_answer() -> None:
    """A number in another form is still its own."""
    source = {**text("x"), "from": "+" + BUSINESS}
    assert said_of(source).person.phone == BUSINESS
