"""Whatever comes in, from the reference's own list of routes: an answer, a problem, never a 5xx."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from gateway.problems import MEDIA_TYPE

from .conftest import Owners, Running
from .test_isolation import refuse_everything

NASTY: list[Any] = [
    None, True, -1, 0, 2**31, 2**63, 10**40, 1e308, -0.0, "", " ", "a" * 5000, "\u202e", "💥" * 300,
    "../../etc/passwd", "' or 1=1 --", "%", "_", "a & b | !c <-> d:*", "\r\nX-Injected: 1", "\x7f",
    "2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "https://user@[::1]:x",
    str(uuid4()), [], [None], [[]], {}, {"a": {"b": []}}, ["read"] * 3, ["https://a.example"] * 101,
]  # fmt: skip
PATHS = ["nonsense", "00000000-0000-0000-0000-000000000000", "%00", "..", "💥", "a" * 3000, "{}"]
ID_NAMES = (
    "channel_id", "document_id", "conversation_id", "webhook_id", "contact_id", "merge_id",
    "template_id", "name", "token", "source_id", "upload_id", "set_id", "canned_reply_id",
    "curated_answer_id", "cluster_id",
    "question_id", "replay_id", "experiment_id", "message_id", "provider",
)  # fmt: skip
ROUNDS = 6


def fields_of(schema: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any] | None:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    reference = content["schema"]["$ref"].rsplit("/", 1)[-1]
    fields: dict[str, Any] = schema["components"]["schemas"][reference]["properties"]
    return fields


def some_body(chance: random.Random, fields: dict[str, Any]) -> Any:
    if chance.random() < 0.1:
        return chance.choice(NASTY)
    body = {name: chance.choice(NASTY) for name in fields if chance.random() < 0.7}
    for name, good in (("slug", f"s{chance.random()}"[:9]), ("name", "x"), ("query", "x")):
        if name in fields and chance.random() < 0.6:
            body[name] = good.replace(".", "-")
    if "channel_type" in fields and chance.random() < 0.6:
        body["channel_type"] = chance.choice(["whatsapp", "webchat"])
    return body


async def test_no_answer_is_a_failure_of_ours(running: Running, owners: Owners) -> None:
    await refuse_everything(owners, [])
    tenant = await running.tenant()
    schema = (await running.call("GET", "/openapi.json")).json
    chance = random.Random(20_26)
    statuses: dict[int, int] = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if method == "parameters" or path.startswith("/webhooks") or "health" in path:
                continue
            for number in range(ROUNDS):
                address = path
                for name in ID_NAMES:
                    odd = chance.choice([*PATHS, str(uuid4()), str(uuid4())])
                    address = address.replace(f"{{{name}}}", quote(odd, safe=""))
                own = number or "tenants/{tenant_id}" not in path
                address = address.replace("{tenant_id}", tenant.tenant_id if own else "nonsense")
                address = address.replace("{key_id}", quote(chance.choice(PATHS), safe=""))
                known = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
                query = {
                    name: str(chance.choice(NASTY))[:200]
                    for name in (*known, "stranger")
                    if chance.random() < (0.3 if name in known else 0.1)
                }
                fields = fields_of(schema, operation)
                body = some_body(chance, fields) if fields else None
                if path == "/api/tenants/{tenant_id}" and method == "delete":
                    continue
                answer = await running.call(method.upper(), address, body, params=query)
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
                told = (method, address[:120], query, str(body)[:300], answer.raw[:300])
                assert answer.status < 500, told
                if answer.status >= 400:
                    assert answer.headers["Content-Type"] == MEDIA_TYPE, told
    assert statuses.keys() & {200, 201}, statuses
    assert {404, 422} <= statuses.keys(), statuses
