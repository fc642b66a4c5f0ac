"""Channels: credentials are sealed and never come back, web channels get a public key."""

from __future__ import annotations

import json
from uuid import UUID

from contracts.v1.tenants import ChannelConfigured
from gateway.domain import credential_context
from testkit import eventually_async

from .conftest import Owners, Running

TOKEN = "EAAG-access-token-0001"
SECRET = "app-secret-of-the-tenant"


async def test_credentials_travel_sealed_and_are_shown_masked(
    running: Running, owners: Owners
) -> None:
    heard: list[ChannelConfigured] = []

    async def hear(delivery: object) -> None:
        heard.append(ChannelConfigured.hear(delivery.body))  # type: ignore[attr-defined]
        await delivery.done()  # type: ignore[attr-defined]

    owners.of("channel-ingress").listen(ChannelConfigured, hear)
    await owners.start()
    tenant = await running.tenant()
    body = {
        "channel_type": "whatsapp",
        "name": "Main line",
        "external_id": "106540352242922",
        "credentials": {"access_token": TOKEN, "app_secret": SECRET},
        "settings": {},
    }
    path = f"{tenant.path}/channels"
    made = await tenant.call("POST", path, body)
    assert made.status == 201
    assert made.json["credentials"] == {"access_token": "…0001", "app_secret": "…nant"}
    channel = f"{path}/{made.json['channel_id']}"
    changed = await tenant.call(
        "PUT", channel, {"credentials": {"access_token": "EAAG-access-token-0002"}}
    )
    assert changed.json["credentials"] == {"access_token": "…0002", "app_secret": "…nant"}
    await eventually_async(lambda: len(heard) == 2, "both states of the channel")
    newest = max(heard, key=lambda event: event.revision)
    place = credential_context(UUID(tenant.tenant_id), newest.channel_id)
    assert newest.sealed_credentials is not None
    opened = json.loads(running.gateway.parts.ring.unseal(newest.sealed_credentials, place))
    assert opened == {"access_token": "EAAG-access-token-0002", "app_secret": SECRET}
    for table in ("channels", "outbox", "audit_log"):
        (row,) = await running.rows(f"select coalesce(string_agg(t::text, ''), '') from {table} t")
        assert TOKEN not in row[0]
        assert SECRET not in row[0]
    assert (await tenant.call("DELETE", channel)).status == 204
    gone = await running.rows("select sealed_credentials, credential_hints from channels")
    assert [tuple(row) for row in gone] == [(None, "{}")]
    assert (await tenant.call("POST", path, body)).status == 201


async def test_a_number_belongs_to_one_channel_of_the_platform(running: Running) -> None:
    first, second = await running.tenant(), await running.tenant()
    body = {"channel_type": "messenger", "name": "Page", "external_id": "4242"}
    made = await first.call("POST", f"{first.path}/channels", body)
    assert made.status == 201
    taken = await second.call("POST", f"{second.path}/channels", body)
    assert (taken.status, taken.code) == (409, "external_id_taken")
    assert first.tenant_id not in taken.raw.decode()
    own = await second.call("POST", f"{second.path}/channels", {**body, "external_id": "4243"})
    moved = await second.call(
        "PUT", f"{second.path}/channels/{own.json['channel_id']}", {"external_id": "4242"}
    )
    assert moved.status == 409


async def test_what_does_not_fit_the_type_is_refused(running: Running) -> None:
    tenant = await running.tenant()
    path = f"{tenant.path}/channels"
    web = {"channel_type": "webchat", "name": "Site"}
    unfit = [
        {"channel_type": "telegram", "name": "x"},
        {"channel_type": "whatsapp", "name": "x"},
        {"channel_type": "whatsapp", "name": "x", "external_id": "1", "settings": {"title": "x"}},
        {**web, "external_id": "1"},
        {**web, "credentials": {"access_token": "x"}},
        {**web, "tenant_id": tenant.tenant_id},
        {**web, "settings": {"color": "red"}},
        {**web, "settings": {"allowed_origins": ["shop.example"]}},
        {**web, "settings": {"allowed_origins": ["https://*.example"]}},
        {**web, "settings": {"allowed_origins": ["javascript:alert(1)"]}},
        {**web, "settings": {"allowed_origins": ["https://a.example/path"]}},
    ]
    for body in unfit:
        assert (await tenant.call("POST", path, body)).status == 422, body
    made = await running.web_channel(
        tenant, allowed_origins=["https://Shop.example:443/", "http://localhost:3000"]
    )
    assert made["external_id"].startswith("wch_")
    assert made["settings"]["allowed_origins"] == ["https://shop.example", "http://localhost:3000"]
    cleared = await tenant.call(
        "PUT", f"{path}/{made['channel_id']}", {"settings": {"allowed_origins": None}}
    )
    assert cleared.json["settings"] == {}
