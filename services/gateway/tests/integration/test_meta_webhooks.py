"""Meta's webhooks: proven, kept with their event in one commit, answered."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

from multidict import CIMultiDict

from contracts.v1.channels import ChannelWebhookReceived
from gateway.webhooks import BODY_BYTES_MAX
from observe import arm, disarm
from testkit import eventually_async

from .conftest import APP_SECRET, VERIFY_TOKEN, Owners, Running, signature

BODY = json.dumps(
    {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": []}]}
).encode()


async def ledger(running: Running) -> list[Any]:
    return await running.rows("select * from webhook_ledger order by received_at")


async def test_a_signed_body_is_kept_as_it_came_and_said_once(
    running: Running, owners: Owners
) -> None:
    heard: list[ChannelWebhookReceived] = []

    async def hear(delivery: Any) -> None:
        heard.append(ChannelWebhookReceived.hear(delivery.body))
        await delivery.done()

    owners.of("channel-ingress").listen(ChannelWebhookReceived, hear)
    await owners.of("channel-ingress").start()
    body = b'{"object": "whatsapp_business_account", "text": "\\u00e4 \\/ @ \xc3\xa4"}'
    answer = await running.call.webhook("/webhooks/whatsapp", body)
    assert answer.status == 200
    rows = await ledger(running)
    assert [row["body"] for row in rows] == [body]
    assert rows[0]["object_kind"] == "whatsapp_business_account"
    assert rows[0]["tenant_id"] == UUID(int=0)
    await eventually_async(lambda: heard, "the event of the webhook")
    assert heard[0].body == body.decode()
    assert heard[0].delivery_id == rows[0]["delivery_id"]
    assert heard[0].channel_type == "whatsapp"
    assert len(heard) == 1


WRONG_SIGNATURES = [
    "",
    "sha1=0000000000000000000000000000000000000000",
    "sha256=12",
    "sha256=" + "g" * 64,
    signature("another secret", BODY),
    signature(APP_SECRET, BODY + b" "),
]


async def test_a_wrong_signature_is_refused_and_nothing_is_kept(running: Running) -> None:
    for wrong in WRONG_SIGNATURES:
        headers = {"X-Hub-Signature-256": wrong}
        answer = await running.call.webhook("/webhooks/whatsapp", BODY, **headers)
        assert (answer.status, answer.code) == (401, "invalid_signature"), wrong
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert await ledger(running) == []


async def test_no_signature_and_two_signatures_are_refused(running: Running) -> None:
    call = running.call.using(None)
    none = await call("POST", "/webhooks/whatsapp", data=BODY)
    right = signature(APP_SECRET, BODY)
    headers = CIMultiDict([("X-Hub-Signature-256", right), ("X-Hub-Signature-256", right)])
    async with running.call.http.post(
        f"{running.url}/webhooks/whatsapp", data=BODY, headers=headers
    ) as two:
        assert two.status == 401
    assert none.status == 401
    assert await ledger(running) == []


async def test_upper_case_hex_is_a_signature_too(running: Running) -> None:
    right = "sha256=" + signature(APP_SECRET, BODY).partition("=")[2].upper()
    answer = await running.call.webhook(
        "/webhooks/messenger", BODY, **{"X-Hub-Signature-256": right}
    )
    assert answer.status == 200


async def test_a_signed_body_that_nobody_can_parse_is_kept(running: Running) -> None:
    bodies = [b"", b"not json", b"\xff\xfe\x00", b"[" * 100_000, b'{"a": NaN}', b'{"a":"\x00"}']
    for body in bodies:
        assert (await running.call.webhook("/webhooks/whatsapp", body)).status == 200
    rows = await ledger(running)
    kept = {row["body"] for row in rows if row["body"] is not None}
    assert kept == {b"", b"not json", b'{"a": NaN}'}
    assert len(rows) == len(bodies)
    for row in rows:
        if row["body"] is None:
            assert await running.gateway.parts.blobs.get(row["body_sha256"]) in bodies


async def test_too_large_is_refused_before_it_is_read(running: Running) -> None:
    too_large = b"x" * (BODY_BYTES_MAX + 1)
    answer = await running.call.webhook("/webhooks/whatsapp", too_large)
    assert (answer.status, answer.code) == (413, "too_large")
    largest = b"x" * BODY_BYTES_MAX
    assert (await running.call.webhook("/webhooks/whatsapp", largest)).status == 200


async def test_too_large_in_chunks_is_refused_as_well(running: Running) -> None:
    async def chunks() -> Any:
        for _ in range(65):
            yield b"x" * 65_536

    answer = await running.call.using(None)(
        "POST", "/webhooks/whatsapp", data=chunks(), headers={"X-Hub-Signature-256": "sha256=1"}
    )
    assert answer.status == 413


async def test_content_encoding_is_refused(running: Running) -> None:
    answer = await running.call.webhook("/webhooks/whatsapp", BODY, **{"Content-Encoding": "gzip"})
    assert (answer.status, answer.code) == (415, "unsupported_encoding")


async def test_many_at_once_share_commits_and_each_is_there(running: Running) -> None:
    bodies = [json.dumps({"object": "page", "number": n}).encode() for n in range(200)]
    answers = await asyncio.gather(
        *(running.call.webhook("/webhooks/messenger", body) for body in bodies)
    )
    assert {answer.status for answer in answers} == {200}
    assert {row["body"] for row in await ledger(running)} == set(bodies)


async def test_five_copies_at_once_are_five_rows_and_all_answered(running: Running) -> None:
    answers = await asyncio.gather(
        *(running.call.webhook("/webhooks/whatsapp", BODY) for _ in range(5))
    )
    assert [answer.status for answer in answers] == [200] * 5
    assert len(await ledger(running)) == 5


async def test_nobody_is_answered_before_the_commit(running: Running) -> None:
    arm("gateway.before_commit=raise")
    try:
        answer = await running.call.webhook("/webhooks/whatsapp", BODY)
    finally:
        disarm()
    assert answer.status == 500
    assert await ledger(running) == []


async def test_handshake(running: Running) -> None:
    async def ask(**query: str) -> Any:
        params = {f"hub.{name}": value for name, value in query.items()}
        return await running.call.using(None)("GET", "/webhooks/whatsapp", params=params)

    right = {"mode": "subscribe", "verify_token": VERIFY_TOKEN, "challenge": "1158201444"}
    answer = await ask(**right)
    assert (answer.status, answer.raw) == (200, b"1158201444")
    assert answer.headers["Content-Type"].startswith("text/plain")
    for wrong in (
        {"mode": "unsubscribe"},
        {"verify_token": "guess"},
        {"verify_token": ""},
        {"challenge": ""},
        {"challenge": "<script>alert(1)</script>"},
        {"challenge": "a" * 257},
    ):
        refused = await ask(**{**right, **wrong})
        assert (refused.status, refused.code) == (403, "invalid_handshake")


async def test_other_methods_are_refused(running: Running) -> None:
    answer = await running.call("DELETE", "/webhooks/whatsapp")
    assert (answer.status, answer.code) == (405, "method_not_allowed")


async def test_an_app_of_the_tenants_own_signs_its_own_address(running: Running) -> None:
    tenant = await running.tenant()
    made = await tenant.call(
        "POST",
        f"{tenant.path}/channels",
        {
            "channel_type": "whatsapp",
            "name": "Own app",
            "external_id": "1055",
            "credentials": {"app_secret": "own-secret-1234567", "verify_token": "own-token"},
        },
    )
    channel_id = made.json["channel_id"]
    path = f"/webhooks/{channel_id}"
    assert made.json["webhook_url"].endswith(path)
    by_platform = await running.call.webhook(path, BODY)
    assert by_platform.status == 401
    by_tenant = await running.call.webhook(path, BODY, secret="own-secret-1234567")
    assert by_tenant.status == 200
    (row,) = await ledger(running)
    assert str(row["channel_id"]) == channel_id
    assert str(row["tenant_id"]) == tenant.tenant_id
    other_address = await running.call.webhook(
        "/webhooks/whatsapp", BODY, secret="own-secret-1234567"
    )
    assert other_address.status == 401
    query = {"hub.mode": "subscribe", "hub.verify_token": "own-token", "hub.challenge": "7"}
    assert (await running.call("GET", path, params=query)).raw == b"7"


async def test_an_unknown_channel_is_not_found_whatever_it_is(running: Running) -> None:
    tenant = await running.tenant()
    web = await running.web_channel(tenant)
    for name in (str(uuid4()), "telegram", "", web["channel_id"]):
        answer = await running.call.webhook(f"/webhooks/{name}", BODY)
        assert (answer.status, answer.code) == (404, "not_found"), name
