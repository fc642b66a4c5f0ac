"""What a widget says becomes items."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from channel_ingress.items import CustomerMessage, Item, Person, ReadUpTo, Unreadable
from channel_ingress.placing import placed
from channel_ingress.store import Channel
from channel_ingress.webchat import WebChatAdapter

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SHA256 = "a" * 64
FILE = {
    "sha256": SHA256,
    "mime_type": "image/png",
    "file_name": "a.png",
    "size_bytes": 9,
    "kind": "image",
}


def items(**body: Any) -> list[Item]:
    """The items of a widget's body."""
    whole = {"visitor_id": "v1", "client_message_id": "c1", "text": "", **body}
    return list(WebChatAdapter().normalise(whole, NOW))


def only(**body: Any) -> Any:
    """The payload of a body with one item."""
    (item,) = items(**body)
    return item.payload


def test_messages_are_keyed_by_visitor() -> None:
    (first,) = items(text="Hi\x00")
    (other,) = items(text="Hi", visitor_id="v2")
    assert first.provider_key != other.provider_key
    assert isinstance(first.payload, CustomerMessage)
    assert (first.payload.content.text, first.payload.client_message_id) == ("Hi\ufffd", "c1")


def test_a_signed_visitor_is_known_by_more() -> None:
    said = only(
        text="Hi", display_name="Ana", email="a@b.c", tenant_external_id="u-9", reply_to="c0"
    )
    assert said.person == Person("v1", display_name="Ana", email="a@b.c", tenant_external_id="u-9")
    assert said.reply_to == "c0"


def test_a_choice_comes_back_with_its_payload() -> None:
    said = only(choice={"payload": "YES", "title": "Yes"})
    assert (said.content.kind, said.content.text) == ("button_reply", "Yes")
    assert orjson.loads(said.content.data) == {"payload": "YES", "title": "Yes"}


def test_files_are_stored_already_and_all_reach_the_conversation() -> None:
    found = items(text="look", media=[FILE, {**FILE, "kind": "voice"}, {**FILE, "kind": "odd"}])
    assert [item.provider_key for item in found] == ["v1:c1", "v1:c1#1", "v1:c1#2"]
    said = [item.payload for item in found]
    assert all(isinstance(one, CustomerMessage) for one in said)
    kinds = [one.content.kind for one in said]  # type: ignore[union-attr]
    assert kinds == ["image", "voice", "document"]
    texts = [one.content.text for one in said]  # type: ignore[union-attr]
    assert texts == ["look", None, None]
    channel = Channel(UUID(int=1), UUID(int=2), "webchat", "key")
    media = [placed(item, channel).payload.content.media for item in found]  # type: ignore[union-attr]
    assert len({file.media_id for file in media}) == 3
    assert {(file.state, file.sha256, file.size_bytes) for file in media} == {("stored", SHA256, 9)}


def test_a_read_mark() -> None:
    (item,) = WebChatAdapter().normalise({"visitor_id": "v1", "read_seq": 7}, NOW)
    assert item.payload == ReadUpTo("v1", 7, NOW)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "  "},
        {"text": 5},
        {"text": "Hi", "visitor_id": ""},
        {"text": "Hi", "client_message_id": "c" * 513},
        {"media": [None]},
        {"media": [{**FILE, "sha256": "no hash"}]},
        {"media": [{**FILE, "size_bytes": -1}]},
        {"media": 5},
        {"read_seq": 0},
        {"read_seq": True},
        {"read_seq": "7"},
    ],
)
def test_what_makes_no_sense_is_kept(body: dict[str, Any]) -> None:
    assert isinstance(only(**body), Unreadable)
