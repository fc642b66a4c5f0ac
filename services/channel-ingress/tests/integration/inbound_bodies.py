"""Webhook bodies for tests of what comes in, one of every kind that we know."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from channel_ingress.items import Item
from channel_ingress.messenger import MessengerAdapter
from channel_ingress.reading import read_body
from channel_ingress.whatsapp import WhatsAppAdapter

Json = dict[str, Any]

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ACCOUNT, PHONE, BUSINESS = "419561257915477", "106540352242922", "15550783881"
CUSTOMER, USER_ID = "16505551234", "US.13491208655302741918"
PAGE, PSID, INBOX_APP = "61550000000001", "psid-1", 263902037430900
SECONDS, MILLISECONDS = "1763800000", 1763800000123


def body(*changes: Any, **entry: Any) -> Json:
    """A WhatsApp body of one entry."""
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": ACCOUNT, "changes": list(changes), **entry}],
    }


def change(field: str = "messages", phone: str = PHONE, **value: Any) -> Json:
    """A change of a number."""
    metadata = {"display_phone_number": BUSINESS, "phone_number_id": phone}
    return {
        "field": field,
        "value": {"messaging_product": "whatsapp", "metadata": metadata, **value},
    }


def notice(field: str, **value: Any) -> Json:
    """A change of an account, without a number."""
    return {"field": field, "value": value}


def message(kind: str, identity: str = "wamid.1", **content: Any) -> Json:
    """A customer's WhatsApp message."""
    return {
        "from": CUSTOMER,
        "id": identity,
        "timestamp": SECONDS,
        "type": kind,
        **content,
    }


def text(words: str, identity: str = "wamid.1", **more: Any) -> Json:
    """A customer's WhatsApp text."""
    return message("text", identity, text={"body": words}, **more)


def echo(kind: str, identity: str = "wamid.e", **content: Any) -> Json:
    """What the business wrote in its phone app."""
    return {**message(kind, identity, **content), "from": BUSINESS, "to": CUSTOMER}


def status(name: str, identity: str = "wamid.9", **more: Any) -> Json:
    """A status of a WhatsApp message of ours."""
    return {
        "id": identity,
        "status": name,
        "timestamp": SECONDS,
        "recipient_id": CUSTOMER,
        **more,
    }


def thread(*messages: Json, identity: str = CUSTOMER) -> Json:
    """A thread of history."""
    return {"id": identity, "messages": list(messages)}


def history(*threads: Json, **chunk: Any) -> Json:
    """A change with history."""
    metadata = {"phase": 0, "chunk_order": 1, "progress": 55}
    return change("history", history=[{"metadata": metadata, "threads": list(threads), **chunk}])


def event(**content: Any) -> Json:
    """A Messenger item of the customer."""
    return {
        "sender": {"id": PSID},
        "recipient": {"id": PAGE},
        "timestamp": MILLISECONDS,
        **content,
    }


def page_event(**content: Any) -> Json:
    """A Messenger item of the page."""
    return {**event(**content), "sender": {"id": PAGE}, "recipient": {"id": PSID}}


def page_body(*sources: Any, key: str = "messaging", platform: str = "page") -> Json:
    """A Messenger body, one entry an item."""
    entries = [{"id": PAGE, "time": MILLISECONDS, key: [source]} for source in sources]
    return {"object": platform, "entry": entries}


def whatsapp_items(source: Any) -> list[Item]:
    """The items of a WhatsApp body."""
    return list(WhatsAppAdapter().normalise(read_body(orjson.dumps(source)), NOW))


def only(source: Any) -> Item:
    """The one item of a WhatsApp body."""
    (item,) = whatsapp_items(source)
    return item


def messenger_items(source: Any) -> list[Item]:
    """The items of a Messenger body."""
    return list(MessengerAdapter().normalise(source, NOW))


MEDIA = {"id": "77", "mime_type": "image/jpeg", "sha256": "x", "caption": "look"}
WHATSAPP_MESSAGES: list[Json] = [
    text("Hi", context={"from": BUSINESS, "id": "wamid.0", "forwarded": True}),
    text("Hi", referral={"source_type": "ad", "ctwa_clid": "Aff"}),
    message("image", image=MEDIA),
    message("video", video=MEDIA),
    message("audio", audio={"id": "7"}),
    message("audio", audio={"id": "7", "voice": True}),
    message("document", document={**MEDIA, "filename": "a.pdf"}),
    message("sticker", sticker={"id": "7", "animated": False}),
    message("location", location={"latitude": 1, "longitude": 2}),
    message("contacts", contacts=[{"name": {"formatted_name": "B"}}]),
    message(
        "interactive",
        interactive={"type": "button_reply", "button_reply": {"id": "y", "title": "Yes"}},
    ),
    message(
        "interactive",
        interactive={"type": "list_reply", "list_reply": {"id": "y", "title": "Row"}},
    ),
    message(
        "interactive",
        interactive={"type": "nfm_reply", "nfm_reply": {"body": "Sent", "name": "flow"}},
    ),
    message(
        "interactive",
        interactive={
            "type": "call_permission_reply",
            "call_permission_reply": {"response": "accept", "response_source": "user_action"},
        },
    ),
    message("button", button={"payload": "p", "text": "Stop"}),
    message("order", order={"catalog_id": "1", "product_items": []}),
    message("unsupported", errors=[{"code": 131051, "title": "Message type unknown"}]),
]
WHATSAPP_OTHERS: list[Json] = [
    change(messages=[message("reaction", reaction={"message_id": "wamid.0", "emoji": "👍"})]),
    change(messages=[message("edit", edit={"message_id": "wamid.0"})]),
    change(messages=[message("revoke", revoke={"original_message_id": "wamid.0"})]),
    change(
        messages=[message("system", system={"type": "user_changed_number", "wa_id": "12195555358"})]
    ),
    change(messages=[message("request_welcome")]),
    change(messages=[message("hologram", hologram={})]),
    change(messages=[text("in a group", group_id="g1")]),
    change(statuses=[status("read", pricing={"category": "service", "billable": False})]),
    change(errors=[{"code": 130429, "title": "Rate limit hit"}]),
    change("smb_message_echoes", message_echoes=[echo("text", text={"body": "By hand"})]),
    history(thread(text("old"), echo("text", text={"body": "older"}))),
    change("standby", messages=[text("not for us")]),
    change("user_preferences", user_preferences=[{"wa_id": CUSTOMER, "value": "stop"}]),
    change("user_id_update", user_id_update=[{"user_id": {"previous": "US.1", "current": "US.2"}}]),
    change("smb_app_state_sync", state_sync=[{"type": "contact"}]),
    change("calls", calls=[{"id": "wacid.1", "from": CUSTOMER, "event": "connect"}]),
    notice("message_template_status_update", event="PAUSED", message_template_id=1),
    notice("account_update", event="PARTNER_REMOVED"),
    notice("flows", event="FLOW_STATUS_CHANGE"),
]
MESSENGER_ITEMS: list[Json] = [
    event(message={"mid": "m1", "text": "Hi", "reply_to": {"mid": "m0"}}),
    event(message={"mid": "m1", "attachments": [{"type": "image", "payload": {"url": "u"}}]}),
    event(message={"mid": "m1", "text": "Red", "quick_reply": {"payload": "RED"}}),
    event(postback={"mid": "m1", "title": "Start", "referral": {"ref": "r"}}),
    event(reaction={"mid": "m1", "action": "react", "emoji": "😀", "reaction": "smile"}),
    event(message_edit={"mid": "m1", "text": "x", "num_edit": 1}),
    event(referral={"ref": "x", "source": "SHORTLINK"}),
    event(optin={"type": "notification_messages", "payload": "x"}),
    event(delivery={"mids": ["a", "b"], "watermark": MILLISECONDS}),
    event(read={"watermark": MILLISECONDS}),
    page_event(message={"mid": "m9", "is_echo": True, "text": "Hi", "app_id": 7}),
    event(pass_thread_control={"new_owner_app_id": "7"}),
    event(take_thread_control={"previous_owner_app_id": "7", "new_owner_app_id": INBOX_APP}),
    event(request_thread_control={"requested_owner_app_id": "8"}),
    event(app_roles={"7": ["primary_receiver"]}),
    event(policy_enforcement={"action": "block", "reason": "r"}),
    event(account_linking={"status": "linked"}),
]
