"""Whatever comes in a body: nothing is raised, nothing countable is lost, all of it can be said."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_ingress.contact_book import Known
from channel_ingress.content import DATA_LIMIT, ORIGIN_LIMIT
from channel_ingress.domain import conversation_identity
from channel_ingress.items import (
    CustomerMessage,
    Item,
    ReadUpTo,
    Status,
    Unreadable,
    UnreadableBody,
    Watermark,
)
from channel_ingress.messenger import MessengerAdapter
from channel_ingress.placing import placed
from channel_ingress.reading import MALFORMED, read_body
from channel_ingress.said import item_event
from channel_ingress.store import Channel
from channel_ingress.webchat import WebChatAdapter
from channel_ingress.whatsapp import WhatsAppAdapter
from contracts.message import MESSAGE_BYTES_MAX
from contracts.v1.channels import ChannelWebhookReceived, MessageReceived
from contracts.v1.shapes import PLATFORM, ContactRef

from .integration.inbound_bodies import (
    CUSTOMER,
    MESSENGER_ITEMS,
    NOW,
    PHONE,
    PSID,
    USER_ID,
    WHATSAPP_MESSAGES,
    WHATSAPP_OTHERS,
    Json,
    body,
    change,
    event,
    message,
    messenger_items,
    page_body,
    text,
    whatsapp_items,
)

CHANNEL = Channel(UUID(int=1), UUID(int=2), "whatsapp", PHONE)
CAUSE = ChannelWebhookReceived.make(
    tenant_id=PLATFORM,
    delivery_id=uuid4(),
    channel_type="whatsapp",
    channel_id=None,
    body="{}",
    body_sha256=None,
)
NAUGHTY = (
    "\x00",
    "\ud800",
    "\udfff\ud800",
    "\u202etfel",
    "\ufeff",
    "undefined",
    "NULL",
    "1e1000",
    "../../../etc/passwd%00",
    "'; drop table sends; --",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "\u0600\u0601\u0604",
    "Z̮̞̠͙͔ͅA̴̵̜̰͔L͇̰G̬O",
    "👩‍👩‍👧‍👦" * 50,
    "x" * 20_000,
    "\u0001" * 20_000,
    "😀" * 20_000,
)

naughty = st.sampled_from(NAUGHTY)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | naughty,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=10,
)


def say(item: Item, channel: Channel = CHANNEL) -> bytes | None:
    """What would be said of an item; None for what is not said."""
    item = placed(item, channel)
    person = getattr(item.payload, "person", None)
    known = None
    if isinstance(item.payload, Status | Watermark | ReadUpTo):
        return None
    if person is not None:
        contact = ContactRef(
            external_id=person.external_id,
            display_name=person.display_name,
            phone=person.phone,
            user_id=person.user_id,
            username=person.username,
            email=person.email,
        )
        identity = conversation_identity(channel.channel_id, person.external_id)
        known = Known(contact, identity)
    said = item_event(CAUSE, channel, item, known).said()
    assert len(said) <= MESSAGE_BYTES_MAX
    assert b"\\u0000" not in said.replace(rb"\\", b"")
    return said


def check(items: list[Item]) -> None:
    """Every item can be kept by a database and said on the bus."""
    for item in items:
        assert 0 < len(item.provider_key) <= 512
        assert len(item.address) <= 512
        for stored in (item.raw, item.provider_key, item.address, item.account):
            assert "\x00" not in stored
            stored.encode()
        if isinstance(item.payload, Unreadable):
            item.payload.problem.encode()
        say(item)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything inside."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for key, child in inner:
        yield (*path, key)
        yield from places(child, (*path, key))


@st.composite
def mutated(draw: st.DrawFn, examples: list[Json]) -> Json:
    """A real example with some places replaced, removed or grown."""
    source = copy.deepcopy(draw(st.sampled_from(examples)))
    for _ in range(draw(st.integers(1, 3))):
        paths = list(places(source))
        if not paths:
            break
        *way, key = draw(st.sampled_from(paths))
        holder = source
        for step in way:
            holder = holder[step]
        action = draw(st.sampled_from(["replace", "remove", "grow"]))
        if action == "replace":
            holder[key] = draw(json_values)
        elif action == "remove":
            del holder[key]
        elif isinstance(holder, dict):
            holder[draw(st.text(max_size=9))] = draw(json_values)
    return source


def on_the_wire(source: Any, read: Callable[[Json, Any], Iterator[Item]]) -> list[Item]:
    """The items of a body as it would come; lone surrogates travel escaped."""
    try:
        raw = orjson.dumps(source)
    except TypeError:
        import json

        raw = json.dumps(source).encode()
    return list(read(read_body(raw), NOW))


@given(mutated(WHATSAPP_MESSAGES))
@settings(max_examples=150, deadline=None)
def test_a_strange_whatsapp_message_loses_no_other(strange: Json) -> None:
    sources = [text("before", "g1"), strange, text("after", "g2")]
    found = on_the_wire(body(change(messages=sources)), WhatsAppAdapter().normalise)
    check(found)
    assert len(found) == 3
    good = [found[0].payload, found[2].payload]
    assert [one.content.text for one in good] == ["before", "after"]  # type: ignore[union-attr]


@given(mutated(WHATSAPP_OTHERS))
@settings(max_examples=150, deadline=None)
def test_a_strange_change_loses_no_other(strange: Json) -> None:
    whole = body(change(messages=[text("before")]), strange, change(messages=[text("after")]))
    found = on_the_wire(whole, WhatsAppAdapter().normalise)
    check(found)
    assert len(found) >= 3
    good = [found[0].payload, found[-1].payload]
    assert [one.content.text for one in good] == ["before", "after"]  # type: ignore[union-attr]


@given(mutated(MESSENGER_ITEMS), st.sampled_from(["messaging", "standby"]))
@settings(max_examples=150, deadline=None)
def test_a_strange_messenger_item_loses_no_other(strange: Json, key: str) -> None:
    good = event(message={"mid": "ok", "text": "Hi"})
    whole = page_body(good)
    whole["entry"] += page_body(strange, key=key)["entry"] + page_body(good)["entry"]
    found = on_the_wire(whole, MessengerAdapter().normalise)
    check(found)
    assert len(found) >= 3
    assert isinstance(found[0].payload, CustomerMessage)
    assert isinstance(found[-1].payload, CustomerMessage)


WIDGET = {
    "visitor_id": "v1",
    "client_message_id": "c1",
    "text": "Hi",
    "display_name": "Ana",
    "email": "a@b.c",
    "tenant_external_id": "u1",
    "reply_to": "c0",
    "media": [{"sha256": "a" * 64, "mime_type": "image/png", "size_bytes": 3, "kind": "image"}],
}


@given(mutated([WIDGET, {"visitor_id": "v1", "read_seq": 3}]))
@settings(max_examples=100, deadline=None)
def test_a_strange_widget_message_is_kept(strange: Json) -> None:
    found = on_the_wire(strange, WebChatAdapter().normalise)
    check(found)
    assert found


@given(json_values, st.sampled_from(["whatsapp_business_account", "page", "instagram", 5]))
@settings(max_examples=150, deadline=None)
def test_any_json_is_read_or_refused_as_a_whole(value: Any, name: Any) -> None:
    for whole in (
        value,
        {"object": name, "entry": value},
        {"object": name, "entry": [value]},
        {"object": name, "entry": [{"id": "1", "changes": [value], "messaging": [value]}]},
        {
            "object": name,
            "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}],
        },
    ):
        for adapter in (WhatsAppAdapter(), MessengerAdapter(), WebChatAdapter()):
            try:
                found = on_the_wire(whole, adapter.normalise)
            except (UnreadableBody, *MALFORMED):
                assert not isinstance(whole, dict) or not isinstance(whole.get("entry"), list)
            else:
                check(found)


@pytest.mark.parametrize("words", NAUGHTY, ids=range(len(NAUGHTY)))
def test_naughty_words_in_every_place(words: str) -> None:
    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [filled(inner) for inner in value]
        return words if isinstance(value, str) else value

    for source in WHATSAPP_MESSAGES:
        naughty_one = {**filled(source), "id": "w", "type": source["type"], "from": CUSTOMER}
        check(on_the_wire(body(change(messages=[naughty_one])), WhatsAppAdapter().normalise))
    for source in MESSENGER_ITEMS:
        naughty_one = {**filled(source), "sender": {"id": PSID}}
        check(on_the_wire(page_body(naughty_one), MessengerAdapter().normalise))


def test_the_longest_message_fits_on_the_bus() -> None:
    """Every bounded part at its bound, in characters that take the most bytes."""
    control, longest = "\u0001", "\u0001" * 512
    attachment = {"type": "file", "payload": {"url": "😀" * (DATA_LIMIT - 50), "title": None}}
    origin = {"ref": "😀" * (ORIGIN_LIMIT - 20)}
    source = event(
        message={
            "mid": longest,
            "text": control * 20_000,
            "attachments": [attachment],
            "referral": origin,
            "tags": origin["ref"][:-20],
            "reply_to": {"mid": longest},
        }
    )
    source["sender"] = {"id": longest}
    (item,) = messenger_items(page_body(source))
    assert isinstance(item.payload, CustomerMessage)
    content = item.payload.content
    parts = (content.text, content.data, content.referral, content.context)
    assert "too_long" not in "".join(part or "" for part in parts)
    said = say(item)
    assert said is not None
    assert len(said) > MESSAGE_BYTES_MAX * 0.8
    assert MessageReceived.hear(said).content.kind == "document"


def test_three_megabytes_of_one_message_are_one_item() -> None:
    (item,) = whatsapp_items(body(change(messages=[text("x" * 3_000_000)])))
    assert isinstance(item.payload, CustomerMessage)
    assert len(item.payload.content.text or "") == 16_384
    assert len(item.raw) < 100
    check([item])


def test_deep_json_inside_an_item_is_kept_as_such() -> None:
    deep = "[" * 900 + "]" * 900
    raw = orjson.dumps(body(change(messages=[message("location", location={"deep": "PLACE"})])))
    found = list(
        WhatsAppAdapter().normalise(read_body(raw.replace(b'"PLACE"', deep.encode())), NOW)
    )
    check(found)
    assert len(found) == 1


def test_a_user_id_is_never_taken_for_a_phone() -> None:
    (item,) = whatsapp_items(body(change(messages=[{**text("x"), "from": USER_ID}])))
    assert isinstance(item.payload, CustomerMessage)
    assert item.payload.person.phone is None
    assert item.payload.sent_at < NOW + timedelta(days=1)
    assert messenger_items({"object": "page", "entry": []}) == []
