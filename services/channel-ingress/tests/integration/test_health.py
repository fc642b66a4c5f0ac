"""A channel's health: seen at once when a token dies, and when it is well again."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from bus import AskFailed
from contracts.v1.channel_health import (
    ChannelHealth,
    ChannelHealthChanged,
    CheckChannel,
    GetChannelHealth,
)
from contracts.v1.sending import MessageSent
from simulators.meta import whatsapp_bodies, whatsapp_notices

from .accounts import ACCOUNT, CHOICES
from .world import CUSTOMER, PAGE, PHONE, World


async def check(world: World, channel_id: Any, /, **changes: Any) -> ChannelHealth:
    request = CheckChannel.make(
        **{"tenant_id": world.tenant_id, "channel_id": channel_id, **changes}
    )
    found = await world.neighbours.buses["gateway"].ask(request, timeout_seconds=15)
    return found.health


async def known(world: World, channel_id: Any) -> ChannelHealth:
    request = GetChannelHealth.make(tenant_id=world.tenant_id, channel_id=channel_id)
    found = await world.neighbours.buses["gateway"].ask(request, timeout_seconds=15)
    return found.health


def codes(health: ChannelHealth) -> dict[str, tuple[str, str]]:
    return {finding.check: (finding.level, finding.code) for finding in health.findings}


async def test_a_dead_token_turns_the_channel_red_and_a_healed_one_lets_messages_go(
    world: World,
) -> None:
    channel_id = await world.configure(choices=CHOICES)
    assert (await known(world, channel_id)).level == "unknown"
    assert (await check(world, channel_id)).level == "green"
    world.meta.tokens.put("token", "password_changed")
    body = whatsapp_bodies.messages_change(PHONE, [whatsapp_bodies.text_message(CUSTOMER, "Hi")])
    await world.post(whatsapp_bodies.body_of([body]))
    await world.until("select count(*) > 0 from inbound_items")
    await world.neighbours.say(world.command())
    await world.neighbours.wait_for(ChannelHealthChanged, 2)
    health = await check(world, channel_id)
    assert (health.level, health.parked_sends) == ("red", 1)
    assert codes(health)["token"] == ("red", "token_invalid")
    assert codes(health)["sends"][0] == "red"
    token = next(finding for finding in health.findings if finding.check == "token")
    assert "changed their password" in token.detail
    assert token.provider_code == 190
    await check(world, channel_id)
    world.meta.tokens.put("token", "valid", expires_in_seconds=3_600)
    health = await check(world, channel_id)
    assert codes(health)["token"] == ("yellow", "token_expires")
    assert health.token_expires_at is not None
    world.meta.tokens.put("token", "valid")
    await world.neighbours.wait_for(MessageSent)
    assert (await check(world, channel_id)).level == "green"
    await world.neighbours.wait_for(ChannelHealthChanged, 4)
    changes = [
        (said.previous_level, said.level) for said in world.neighbours.of(ChannelHealthChanged)
    ]
    assert changes[:2] == [("unknown", "green"), ("green", "red")]
    assert all(previous != level for previous, level in changes), "no news, no event"
    assert changes[-1][1] == "green"
    assert world.neighbours.of(ChannelHealthChanged)[1].finding.level == "red"


async def test_the_regular_look_finds_what_went_away(world: World) -> None:
    channel_id = await world.configure(choices=CHOICES)
    page_id = await world.configure("messenger", PAGE)
    assert (await check(world, channel_id)).level == "green"
    assert (await check(world, page_id)).level == "green"
    world.meta.nodes.subscribe(ACCOUNT, None)
    world.meta.nodes.subscribe(PAGE, {"subscribed_fields": "feed"})
    await world.value("update channel_health set look_at = now()")
    await world.until("select count(*) = 2 from channel_health where level = 'red'")
    found = [
        codes(await known(world, one))["webhook_subscription"] for one in (channel_id, page_id)
    ]
    assert found == [("red", "not_subscribed"), ("red", "field_not_subscribed")]
    assert await world.value(
        "select min(look_at) > now() + interval '5 minutes' from channel_health"
    )


async def test_notices_of_the_account_and_the_last_event(world: World) -> None:
    channel_id = await world.configure(choices=CHOICES)
    value = {"event": "ACCOUNT_RESTRICTION", "restriction_info": [{"restriction_type": "X"}]}
    await world.post(whatsapp_notices.body_of(ACCOUNT, "account_update", value))
    (said,) = await world.neighbours.wait_for(ChannelHealthChanged)
    assert (said.level, said.finding.code) == ("yellow", "account_account_restriction")
    assert "restriction_type" in said.finding.detail
    await world.until("select last_event_at is not null from channel_health")
    assert (await check(world, channel_id)).level == "yellow", "a look does not hide a notice"
    await world.value("update channel_findings set checked_at = now() - interval '4 days'")
    health = await check(world, channel_id)
    assert (health.level, health.last_event_at is not None) == ("green", True)


async def test_channels_without_a_provider_and_strangers(world: World) -> None:
    channel_id = await world.configure("webchat", "key", sealed_credentials=None)
    health = await check(world, channel_id)
    assert (health.level, codes(health)) == ("green", {"channel": ("green", "ok")})
    await world.configure(
        "webchat", "key", channel_id=channel_id, revision=2, state="disabled",
        sealed_credentials=None,
    )  # fmt: skip
    await world.until("select true from channels where revision = 2")
    assert codes(await check(world, channel_id)) == {"channel": ("yellow", "disabled")}
    for stranger in ({"tenant_id": uuid4()}, {"channel_id": uuid4()}):
        with pytest.raises(AskFailed) as refused:
            await check(world, channel_id, **stranger)
        assert refused.value.code == "not_found"
