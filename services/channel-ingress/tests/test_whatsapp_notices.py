"""WhatsApp's echoes, history, statuses, identity changes and notices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from channel_ingress.items import (
    Change,
    CustomerMessage,
    Echo,
    IdentityChange,
    Preference,
    Prices,
    Status,
    Unreadable,
    Update,
)

from .integration.inbound_bodies import (
    ACCOUNT,
    BUSINESS,
    CUSTOMER,
    NOW,
    PHONE,
    USER_ID,
    body,
    change,
    echo,
    history,
    message,
    notice,
    only,
    status,
    text,
    thread,
    whatsapp_items,
)

AT = datetime.fromtimestamp(1763800000, UTC)


def echo_of(source: dict[str, Any]) -> Any:
    """The payload of an echo of the phone app."""
    return only(body(change("smb_message_echoes", message_echoes=[source]))).payload


def test_the_phone_app_speaks() -> None:
    said = echo_of(echo("text", text={"body": "By hand"}))
    assert isinstance(said, Echo)
    assert (said.person.external_id, said.content.text) == (CUSTOMER, "By hand")
    assert (said.source, said.app_id, said.is_imported) == ("phone_app", None, False)
    by_user_id = {**echo("text", text={"body": "x"}), "to_user_id": USER_ID}
    del by_user_id["to"]
    assert echo_of(by_user_id).person.external_id == USER_ID
    strange = echo_of(echo("hologram", hologram={"x": 1}))
    assert isinstance(strange, Echo)
    assert orjson.loads(strange.content.data or "")["hologram"] == {"x": 1}


def test_the_phone_app_changes_its_messages() -> None:
    edit = {"original_message_id": "wamid.0", "message": {"type": "text", "text": {"body": "b"}}}
    edited = echo_of(echo("edit", edit=edit))
    assert (edited.what, edited.by, edited.about, edited.text) == (
        "edit",
        "business",
        "wamid.0",
        "b",
    )
    assert edited.person.external_id == CUSTOMER
    gone = echo_of(echo("revoke", revoke={"original_message_id": "wamid.0"}))
    assert isinstance(gone, Change)
    assert (gone.what, gone.by) == ("revoke", "business")
    liked = echo_of(echo("reaction", reaction={"message_id": "wamid.0", "emoji": "❤️"}))
    assert (liked.what, liked.by, liked.emoji) == ("reaction", "business", "❤️")


def test_history_is_imported_from_both_sides() -> None:
    ours = {**message("text", "h1", text={"body": "Info"}), "from": BUSINESS}
    ours["history_context"] = {"status": "READ"}
    progress, first, second = whatsapp_items(body(history(thread(ours, text("Thanks!", "h2")))))
    assert progress.payload == Update("history")
    assert isinstance(first.payload, Echo)
    assert (first.payload.person.external_id, first.payload.is_imported) == (CUSTOMER, True)
    assert orjson.loads(first.payload.content.context or "") == {"history_status": "READ"}
    assert isinstance(second.payload, CustomerMessage)
    assert (second.payload.content.text, second.payload.is_imported) == ("Thanks!", True)
    assert (first.provider_key, second.provider_key) == ("h1", "h2")


def test_a_file_of_history_follows_its_placeholder() -> None:
    young = str(int((NOW - timedelta(days=13)).timestamp()))
    old = str(int((NOW - timedelta(days=15)).timestamp()))
    placeholders = [
        {**message("media_placeholder", "p1"), "timestamp": young},
        {**message("media_placeholder", "p2"), "timestamp": old},
    ]
    _, waits, gone = whatsapp_items(body(history(thread(*placeholders))))
    assert waits.payload == Update("history", None, "p1")
    assert isinstance(gone.payload, CustomerMessage)
    assert (gone.payload.content.kind, gone.payload.is_imported) == ("unsupported", True)
    file = only(body(change("history", messages=[message("image", "p1", image={"id": "9"})])))
    assert isinstance(file.payload, CustomerMessage)
    assert file.payload.is_imported
    assert file.provider_key != waits.provider_key


def test_history_that_is_not_shared_warns() -> None:
    errors = [{"code": 2593109, "title": "History sync is turned off"}]
    item = only(body(change("history", history=[{"errors": errors}])))
    assert item.payload == Update("history", severity="warning")
    assert orjson.loads(item.raw) == {"errors": errors}


def test_bad_threads_never_lose_the_others() -> None:
    whole = history(None, thread(None, text("ok")), {"id": "1", "messages": 5})  # type: ignore[arg-type]
    kinds = [type(item.payload).__name__ for item in whatsapp_items(body(whole))]
    assert sorted(kinds) == ["CustomerMessage", *["Unreadable"] * 3, "Update"]


def status_of(source: dict[str, Any], **value: Any) -> Status:
    """The one status of a body."""
    found = only(body(change(statuses=[source], **value))).payload
    assert isinstance(found, Status)
    return found


def test_a_status_brings_back_our_reference() -> None:
    error = {"code": 131047, "title": "Re-engagement", "error_data": {"details": "24 hours"}}
    failed = status_of(status("failed", biz_opaque_callback_data="ref", errors=[error]))
    assert (failed.status, failed.reference, failed.provider_code) == ("failed", "ref", 131047)
    assert failed.detail == "Re-engagement: 24 hours"
    assert status_of(status("played")).status == "read"


def test_a_status_says_its_price_and_who_has_it() -> None:
    pricing = {
        "billable": True,
        "pricing_model": "PMP",
        "category": "marketing",
        "type": "regular",
    }
    found = status_of(status("sent", pricing=pricing, recipient_user_id=USER_ID))
    assert found.price == Prices("marketing", "PMP", "regular", billable=True)
    assert found.person is not None
    assert (found.person.phone, found.person.user_id) == (CUSTOMER, USER_ID)
    for strange in ("free", {}, {"category": 5}, None):
        assert status_of(status("sent", pricing=strange)).price is None
    assert status_of(status("sent", recipient_type="group", recipient_id="g1")).person is None


@pytest.mark.parametrize("code", [2**63 - 1, -(2**40), True, "131047", None])
def test_a_code_that_no_database_column_holds_is_none(code: Any) -> None:
    assert status_of(status("failed", errors=[{"code": code}])).provider_code is None


def test_other_statuses() -> None:
    gone = only(body(change(statuses=[status("deleted")]))).payload
    assert isinstance(gone, Change)
    assert (gone.about, gone.what, gone.by) == ("wamid.9", "revoke", "customer")
    unknown = only(body(change(statuses=[status("teleported")]))).payload
    assert isinstance(unknown, Update)
    assert (unknown.kind, unknown.about) == ("status", "wamid.9")


@pytest.mark.parametrize(
    ("system", "more", "expected"),
    [
        (
            {"type": "user_changed_number", "wa_id": "12195555358"},
            {},
            ("phone", CUSTOMER, "12195555358"),
        ),
        (
            {"type": "user_changed_user_id", "user_id": "US.2", "previous_user_id": "US.1"},
            {},
            ("user_id", "US.1", "US.2"),
        ),
        (
            {
                "type": "user_changed_user_id",
                "user_id": "US.2",
                "body": "A changed from US.1 to US.2",
            },
            {"from": None},
            ("user_id", "US.1", "US.2"),
        ),
    ],
)
def test_a_new_number_or_user_id(
    system: dict[str, Any], more: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    changed = only(body(change(messages=[{**message("system", system=system), **more}]))).payload
    assert isinstance(changed, IdentityChange)
    assert (changed.kind, changed.old, changed.new) == expected
    assert changed.person is not None
    assert changed.person.external_id == expected[1]


def test_a_change_without_the_old_id_is_only_shown() -> None:
    system = {"type": "user_changed_user_id", "user_id": "US.2"}
    shown = only(body(change(messages=[message("system", system=system)]))).payload
    assert isinstance(shown, Update)
    assert shown.kind == "system"


def test_a_user_id_update() -> None:
    source = {
        "wa_id": CUSTOMER,
        "user_id": {"previous": "US.1", "current": "US.2"},
        "timestamp": "1763800000",
    }
    changed = only(body(change("user_id_update", user_id_update=[source]))).payload
    assert isinstance(changed, IdentityChange)
    assert (changed.kind, changed.old, changed.new, changed.at) == ("user_id", "US.1", "US.2", AT)


@pytest.mark.parametrize(("value", "wants"), [("stop", False), ("resume", True)])
def test_a_preference(value: str, wants: bool) -> None:
    source = {"wa_id": CUSTOMER, "category": "marketing_messages", "value": value}
    source["timestamp"] = "1763800000"
    wish = only(body(change("user_preferences", user_preferences=[source]))).payload
    assert isinstance(wish, Preference)
    assert (wish.person.external_id, wish.wants_marketing, wish.at) == (CUSTOMER, wants, AT)
    other = {**source, "category": "dark_mode"}
    shown = only(body(change("user_preferences", user_preferences=[other]))).payload
    assert isinstance(shown, Update)
    assert shown.severity == "warning"


@pytest.mark.parametrize(
    ("source", "kind", "severity"),
    [
        (change("standby", messages=[text("not for us")]), "standby", "info"),
        (change("smb_app_state_sync", state_sync=[{"type": "contact"}]), "contact_sync", "info"),
        (change("calls", calls=[{"id": "c", "from": CUSTOMER}]), "call", "info"),
        (change(errors=[{"code": 1}]), "error", "warning"),
        (change(messages=[]), "unknown", "warning"),
        (change(moons=[{"phase": 1}]), "unknown", "warning"),
        (change("group_lifecycle_update", groups=[{}]), "group", "info"),
        (change("never_seen", anything=1), "unknown", "warning"),
        (notice("account_update", event="PARTNER_REMOVED"), "account", "warning"),
        (notice("business_capability_update", max_phones=2), "account", "info"),
        (notice("message_template_status_update", event="APPROVED"), "template", "info"),
        (notice("message_template_status_update", event="PAUSED"), "template", "warning"),
        (notice("flows", event="FLOW_STATUS_CHANGE"), "flow", "info"),
    ],
)
def test_other_fields_are_updates(source: Any, kind: str, severity: str) -> None:
    item = only(body(source))
    assert isinstance(item.payload, Update)
    assert (item.payload.kind, item.payload.severity) == (kind, severity)
    assert item.account == ACCOUNT
    assert item.address == (PHONE if "metadata" in source["value"] else "")


def test_the_same_notice_at_another_time_is_another_one() -> None:
    paused = notice("message_template_status_update", event="PAUSED", message_template_id=1)
    first, again, later = (
        only(body(paused, time=stamp)).provider_key
        for stamp in (1763800000, 1763800000, 1763900000)
    )
    assert first == again != later


def test_an_unknown_list_beside_a_message_is_shown() -> None:
    found = whatsapp_items(body(change(messages=[text("Hi")], moons=[1])))
    assert [type(item.payload).__name__ for item in found] == ["CustomerMessage", "Update"]


def test_a_body_of_something_else_is_shown() -> None:
    assert only({"object": "page", "entry": []}).payload == Update("unknown", severity="warning")
    assert isinstance(only(body({"field": 5, "value": {}})).payload, Unreadable)
