"""What an item means once its channel is known."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from channel_ingress.domain import media_identity
from channel_ingress.items import CustomerMessage, Echo, Item, Status, ThreadControl
from channel_ingress.placing import placed
from channel_ingress.store import SendingChannel
from contracts.v1.shapes import MediaRef
from contracts.v1.tenants import ChannelChoices

from .integration.inbound_bodies import (
    INBOX_APP,
    PAGE,
    body,
    change,
    event,
    message,
    messenger_items,
    only,
    page_body,
    page_event,
)

CHANNEL = UUID(int=7)


def channel(app_id: str | None = None) -> SendingChannel:
    """A channel whose app has this id."""
    choices = ChannelChoices(
        business_account_id=None,
        app_id=app_id,
        platform=None,
        reengagement_template=None,
        human_agent_tag=False,
        messages_per_second=None,
        silence_alarm_hours=None,
    )
    text = choices.model_dump_json() if app_id else None
    return SendingChannel(CHANNEL, uuid4(), "messenger", PAGE, "active", None, 1, text)


def one(source: Any) -> Item:
    """The one item of a Messenger body."""
    (item,) = messenger_items(page_body(source))
    return item


def echo(**more: Any) -> Item:
    """An echo of somebody's words."""
    return one(page_event(message={"mid": "m9", "is_echo": True, "text": "Hi", **more}))


def test_an_echo_that_brings_our_reference_back_is_evidence() -> None:
    reference = f"{uuid4()}.1"
    found = placed(echo(metadata=reference, app_id=8), channel()).payload
    assert isinstance(found, Status)
    assert (found.status, found.reference, found.provider_message_id) == ("sent", reference, "m9")


def test_an_echo_of_our_app_is_evidence() -> None:
    found = placed(echo(app_id=7), channel(app_id="7")).payload
    assert isinstance(found, Status)
    assert (found.reference, found.provider_message_id) == ("", "m9")


@pytest.mark.parametrize(
    ("app_id", "own", "source"),
    [
        (None, None, "page_inbox"),
        (INBOX_APP, "7", "page_inbox"),
        (8, "7", "other_app"),
        (7, None, "other_app"),
    ],
)
def test_another_echo_is_somebody_who_spoke(app_id: Any, own: str | None, source: str) -> None:
    found = placed(echo(app_id=app_id, metadata="theirs"), channel(own)).payload
    assert isinstance(found, Echo)
    assert found.source == source


@pytest.mark.parametrize(
    ("kind", "new_owner", "own", "holder"),
    [
        ("pass_thread_control", "7", "7", "us"),
        ("pass_thread_control", "8", "7", "other_app"),
        ("pass_thread_control", "7", None, "us"),
        ("take_thread_control", "7", "7", "us"),
        ("take_thread_control", INBOX_APP, "7", "page_inbox"),
        ("take_thread_control", None, "7", "other_app"),
    ],
)
def test_who_holds_a_thread(kind: str, new_owner: Any, own: str | None, holder: str) -> None:
    item = one(event(**{kind: {"new_owner_app_id": new_owner}}))
    found = placed(item, channel(own)).payload
    assert isinstance(found, ThreadControl)
    assert found.holder == holder


def media_of(item: Item) -> MediaRef:
    """The file of a placed message."""
    payload = placed(item, channel()).payload
    assert isinstance(payload, CustomerMessage | Echo)
    assert payload.content.media is not None
    return payload.content.media


def test_files_get_an_id_of_ours_and_wait_where_there_is_something_to_fetch() -> None:
    image = only(body(change(messages=[message("image", image={"id": "77"})])))
    assert media_of(image).media_id == media_identity(CHANNEL, "wamid.1")
    assert media_of(image).state == "pending"
    attachments = [{"type": "image", "payload": {"url": "https://x"}}]
    by_url = one(event(message={"mid": "m1", "attachments": attachments}))
    assert media_of(by_url).state == "pending"
    nothing = only(body(change(messages=[message("image", image={"caption": "gone"})])))
    assert media_of(nothing).state is None
