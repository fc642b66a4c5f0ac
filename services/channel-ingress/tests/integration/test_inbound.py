"""What the normalisers read, through Intake on a real database: routed, said once, never stuck."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from channel_ingress.domain import conversation_identity, media_identity
from channel_ingress.store import Store
from contracts.v1.channels import (
    ChannelWebhookReceived,
    EchoReceived,
    MessageReceived,
    ThreadControlChanged,
    UpdateReceived,
)
from contracts.v1.sending import MessageStatusChanged, OutgoingBody, SendMessage
from contracts.v1.shapes import PLATFORM
from contracts.v1.tenants import ChannelChoices, ChannelConfigured
from postgres import Database
from testkit import ServiceDatabase

from .hearing import Hearing, Prepared
from .inbound_bodies import (
    ACCOUNT,
    CUSTOMER,
    INBOX_APP,
    MESSENGER_ITEMS,
    NOW,
    PAGE,
    PHONE,
    PSID,
    WHATSAPP_MESSAGES,
    WHATSAPP_OTHERS,
    Json,
    body,
    change,
    event,
    notice,
    page_body,
    page_event,
    text,
)

OTHER_ACCOUNT = "999"


@pytest.fixture
async def hearing(service_database: Callable[..., ServiceDatabase]) -> AsyncIterator[Hearing]:
    """Return Intake with the real normalisers, without a broker."""
    server = service_database("channel_ingress")
    database = await Database.connect(server.url, name="channel-ingress")
    yield Hearing(database, Prepared())
    await database.close()


async def make_channel(
    hearing: Hearing,
    address: str,
    channel_type: str = "whatsapp",
    tenant_id: UUID | None = None,
    **choices: Any,
) -> UUID:
    """A channel with choices."""
    fields: dict[str, Any] = dict.fromkeys(ChannelChoices.model_fields)
    said = ChannelConfigured.make(
        tenant_id=tenant_id or hearing.tenant_id,
        revision=1,
        channel_id=uuid4(),
        channel_type=channel_type,
        name="A channel",
        state="active",
        external_id=address,
        sealed_credentials=None,
        choices=ChannelChoices(**{**fields, "human_agent_tag": False, **choices}),
    )
    async with hearing.database.system() as tx:
        await Store().configure_channel(tx, said)
    return said.channel_id


async def post(hearing: Hearing, source: Json, **changes: Any) -> None:
    """Hear a body as gateway says it."""
    fields: dict[str, Any] = {
        "tenant_id": PLATFORM,
        "delivery_id": uuid4(),
        "channel_type": "whatsapp",
        "channel_id": None,
        "body": "{}",
        "body_sha256": None,
        **changes,
    }
    heard = ChannelWebhookReceived.make(occurred_at=NOW, **fields)
    async with hearing.database.system() as tx:
        await hearing.intake.read(heard, orjson.dumps(source), tx)


async def has_read_account(hearing: Hearing, tenant_id: UUID) -> None:
    """The tenant's token has read the account at Meta."""
    await hearing.execute(
        "insert into template_syncs (tenant_id, account_id, synced_at) values ($1, $2, now())",
        tenant_id,
        ACCOUNT,
    )


async def test_an_accounts_notice_is_for_every_channel_on_it(hearing: Hearing) -> None:
    other_tenant = uuid4()
    first = await make_channel(hearing, PHONE, business_account_id=ACCOUNT)
    second = await make_channel(hearing, "222", tenant_id=other_tenant, business_account_id=ACCOUNT)
    await make_channel(hearing, "333", business_account_id=OTHER_ACCOUNT)
    await has_read_account(hearing, hearing.tenant_id)
    await has_read_account(hearing, other_tenant)
    paused = notice("message_template_status_update", event="PAUSED", message_template_id=1)
    whole = body(paused, change(messages=[text("Hi")]))
    for _ in range(2):
        await post(hearing, whole)
    updates = hearing.of(UpdateReceived)
    assert {(one.channel_id, one.tenant_id) for one in updates} == {
        (first, hearing.tenant_id),
        (second, other_tenant),
    }
    assert [(one.update_kind, one.severity) for one in updates] == [("template", "warning")] * 2
    assert len({one.message_id for one in updates}) == 2
    (said,) = hearing.of(MessageReceived)
    assert said.channel_id == first


async def test_a_tenant_cannot_hear_of_an_account_by_its_number_alone(hearing: Hearing) -> None:
    own = await make_channel(hearing, PHONE, business_account_id=ACCOUNT)
    await has_read_account(hearing, hearing.tenant_id)
    await make_channel(hearing, "222", tenant_id=uuid4(), business_account_id=ACCOUNT)
    await post(hearing, body(notice("account_update", event="DISABLED_UPDATE")))
    assert [one.channel_id for one in hearing.of(UpdateReceived)] == [own]


async def test_a_notice_of_an_unknown_account_is_kept(hearing: Hearing) -> None:
    await make_channel(hearing, PHONE, business_account_id=OTHER_ACCOUNT)
    await post(hearing, body(notice("account_update", event="DISABLED_UPDATE")))
    assert hearing.of(UpdateReceived) == []
    assert await hearing.value("select state from inbound_items") == "unrouted"
    own = await make_channel(hearing, "444", business_account_id=ACCOUNT)
    # A tenant's own address tells nothing about the channels of others.
    named = {"channel_id": own, "tenant_id": hearing.tenant_id}
    await post(hearing, body(notice("account_update", event="RESTORED")), **named)
    (update,) = hearing.of(UpdateReceived)
    assert update.channel_id == own


async def test_who_speaks_and_who_holds_the_thread(hearing: Hearing) -> None:
    channel_id = await make_channel(hearing, PAGE, "messenger", app_id="7")
    echoes = [
        {"mid": "ours", "is_echo": True, "text": "by us", "app_id": 7},
        {"mid": "theirs", "is_echo": True, "text": "by them", "app_id": 8},
        {"mid": "inbox", "is_echo": True, "text": "by a person", "app_id": INBOX_APP},
    ]
    sources = [page_event(message=one) for one in echoes]
    sources.append(event(pass_thread_control={"new_owner_app_id": "7"}))
    for _ in range(2):
        await post(hearing, page_body(*sources), channel_type="messenger")
    said = [(one.provider_message_id, one.source, one.app_id) for one in hearing.of(EchoReceived)]
    assert said == [("theirs", "other_app", "8"), ("inbox", "page_inbox", str(INBOX_APP))]
    (held,) = hearing.of(ThreadControlChanged)
    assert (held.holder, held.app_id) == ("us", "7")
    assert held.conversation_id == conversation_identity(channel_id, PSID)
    assert await hearing.value("select status from delivery_statuses") == "sent"
    assert hearing.of(UpdateReceived) == []


async def test_what_a_visitor_has_read_is_said_once(hearing: Hearing) -> None:
    channel_id = await make_channel(hearing, "widget", "webchat")
    for seq in (2, 3, 5):
        await show(hearing, channel_id, seq)

    async def widget(**source: Any) -> None:
        await post(
            hearing,
            {"visitor_id": "v1", **source},
            channel_type="webchat",
            channel_id=channel_id,
            tenant_id=hearing.tenant_id,
        )

    await widget(read_seq=3)
    assert [one.status for one in hearing.of(MessageStatusChanged)] == ["read", "read"]
    for seq in (3, 1, 2):
        await widget(read_seq=seq)
    assert len(hearing.of(MessageStatusChanged)) == 2
    await widget(read_seq=9_000_000_000)
    assert len({one.send_id for one in hearing.of(MessageStatusChanged)}) == 3
    file = {"sha256": "a" * 64, "mime_type": "image/png", "size_bytes": 3, "kind": "image"}
    await widget(client_message_id="c1", text="", media=[file, file])
    first, second = hearing.of(MessageReceived)
    assert (first.client_message_id, second.client_message_id) == ("c1", "c1#1")
    assert first.content.media is not None
    assert first.content.media.state == "stored"
    assert first.content.media.media_id == media_identity(channel_id, "v1:c1")


async def show(hearing: Hearing, channel_id: UUID, seq: int) -> None:
    """A message that a visitor's widget was given."""
    command = SendMessage.make(
        tenant_id=hearing.tenant_id,
        send_id=uuid4(),
        conversation_id=conversation_identity(channel_id, "v1"),
        channel_id=channel_id,
        channel_type="webchat",
        contact_external_id="v1",
        recorded_message_id=uuid4(),
        seq=seq,
        author="bot",
        turn_id=None,
        ownership_number=1,
        body=OutgoingBody(text="Hello", citations=[]),
        reply_to=None,
        created_at=NOW,
    )
    await hearing.execute(
        "insert into sends (send_id, tenant_id, conversation_id, channel_id, channel_type, seq,"
        " ownership_number, part_count, command, state) values"
        " ($1, $2, $3, $4, 'webchat', $5, 1, 1, $6, 'accepted')",
        command.send_id,
        hearing.tenant_id,
        command.conversation_id,
        channel_id,
        seq,
        command.model_dump_json(),
    )


NAUGHTY = ("\x00", "\u202e", "x" * 30_000, "", "'; --", "{{7*7}}", 2**63, -1, None, [], {}, [[]])


def spoiled(source: Any, chance: random.Random) -> Any:
    """The same with some values put in that nobody expects."""
    if chance.random() < 0.08:
        return chance.choice(NAUGHTY)
    if isinstance(source, dict):
        return {key: spoiled(value, chance) for key, value in source.items()}
    if isinstance(source, list):
        return [spoiled(value, chance) for value in source]
    return source


@pytest.mark.parametrize("seed", [1, 2])
async def test_spoiled_bodies_are_kept_and_hold_up_nobody(hearing: Hearing, seed: int) -> None:
    chance = random.Random(seed)
    await make_channel(hearing, PHONE, business_account_id=ACCOUNT)
    await make_channel(hearing, PAGE, "messenger", app_id="7")
    for number in range(12):
        good = change(messages=[text("fine", f"good {number}")])
        strange = [
            change(messages=[spoiled(one, chance) for one in WHATSAPP_MESSAGES]),
            *(spoiled(one, chance) for one in WHATSAPP_OTHERS),
        ]
        await post(hearing, body(*strange, good))
        items = [spoiled(one, chance) for one in MESSENGER_ITEMS]
        fine = event(message={"mid": f"fine {number}", "text": "fine"})
        await post(hearing, page_body(*items, fine), channel_type="messenger")
    fine_ids = {
        one.provider_message_id for one in hearing.of(MessageReceived) if one.content.text == "fine"
    }
    assert len(fine_ids) == 24
    assert await hearing.value("select count(*) from inbound_items where state = 'unparsed'") > 20
    assert await hearing.value("select count(*) from kept_bodies where reason = 'unparsed'") == 0
    assert CUSTOMER in {one.contact.external_id for one in hearing.of(MessageReceived)}
