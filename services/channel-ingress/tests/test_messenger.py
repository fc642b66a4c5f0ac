"""Messenger and Instagram bodies become items; echoes and standby never a customer's message."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest

from channel_ingress.graph_sends import MessengerSends
from channel_ingress.items import (
    Change,
    CustomerMessage,
    Echo,
    Item,
    Payload,
    Person,
    Preference,
    Status,
    ThreadControl,
    Unreadable,
    Update,
    Watermark,
)

from .integration.inbound_bodies import (
    INBOX_APP,
    MILLISECONDS,
    NOW,
    PAGE,
    PSID,
    event,
    messenger_items,
    page_body,
    page_event,
)

AT = datetime.fromtimestamp(MILLISECONDS / 1000, UTC)


def items(*sources: Any, key: str = "messaging") -> list[Item]:
    return messenger_items(page_body(*sources, key=key))


def payload(source: Any, key: str = "messaging") -> Payload:
    (item,) = items(source, key=key)
    assert item.address == PAGE
    return item.payload


def test_a_text() -> None:
    said = payload(event(message={"mid": "m1", "text": "Hi", "reply_to": {"mid": "m0"}}))
    assert isinstance(said, CustomerMessage)
    assert (said.person.external_id, said.content.text, said.reply_to) == (PSID, "Hi", "m0")
    assert said.sent_at == AT


def link(kind: str, **more: Any) -> dict[str, Any]:
    return {"attachments": [{"type": kind, "payload": {"url": "https://x"}, **more}]}


@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        ({"text": "Red", "quick_reply": {"payload": "RED"}}, "button_reply", "Red"),
        (link("image"), "image", None),
        ({**link("image"), "text": "look"}, "image", "look"),
        ({**link("image"), "sticker_id": 369239263222822}, "sticker", None),
        (link("video"), "video", None),
        (link("audio"), "audio", None),
        (link("file"), "document", None),
        ({**link("fallback", title="A page"), "text": "see this"}, "text", "see this"),
        (link("fallback", title="A page"), "text", "A page\nhttps://x"),
        (link("share"), "text", "https://x"),
        (
            {
                "attachments": [
                    {
                        "type": "template",
                        "payload": {"elements": [{"title": "Shoe", "subtitle": "red"}]},
                    }
                ]
            },
            "text",
            "Shoe\nred",
        ),
        (link("hologram"), "unsupported", "https://x"),
        ({"attachments": [None], "text": "x"}, "unsupported", "x"),
        ({"is_unsupported": True}, "unsupported", None),
    ],
)
def test_kinds_of_content(message: dict[str, Any], kind: str, words: str | None) -> None:
    said = payload(event(message={"mid": "m1", **message}))
    assert isinstance(said, CustomerMessage)
    assert (said.content.kind, said.content.text) == (kind, words)
    if kind in ("image", "video", "audio", "document", "sticker"):
        assert said.content.media is not None
        assert said.content.media.provider_media_id is None
        assert orjson.loads(said.content.data or "")["url"] == "https://x"


def test_a_place_is_told_as_on_every_channel() -> None:
    place = {"coordinates": {"lat": 48.2, "long": 16.3}}
    attachment = {"type": "location", "title": "Home", "payload": place}
    said = payload(event(message={"mid": "m1", "attachments": [attachment]}))
    assert isinstance(said, CustomerMessage)
    assert (said.content.kind, said.content.text) == ("location", "Home")
    data = orjson.loads(said.content.data or "")
    assert (data["latitude"], data["longitude"]) == (48.2, 16.3)


def test_every_attachment_reaches_the_conversation() -> None:
    files = [{"type": "image", "payload": {"url": f"https://x/{n}"}} for n in range(3)]
    found = items(event(message={"mid": "m1", "text": "three", "attachments": files}))
    said = [item.payload for item in found]
    assert [item.provider_key for item in found] == ["m1", "m1#1", "m1#2"]
    assert all(isinstance(one, CustomerMessage) for one in said)
    assert [one.provider_message_id for one in said] == ["m1", "m1#1", "m1#2"]  # type: ignore[union-attr]
    assert [one.content.text for one in said] == ["three", None, None]  # type: ignore[union-attr]
    urls = [orjson.loads(one.content.data)["url"] for one in said]  # type: ignore[union-attr]
    assert urls == ["https://x/0", "https://x/1", "https://x/2"]


def test_a_postback_with_and_without_id() -> None:
    with_id = items(event(postback={"mid": "m5", "title": "Start", "payload": "GO"}))[0]
    assert with_id.provider_key == "m5"
    referral = {"ref": "summer", "source": "ADS", "ad_id": "9"}
    without = event(postback={"title": "Start", "payload": "GO", "referral": referral})
    first, again = items(without)[0], items(without)[0]
    assert first.provider_key == again.provider_key
    assert isinstance(first.payload, CustomerMessage)
    assert first.payload.content.kind == "postback"
    assert orjson.loads(first.payload.content.referral or "") == referral


def test_a_referral_is_shown_with_its_person() -> None:
    update = payload(event(referral={"ref": "x", "source": "SHORTLINK"}))
    assert update == Update("referral", PSID, person=Person(PSID))
    said = payload(event(message={"mid": "m1", "text": "Hi", "referral": {"ad_id": "9"}}))
    assert isinstance(said, CustomerMessage)
    assert orjson.loads(said.content.referral or "") == {"ad_id": "9"}


def test_echoes_tell_who_may_have_spoken() -> None:
    reference = str(uuid4())
    message = {"mid": "m9", "is_echo": True, "text": "Hi", "metadata": reference, "app_id": 7}
    ours = payload(page_event(message=message))
    assert isinstance(ours, Echo)
    assert (ours.reference, ours.app_id, ours.source) == (reference, "7", "other_app")
    assert ours.person == Person(PSID)
    foreign = payload(page_event(message={**message, "metadata": "their own words"}))
    assert isinstance(foreign, Echo)
    assert (foreign.reference, foreign.content.text) == ("", "Hi")
    for app_id in (INBOX_APP, None):
        inbox = payload(page_event(message={"mid": "m", "is_echo": True, "app_id": app_id}))
        assert isinstance(inbox, Echo)
        assert (inbox.source, inbox.content.kind) == ("page_inbox", "unsupported")


def test_standby_is_never_a_customers_message() -> None:
    update = payload(event(message={"mid": "m1", "text": "Hi"}), key="standby")
    assert update == Update("standby", PSID, "m1", person=Person(PSID))
    mixed = page_body(event(message={"mid": "m1", "text": "mine"}))
    mixed["entry"][0]["standby"] = [event(message={"mid": "m2", "text": "not mine"})]
    kinds = [type(item.payload).__name__ for item in messenger_items(mixed)]
    assert kinds == ["CustomerMessage", "Update"]


def test_deliveries_and_watermarks() -> None:
    first, second = items(event(delivery={"mids": ["a", "b"], "watermark": MILLISECONDS}))
    assert first.payload == Status("a", "delivered", AT, person=Person(PSID))
    assert second.payload == Status("b", "delivered", AT, person=Person(PSID))
    assert payload(event(delivery={"watermark": MILLISECONDS})) == Watermark(PSID, "delivered", AT)
    assert payload(event(read={"watermark": MILLISECONDS})) == Watermark(PSID, "read", AT)
    bad, good = items(event(delivery={"mids": [None, "b"], "watermark": MILLISECONDS}))
    assert isinstance(bad.payload, Unreadable)
    assert isinstance(good.payload, Status)


def test_reactions_and_edits() -> None:
    reaction = {"mid": "m1", "action": "react", "emoji": "\u2764", "reaction": "love"}
    given = payload(event(reaction=reaction))
    person = Person(PSID)
    assert given == Change("m1", "reaction", "customer", AT, person=person, emoji="\u2764")
    taken = payload(event(reaction={**reaction, "action": "unreact"}))
    assert isinstance(taken, Change)
    assert taken.emoji is None
    named = payload(event(reaction={"mid": "m1", "action": "react", "reaction": "other"}))
    assert isinstance(named, Change)
    assert named.emoji == "other"
    by_page = payload(page_event(reaction=reaction))
    assert isinstance(by_page, Change)
    assert (by_page.by, by_page.person) == ("business", person)
    edited = payload(event(message_edit={"mid": "m1", "text": "new", "num_edit": 1}))
    assert edited == Change("m1", "edit", "customer", AT, person=person, text="new")
    gone = payload(event(message={"mid": "m1", "is_deleted": True}))
    assert gone == Change("m1", "revoke", "customer", AT, person=person)


@pytest.mark.parametrize(
    ("kind", "control", "holder", "app_id"),
    [
        ("pass_thread_control", {"new_owner_app_id": "7"}, "us", "7"),
        ("pass_thread_control", {"new_owner_app_id": INBOX_APP}, "page_inbox", str(INBOX_APP)),
        ("take_thread_control", {"previous_owner_app_id": "7"}, "other_app", None),
        ("take_thread_control", {"new_owner_app_id": INBOX_APP}, "page_inbox", str(INBOX_APP)),
        ("take_thread_control", {"new_owner_app_id": "9"}, "other_app", "9"),
    ],
)
def test_thread_control(
    kind: str, control: dict[str, Any], holder: Any, app_id: str | None
) -> None:
    found = payload(event(**{kind: control}))
    assert found == ThreadControl(Person(PSID), holder, AT, app_id)


@pytest.mark.parametrize(
    ("content", "kind", "severity"),
    [
        ({"optin": {"type": "one_time_notif_req"}}, "optin", "info"),
        ({"account_linking": {"status": "linked"}}, "account", "info"),
        ({"request_thread_control": {"requested_owner_app_id": "8"}}, "handover", "info"),
        ({"app_roles": {"7": ["primary_receiver"]}}, "handover", "info"),
        ({"policy_enforcement": {"action": "block"}}, "policy", "warning"),
        ({"telepathy": {}}, "unknown", "warning"),
    ],
)
def test_everything_else_is_an_update(content: dict[str, Any], kind: str, severity: str) -> None:
    update = payload(event(**content))
    assert isinstance(update, Update)
    assert (update.kind, update.severity, update.contact_external_id) == (kind, severity, PSID)


def test_stopping_notifications_is_a_preference() -> None:
    for status, wants in (("STOP_NOTIFICATIONS", False), ("RESUME_NOTIFICATIONS", True)):
        optin = {"type": "notification_messages", "notification_messages_status": status}
        assert payload(event(optin=optin)) == Preference(Person(PSID), wants, AT)


def test_instagram_speaks_the_same_language() -> None:
    (said,) = messenger_items(
        page_body(event(message={"mid": "m1", "text": "Hi"}), platform="instagram")
    )
    assert isinstance(said.payload, CustomerMessage)
    (seen,) = messenger_items(page_body(event(read={"mid": "m1"}), platform="instagram"))
    assert seen.payload == Status("m1", "read", AT, person=Person(PSID))
    story = {"story": {"id": "s1", "url": "https://x"}}
    (reply,) = items(event(message={"mid": "m2", "text": "wow", "reply_to": story}))
    assert isinstance(reply.payload, CustomerMessage)
    assert orjson.loads(reply.payload.content.context or "") == story
    change = {"field": "messages", "value": event(message={"mid": "m3", "text": "Hi"})}
    assert isinstance(payload(change, key="changes"), CustomerMessage)
    comment = payload({"field": "comments", "value": {"text": "nice"}}, key="changes")
    assert isinstance(comment, Update)
    assert comment.kind == "feed"


def test_absurd_times_are_flagged() -> None:
    (item,) = items({**event(message={"mid": "m1", "text": "Hi"}), "timestamp": 0})
    assert item.flags == ("timestamp_mended",)
    assert isinstance(item.payload, CustomerMessage)
    assert item.payload.sent_at == NOW
    assert items(event(message={"mid": "m1", "text": "Hi"}))[0].flags == ()


def test_one_bad_item_never_loses_the_others() -> None:
    bad: list[Any] = [
        None,
        5,
        event(message={}),
        event(message={"mid": "m1"}),
        event(read=1),
        event(reaction={}),
        event(pass_thread_control=None),
        event(message={"mid": "m" * 513, "text": "x"}),
    ]
    good = event(message={"mid": "ok", "text": "Hi"})
    found = items(*[part for one in bad for part in (one, good)])
    assert sum(isinstance(item.payload, CustomerMessage) for item in found) == len(bad)
    assert sum(isinstance(item.payload, Unreadable) for item in found) == len(bad)


def test_bad_entries_never_lose_the_others() -> None:
    whole = page_body(event(message={"mid": "m1", "text": "Hi"}))
    whole["entry"] += [None, {"id": []}, {"id": PAGE}, {"id": PAGE, "messaging": 5}]
    kinds = [type(item.payload).__name__ for item in messenger_items(whole)]
    assert kinds == ["CustomerMessage", "Unreadable", "Unreadable", "Update", "Unreadable"]


def test_a_request_carries_our_reference() -> None:
    path, body = MessengerSends().request(PAGE, PSID, {"text": "Hi"}, "ref")
    assert path == f"{PAGE}/messages"
    assert body["message"] == {"text": "Hi", "metadata": "ref"}
    assert MessengerSends().accepted_id({"recipient_id": PSID, "message_id": "m1"}, {}) == "m1"
