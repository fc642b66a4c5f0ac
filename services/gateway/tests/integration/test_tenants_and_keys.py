"""Tenants and their keys: who may do what, and what everybody is told."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

from bus.service_bus import outgoing
from contracts.v1.shapes import PLATFORM
from contracts.v1.tenants import ChannelConfigured, RepeatConfiguration, TenantConfigured
from gateway.api_keys import make_key
from testkit import eventually_async

from .conftest import Owners, Running


async def told(owners: Owners, *kinds: Any) -> list[Any]:
    """What orchestrator hears."""
    heard: list[Any] = []

    def listener(kind: Any) -> Any:
        async def listen(delivery: Any) -> None:
            heard.append(kind.hear(delivery.body))
            await delivery.done()

        return listen

    for kind in kinds:
        owners.of("orchestrator").listen(kind, listener(kind))
    await owners.start()
    return heard


async def test_a_tenant_lives_and_everybody_is_told(running: Running, owners: Owners) -> None:
    heard = await told(owners, TenantConfigured)
    made = await running.call(
        "POST",
        "/api/tenants",
        {"slug": "acme", "name": "Acme", "settings": {"language": "hr", "passages_max": 7}},
    )
    assert made.status == 201
    tenant = made.json
    assert tenant["settings"]["language"] == "hr"
    assert tenant["settings"]["rag_enabled"] is True
    path = f"/api/tenants/{tenant['tenant_id']}"
    assert (await running.call("GET", path)).json == tenant
    changed = await running.call("PUT", path, {"settings": {"passages_max": 3}})
    assert changed.json["settings"]["passages_max"] == 3
    assert changed.json["settings"]["language"] == "hr"
    assert changed.json["revision"] == 2
    listed = await running.call("GET", "/api/tenants")
    assert [item["slug"] for item in listed.json["items"]] == ["acme"]
    assert (await running.call("DELETE", path)).status == 204
    assert (await running.call("GET", path)).status == 404
    again = await running.call("POST", "/api/tenants", {"slug": "acme", "name": "Acme"})
    assert (again.status, again.code) == (409, "slug_taken")
    await eventually_async(lambda: len(heard) == 3, "three states of the tenant")
    assert [(event.revision, event.state) for event in sorted(heard, key=lambda e: e.revision)] == [
        (1, "active"),
        (2, "active"),
        (3, "removed"),
    ]
    actions = await running.rows("select action, actor from audit_log order by at, audit_id")
    assert [tuple(row) for row in actions] == [
        ("tenant.created", "admin"),
        ("tenant.updated", "admin"),
        ("tenant.removed", "admin"),
    ]


UNFIT = [
    {"name": "No slug"},
    {"slug": "UPPER", "name": "x"},
    {"slug": "ok", "name": ""},
    {"slug": "ok", "name": "x", "role": "admin"},
    {"slug": "ok", "name": "x", "settings": {"temperature": 2}},
    {"slug": "ok", "name": "x", "settings": {"passages_max": 10**30}},
    {"slug": "ok", "name": "x", "settings": {"language": None}},
    {"slug": "ok", "name": "a\u0000b"},
    ["slug", "name"],
]


async def test_a_body_that_does_not_fit_is_422(running: Running) -> None:
    for body in UNFIT:
        answer = await running.call("POST", "/api/tenants", body)
        assert (answer.status, answer.code) == (422, "invalid"), body
        assert re.fullmatch("[0-9a-f]{32}", answer.json["trace_id"])
    assert (await running.call("GET", "/api/tenants")).json["items"] == []


async def test_a_removed_tenants_keys_and_channels_are_dead(running: Running) -> None:
    tenant = await running.tenant()
    channel = await running.web_channel(tenant, allowed_origins=["https://shop.example"])
    assert (await tenant.call("GET", tenant.path)).status == 200
    assert (await running.call("DELETE", tenant.path)).status == 204
    assert (await tenant.call("GET", tenant.path)).status == 401
    session = await running.call.using(None)(
        "POST", "/widget/sessions", {"channel_key": channel["external_id"]}
    )
    assert session.status == 404


async def test_a_key_is_shown_once_and_revoked_at_once(running: Running) -> None:
    tenant = await running.tenant()
    keys = f"{tenant.path}/keys"
    made = (await tenant.call("POST", keys, {"name": "ci", "scopes": ["read"]})).json
    assert made["key"].startswith(f"chat_live_{made['key_id']}_")
    listed = (await tenant.call("GET", keys)).json["items"]
    assert [item["name"] for item in listed] == ["ci", "tests"]
    assert all("key" not in item for item in listed)
    stored = await running.rows("select * from api_keys")
    assert made["key"][23:66].encode() not in b"".join(bytes(row["secret_hmac"]) for row in stored)
    reader = running.call.using(made["key"])
    assert (await reader("GET", tenant.path)).status == 200
    denied = await reader("PUT", tenant.path, {"name": "x"})
    assert (denied.status, denied.code) == (403, "missing_scope")
    # A search changes nothing: who may read may ask, and is told what is wrong with the question.
    assert (await reader("POST", f"{tenant.path}/search", {"query": ""})).status == 422
    assert (await tenant.call("DELETE", f"{keys}/{made['key_id']}")).status == 204
    assert (await reader("GET", tenant.path)).status == 401
    assert (await tenant.call("DELETE", f"{keys}/{made['key_id']}")).status == 404


async def test_every_wrong_key_gets_the_same_answer(running: Running) -> None:
    tenant = await running.tenant()
    good = str(tenant.call.key)
    expired = await running.rows(
        "insert into api_keys (tenant_id, key_id, name, secret_hmac, hint, scopes, expires_at) "
        "select tenant_id, 'expiredexpir', name, secret_hmac, hint, scopes, now() from api_keys "
        "returning key_id"
    )
    assert expired
    wrong = [
        None,
        "",
        "x",
        good[:-1],
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        make_key().text,
        good.replace("chat_live", "chat_test"),
    ]
    answers = [await running.call.using(key)("GET", tenant.path) for key in wrong]
    assert {answer.status for answer in answers} == {401}
    bodies = {tuple(v for k, v in a.json.items() if k != "trace_id") for a in answers}
    assert len(bodies) == 1
    by_header = await running.call.using(None)("GET", tenant.path, headers={"X-API-Key": good})
    assert by_header.status == 200


async def test_admin_routes_are_for_the_admin(running: Running) -> None:
    tenant = await running.tenant()
    for method, path in (("GET", "/api/tenants"), ("POST", "/api/tenants")):
        answer = await tenant.call(method, path, {"slug": "a", "name": "b"})
        assert (answer.status, answer.code) == (403, "admin_only")
    assert (await tenant.call("DELETE", tenant.path)).code == "admin_only"
    assert (await tenant.call("PUT", tenant.path, {"state": "suspended"})).code == "admin_only"
    suspended = await running.call("PUT", tenant.path, {"state": "suspended"})
    assert suspended.json["state"] == "suspended"
    assert (await tenant.call("GET", tenant.path)).code == "tenant_suspended"


async def test_lists_are_read_page_by_page(running: Running) -> None:
    for number in range(5):
        await running.call("POST", "/api/tenants", {"slug": f"t{number}", "name": "x"})
    seen, cursor = [], None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await running.call("GET", "/api/tenants", params=query)).json
        seen += [item["slug"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        last = cursor
    assert seen == ["t4", "t3", "t2", "t1", "t0"]
    tenant = await running.tenant()
    for path, forged in (
        ("/api/tenants", last[:-2] + "AA"),
        ("/api/tenants", "x"),
        ("/api/tenants", "MjAyNnx4"),
        (f"{tenant.path}/channels", last),
    ):
        answer = await running.call("GET", path, params={"cursor": forged})
        assert (answer.status, answer.code) == (400, "invalid_cursor")
    for limit in ("-1", "0", "201", "1000000000", "x"):
        assert (await running.call("GET", "/api/tenants", params={"limit": limit})).status == 422


async def test_repeat_configuration_says_all_of_it_again(running: Running, owners: Owners) -> None:
    tenant = await running.tenant()
    await running.web_channel(tenant)
    heard = await told(owners, TenantConfigured, ChannelConfigured)
    await eventually_async(lambda: len(heard) == 2, "the first telling")
    bus = owners.of("orchestrator")
    for _ in range(2):
        command = RepeatConfiguration.make(tenant_id=PLATFORM, service="orchestrator")
        await bus.publish(outgoing(command))
    await eventually_async(lambda: len(heard) == 6, "two more tellings")
    assert {event.tenant_id for event in heard} == {UUID(tenant.tenant_id)}
    assert {event.revision for event in heard} == {1}


async def test_repeats_under_one_idempotency_key_make_one(running: Running) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    body = {"slug": "once", "name": "Once"}
    first = await running.call("POST", "/api/tenants", body, headers=headers)
    second = await running.call("POST", "/api/tenants", body, headers=headers)
    assert (first.status, second.status) == (201, 201)
    assert first.json == second.json
    assert second.headers["Idempotency-Replayed"] == "true"
    other = await running.call("POST", "/api/tenants", {**body, "name": "Other"}, headers=headers)
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    path = f"/api/tenants/{first.json['tenant_id']}/keys"
    keys = [
        (await running.call("POST", path, {"name": "x"}, headers=headers)).json["key"]
        for _ in range(2)
    ]
    assert keys[0] == keys[1]
    stored = await running.rows("select sealed_body from idempotency")
    assert all(keys[0] not in row["sealed_body"] for row in stored)
    failed = {"Idempotency-Key": "fails-first"}
    bad = await running.call("POST", "/api/tenants", body, headers=failed)
    assert bad.status == 409
    good = await running.call("POST", "/api/tenants", {**body, "slug": "two"}, headers=failed)
    assert good.status == 201
