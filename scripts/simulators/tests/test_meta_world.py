"""The state of the simulated Meta: templates, tokens, windows, rates, nodes, history, faults."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from simulators.meta import MetaSimulator
from simulators.webhook_receiver import WebhookReceiver

PHONE, PAGE, ACCOUNT, CUSTOMER = "106540352242922", "61550000000001", "419561257915477", "1650555"
DAY = 86_400
Json = dict[str, Any]
TEMPLATES = f"/v23.0/{ACCOUNT}/message_templates"
BODY = {"type": "BODY", "text": "Hi {{1}}, it ships.", "example": {"body_text": [["Ana"]]}}


async def call(http: aiohttp.ClientSession, method: str, path: str, **more: Any) -> Json:
    async with http.request(method, path, **more) as answer:
        found: Json = await answer.json()
        return found


def template(name: str = "shipped", **more: Any) -> Json:
    return {
        "name": name,
        "language": "en_US",
        "category": "UTILITY",
        "components": [BODY],
        **more,
    }


async def send_template(http: aiohttp.ClientSession, *values: str, code: str = "en_US") -> Json:
    parameters = [{"type": "text", "text": value} for value in values]
    body = {
        "messaging_product": "whatsapp",
        "to": CUSTOMER,
        "type": "template",
        "template": {
            "name": "shipped",
            "language": {"code": code},
            "components": [{"type": "body", "parameters": parameters}],
        },
    }
    return await call(http, "POST", f"/v23.0/{PHONE}/messages", json=body)


async def send_text(http: aiohttp.ClientSession, to: str = CUSTOMER) -> Json:
    body = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "Hi"}}
    return await call(http, "POST", f"/v23.0/{PHONE}/messages", json=body)


def code_of(said: Json) -> int:
    return int(said.get("error", {}).get("code", 0))


async def test_a_template_is_reviewed_used_paused_and_deleted(
    graph: aiohttp.ClientSession, receiver: WebhookReceiver
) -> None:
    made = await call(graph, "POST", TEMPLATES, json=template())
    assert (made["status"], made["category"]) == ("PENDING", "UTILITY")
    (arrived,) = await receiver.wait_for(1)
    change = arrived.body["entry"][0]["changes"][0]
    assert arrived.body["entry"][0]["id"] == ACCOUNT
    assert (change["field"], change["value"]["event"]) == (
        "message_template_status_update",
        "APPROVED",
    )
    assert str(change["value"]["message_template_id"]) == made["id"]
    assert (await send_template(graph, "Ana"))["messages"][0]["message_status"] == "accepted"
    assert code_of(await send_template(graph)) == 132000
    assert code_of(await send_template(graph, "a\nb")) == 132012
    assert code_of(await send_template(graph, "Ana", code="de")) == 132001
    for status, code in (("PAUSED", 132015), ("DISABLED", 132016), ("REJECTED", 132001)):
        fields = {"name": "shipped", "status": status, "reason": "SPAM"}
        await call(graph, "POST", "/_sim/templates", json=fields)
        assert code_of(await send_template(graph, "Ana")) == code
    assert await call(graph, "DELETE", TEMPLATES, params={"name": "shipped"}) == {"success": True}
    assert (await call(graph, "GET", TEMPLATES))["data"] == []


async def test_templates_are_paged_filtered_and_edited(
    quick: MetaSimulator, graph: aiohttp.ClientSession
) -> None:
    for number in range(7):
        quick.templates.add(
            ACCOUNT, name=f"t{number}", language="en", category="UTILITY", status="APPROVED"
        )
    names: list[str] = []
    path: str | None = f"{TEMPLATES}?limit=3&fields=name,status"
    while path:
        page = await call(graph, "GET", path)
        names += [one["name"] for one in page["data"]]
        assert "components" not in page["data"][0]
        path = page["paging"].get("next", "").removeprefix(quick.url)
    assert names == [f"t{number}" for number in range(7)]
    found = (await call(graph, "GET", f"{TEMPLATES}?name=t3"))["data"][0]
    edited = await call(graph, "POST", f"/v23.0/{found['id']}", json={"components": [BODY]})
    assert edited == {"success": True}
    assert (await call(graph, "GET", f"/v23.0/{found['id']}"))["components"] == [BODY]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Not Good"},
        {"language": "english"},
        {"category": "GOSSIP"},
        {"components": [{"type": "FOOTER", "text": "x"}]},
        {"components": [{"type": "BODY", "text": "{{1}} first", "example": {}}]},
        {"components": [{"type": "BODY", "text": "Hi {{1}}, no example"}]},
        {"components": [{"type": "BODY", "text": "x" * 1025}]},
    ],
)
async def test_templates_that_are_not_taken(graph: aiohttp.ClientSession, wrong: Json) -> None:
    assert code_of(await call(graph, "POST", TEMPLATES, json=template(**wrong))) == 100


@pytest.mark.parametrize(
    ("state", "code", "subcode"),
    [
        ("expired", 190, 463),
        ("password_changed", 190, 460),
        ("invalid", 190, 463),
        ("no_permission", 10, None),
        ("valid", 0, None),
    ],
)
async def test_tokens(
    graph: aiohttp.ClientSession, state: str, code: int, subcode: int | None
) -> None:
    await call(graph, "POST", "/_sim/tokens", json={"token": "a-token", "state": state})
    said = await send_text(graph)
    assert code_of(said) == code
    assert said.get("error", {}).get("error_subcode") == subcode
    headers = {"Authorization": "Bearer app|secret"}
    query = {"input_token": "a-token"}
    found = await call(graph, "GET", "/v23.0/debug_token", params=query, headers=headers)
    assert found["data"]["is_valid"] is (code != 190)


async def test_a_token_expires_with_simulated_time(graph: aiohttp.ClientSession) -> None:
    await call(graph, "POST", "/_sim/tokens", json={"token": "a-token", "expires_in_seconds": 60})
    assert code_of(await send_text(graph)) == 0
    await call(graph, "POST", "/_sim/clock", json={"advance_seconds": 61})
    assert code_of(await send_text(graph)) == 190


async def test_the_window_closes_after_a_day(graph: aiohttp.ClientSession) -> None:
    await call(graph, "POST", "/_sim/rules", json={"window": True})
    assert code_of(await send_text(graph)) == 131047
    inbound = {"receiver": PHONE, "customer": CUSTOMER, "text": "Hello"}
    await call(graph, "POST", "/_sim/inbound", json=inbound)
    assert code_of(await send_text(graph)) == 0
    await call(graph, "POST", "/_sim/clock", json={"advance_seconds": DAY + 1})
    assert code_of(await send_text(graph)) == 131047
    assert code_of(await send_template(graph)) == 0


async def test_messengers_window_and_its_human_agent_tag(graph: aiohttp.ClientSession) -> None:
    await call(graph, "POST", "/_sim/rules", json={"window": True})
    inbound = {"platform": "messenger", "receiver": PAGE, "customer": "1", "text": "Hello"}
    await call(graph, "POST", "/_sim/inbound", json=inbound)
    await call(graph, "POST", "/_sim/clock", json={"advance_seconds": DAY + 1})
    body: Json = {"recipient": {"id": "1"}, "message": {"text": "Hi"}}
    path = f"/v23.0/{PAGE}/messages"
    error = (await call(graph, "POST", path, json=body))["error"]
    assert (error["code"], error["error_subcode"]) == (10, 2018278)
    tagged = {**body, "messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    assert "message_id" in await call(graph, "POST", path, json=tagged)
    await call(graph, "POST", "/_sim/clock", json={"advance_seconds": 6 * DAY})
    assert code_of(await call(graph, "POST", path, json=tagged)) == 10


async def test_the_pair_rate_and_the_throughput(graph: aiohttp.ClientSession) -> None:
    await call(graph, "POST", "/_sim/rules", json={"pair_rate": True})
    assert [code_of(await send_text(graph)) for _ in range(46)] == [0] * 45 + [131056]
    assert code_of(await send_text(graph, "another")) == 0
    await call(graph, "POST", "/_sim/clock", json={"advance_seconds": 6})
    assert code_of(await send_text(graph)) == 0
    rules = {"pair_rate": False, "messages_per_second": 0.001}
    await call(graph, "POST", "/_sim/rules", json=rules)
    assert [code_of(await send_text(graph)) for _ in range(2)] == [0, 130429]


async def test_numbers_pages_and_accounts(graph: aiohttp.ClientSession) -> None:
    fields = {"fields": "display_phone_number,verified_name,quality_rating"}
    number = await call(graph, "GET", f"/v23.0/{PHONE}", params=fields)
    assert number["quality_rating"] == "GREEN"
    assert set(number) == {"id", "display_phone_number", "verified_name", "quality_rating"}
    page = await call(graph, "GET", f"/v23.0/{PAGE}", params={"fields": "id,name"})
    assert page["name"] == "Simulated page"
    node = {"id": PHONE, "kind": "phone", "account_id": ACCOUNT, "quality_rating": "RED"}
    await call(graph, "POST", "/_sim/nodes", json=node)
    found = await call(graph, "GET", f"/v23.0/{ACCOUNT}/phone_numbers")
    assert [(one["id"], one["quality_rating"]) for one in found["data"]] == [(PHONE, "RED")]
    await call(graph, "POST", "/_sim/nodes", json={"id": PHONE, "kind": "missing"})
    error = (await call(graph, "GET", f"/v23.0/{PHONE}", params=fields))["error"]
    assert (error["code"], error["error_subcode"]) == (100, 33)


async def test_subscriptions(graph: aiohttp.ClientSession) -> None:
    path = f"/v23.0/{ACCOUNT}/subscribed_apps"
    assert len((await call(graph, "GET", path))["data"]) == 1
    assert await call(graph, "DELETE", path) == {"success": True}
    assert (await call(graph, "GET", path))["data"] == []
    override = {"override_callback_uri": "https://example.org/hook"}
    assert code_of(await call(graph, "POST", path, json=override)) == 100
    said = await call(graph, "POST", path, json={**override, "verify_token": "v"})
    assert said["data"][0]["override_callback_uri"] == "https://example.org/hook"
    page = f"/v23.0/{PAGE}/subscribed_apps"
    fields = {"subscribed_fields": "messages,messaging_postbacks"}
    assert await call(graph, "POST", page, params=fields) == {"success": True}
    (row,) = (await call(graph, "GET", page))["data"]
    assert row["subscribed_fields"] == ["messages", "messaging_postbacks"]


async def test_the_history_of_a_message_that_nobody_heard_of(
    quick: MetaSimulator, graph: aiohttp.ClientSession, receiver: WebhookReceiver
) -> None:
    quick.later.delays_seconds = {"sent": 0.0, "delivered": 0.0}
    quick.faults.add({"kind": "unread_answer"})
    with pytest.raises(aiohttp.ClientError):
        await send_text(graph)
    await receiver.wait_for(1)
    message_id = next(quick.sends.after(0)).message_id
    path = f"/v23.0/{PHONE}/message_history"
    (row,) = (await call(graph, "GET", path, params={"message_id": message_id}))["data"]
    assert [one["delivery_status"] for one in row["events"]["data"]] == ["SENT", "DELIVERED"]
    edges = (await call(graph, "GET", f"/v23.0/{row['id']}/events"))["data"]
    assert [one["node"]["delivery_status"] for one in edges] == ["ACCEPTED", "SENT", "DELIVERED"]


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [("failed_status", ["failed"]), ("failed_then_delivered", ["failed", "delivered"])],
)
async def test_a_send_may_fail_after_it_was_accepted(
    quick: MetaSimulator,
    graph: aiohttp.ClientSession,
    receiver: WebhookReceiver,
    kind: str,
    statuses: list[str],
) -> None:
    quick.faults.add({"kind": kind, "code": 131049})
    await send_text(graph)
    arrived = await receiver.wait_for(len(statuses))
    values = [one.body["entry"][0]["changes"][0]["value"] for one in arrived]
    assert [value["statuses"][0]["status"] for value in values] == statuses
    assert values[0]["statuses"][0]["errors"][0]["code"] == 131049


async def test_faults_stay_are_aimed_and_spare_read_marks(graph: aiohttp.ClientSession) -> None:
    fault = {"kind": "error_code", "code": 131000, "always": True}
    await call(graph, "POST", "/_sim/faults", json=fault)
    read = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.X"}
    path = f"/v23.0/{PHONE}/messages"
    assert await call(graph, "POST", path, json=read) == {"success": True}
    assert [code_of(await send_text(graph)) for _ in range(3)] == [131000] * 3
    await call(graph, "DELETE", "/_sim/faults")
    assert code_of(await send_text(graph)) == 0
    aimed = {"kind": "error_code", "code": 190, "subcode": 460, "operation": "actions"}
    await call(graph, "POST", "/_sim/faults", json=aimed)
    assert code_of(await send_text(graph)) == 0
    error = (await call(graph, "POST", path, json=read))["error"]
    assert (error["code"], error["error_subcode"]) == (190, 460)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", {"advance_seconds": -1}),
        ("clock", {}),
        ("tokens", {"token": "x", "state": "tired"}),
        ("rules", {"gravity": True}),
        ("templates", {"name": "x", "status": "SLEEPY"}),
        ("nodes", {"id": "1", "kind": "planet"}),
        ("notices", {"kind": "gossip"}),
        ("faults", {"kind": "slow", "operation": "dance"}),
    ],
)
async def test_control_that_makes_no_sense(
    graph: aiohttp.ClientSession, path: str, body: Json
) -> None:
    async with graph.post(f"/_sim/{path}", json=body) as answer:
        assert (answer.status, "error" in await answer.json()) == (422, True)
