"""Every route × a foreign tenant's ids: the answer is the one for what is not there."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest

from bus import Refused
from contracts.v1 import (
    channel_health,
    contacts,
    conversations,
    curated,
    documents,
    inbox,
    knowledge,
    model_routes,
    spending,
    templates,
    timelines,
    tools,
    trying,
    web_sources,
    webhooks,
)
from gateway.problems import MEDIA_TYPE

from .conftest import Answered, Owners, Running, Tenant

BODIES: dict[tuple[str, str], Any] = {
    ("PUT", "{tenant_id}"): {"name": "x"},
    ("POST", "channels"): {"channel_type": "webchat", "name": "x"},
    ("PUT", "{channel_id}"): {"name": "x"},
    ("POST", "keys"): {"name": "x"},
    ("PUT", "budget"): {"monthly_usd": 1},
    ("PUT", "routes"): {"routes": [{"purpose": "answer", "model": "openai/x"}]},
    ("PUT", "{provider}"): {"base_url": "https://shop.example/v1"},
    ("POST", "test"): {},
    ("PUT", "{conversation_id}"): {"status": "closed"},
    ("POST", "messages"): {"text": "x"},
    ("POST", "notes"): {"text": "x"},
    ("PUT", "presence"): {"state": "viewing"},
    ("POST", "canned-replies"): {"shortcut": "x", "title": "x", "text": "x"},
    ("PUT", "{canned_reply_id}"): {"shortcut": "x", "title": "x", "text": "x"},
    ("POST", "curated-answers"): {"questions": ["x"], "text": "x"},
    ("PUT", "{curated_answer_id}"): {"questions": ["x"], "text": "x"},
    ("PUT", "{cluster_id}"): {"state": "dismissed"},
    ("PUT", "{tool_name}"): {"description": "x", "url": "https://shop.example/tool"},
    ("POST", "try"): {},
    ("PUT", "{server_name}"): {"url": "https://shop.example/mcp"},
    ("POST", "search"): {"query": "x"},
    ("POST", "texts"): {"items": [{"title": "x", "text": "words of one"}]},
    ("PATCH", "{document_id}"): {"enabled": False},
    ("POST", "rollback"): {},
    ("POST", "web-sources"): {"url": "https://shop.example/"},
    ("PATCH", "{source_id}"): {"paused": True},
    ("POST", "qa-pairs"): {"question": "x", "answer": "y"},
    ("POST", "question-sets"): {"name": "x"},
    ("POST", "questions"): {
        "items": [{"question": "x", "relevant": [{"document_id": str(uuid4())}]}]
    },
    ("POST", "runs"): {"figures": {}},
    ("POST", "chat"): {"message": "x"},
    ("POST", "replays"): {"name": "x"},
    ("POST", "experiments"): {"name": "x", "kind": "shadow", "percent": 5, "settings": {}},
    ("POST", "webhooks"): {"url": "https://x.example/hook"},
    ("PUT", "{webhook_id}"): {"description": "x"},
    ("POST", "redeliver"): {"event_id": str(uuid4())},
    ("PATCH", "{key_id}"): {"name": "x"},
    ("POST", "merge"): {"contact_id": str(uuid4())},
    ("PATCH", "{template_id}"): {"category": "UTILITY"},
    ("POST", "templates"): {
        "name": "x",
        "language": "en",
        "category": "UTILITY",
        "components": [{"type": "BODY"}],
    },
}
FORMS = ("/documents", "/documents/batch", "/media", "/content", "/import")
TUS = {
    "Tus-Resumable": "1.0.0",
    "Upload-Offset": "0",
    "Content-Type": "application/offset+octet-stream",
}
ASKED = {
    "orchestrator": [
        tools.ListTools, tools.KeepTool, tools.RemoveTool, tools.TryTool, tools.KeepMcpServer,
        tools.RemoveMcpServer,
        conversations.ListConversations, conversations.GetConversation,
        conversations.UpdateConversation, conversations.ListMessages, conversations.PostMessage,
        conversations.ListTurns, inbox.AddNote, inbox.ListNotes, inbox.ShowPresence,
        curated.KeepCuratedAnswer, curated.ListCuratedAnswers, curated.RemoveCuratedAnswer,
        curated.ListUnanswered, curated.UpdateUnanswered,
        inbox.ListCannedReplies, inbox.KeepCannedReply, inbox.RemoveCannedReply,
        trying.TryReply, trying.StartReplay, trying.ListReplays,
        trying.GetReplay, trying.ListReplayTurns, trying.StopReplay, trying.StartExperiment,
        trying.ListExperiments, trying.StopExperiment, timelines.GetConversationSteps,
    ],
    "channel-ingress": [
        channel_health.GetChannelHealth, channel_health.CheckChannel, templates.ListTemplates,
        templates.CreateTemplate, templates.EditTemplate, templates.DeleteTemplate,
        templates.SyncTemplates, contacts.ListContacts, contacts.GetContact,
        contacts.MergeContacts, contacts.UndoMerge,
    ],
    "rag-indexer": [
        documents.GetDocument, documents.ListDocuments, documents.ListVersions,
        documents.GetKnowledgeUse, web_sources.ListWebSources, web_sources.CreateWebSource,
        web_sources.GetWebSource, web_sources.UpdateWebSource, web_sources.RefreshWebSource,
        web_sources.RemoveWebSource,
    ],
    "retriever": [
        knowledge.SearchKnowledge, documents.ForgetDocument, documents.ListPassages,
        documents.RollbackDocument,
    ],
    "llm-router": [
        spending.GetBudget, spending.KeepBudget, spending.GetSpend, model_routes.ListModelCalls,
        model_routes.GetModelRoutes, model_routes.KeepModelRoutes, model_routes.ListProviders,
        model_routes.KeepProvider, model_routes.TestProvider, model_routes.ForgetProvider,
    ],
    "webhook-dispatcher": [
        webhooks.CreateEndpoint, webhooks.UpdateEndpoint, webhooks.GetEndpoint,
        webhooks.ListEndpoints, webhooks.RemoveEndpoint, webhooks.ListDeliveries,
        webhooks.RedeliverEvent, webhooks.SendTestEvent,
    ],
}  # fmt: skip


def told(answer: Answered) -> tuple[Any, ...]:
    """An answer without what differs from request to request."""
    said = answer.json if answer.raw else {}
    body = {key: value for key, value in said.items() if key != "trace_id"}
    return answer.status, answer.headers["Content-Type"], tuple(sorted(body.items()))


async def refuse_everything(owners: Owners, asked: list[Any]) -> None:
    """Owners that know none of the ids, and remember whose data was asked for."""

    async def refuse(request: Any) -> Any:
        asked.append(request)
        raise Refused("not_found", "not of this tenant")

    for service, requests in ASKED.items():
        for request in requests:
            owners.of(service).answer(request, refuse)
    await owners.start()


async def belongings(running: Running, tenant: Tenant) -> dict[str, str]:
    """Ids of what a tenant has."""
    channel = await running.web_channel(tenant)
    key = (await tenant.call("GET", f"{tenant.path}/keys")).json["items"][0]
    form = aiohttp.FormData()
    form.add_field("file", b"words", filename="a.txt")
    document = await tenant.call("POST", f"{tenant.path}/documents", data=form)
    questions = await tenant.call("POST", f"{tenant.path}/question-sets", {"name": "x"})
    announced = {"Tus-Resumable": "1.0.0", "Upload-Length": "9"}
    large = await tenant.call("POST", f"{tenant.path}/uploads", headers=announced)
    return {
        "channel_id": channel["channel_id"],
        "key_id": key["key_id"],
        "document_id": document.json["document_id"],
        "source_id": str(uuid4()),
        "set_id": questions.json["set_id"],
        "question_id": str(uuid4()),
        "upload_id": large.headers["Location"].rsplit("/", 1)[1],
        "conversation_id": str(uuid4()),
        "canned_reply_id": str(uuid4()),
        "curated_answer_id": str(uuid4()),
        "cluster_id": str(uuid4()),
        "webhook_id": str(uuid4()),
        "replay_id": str(uuid4()),
        "message_id": str(uuid4()),
        "experiment_id": str(uuid4()),
        "contact_id": str(uuid4()),
        "merge_id": str(uuid4()),
        "template_id": "4711",
        "name": "order_update",
        "tool_name": "order_status",
        "server_name": "shop",
        "provider": "openai",
    }


def routes(schema: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    for path, operations in schema["paths"].items():
        if path.startswith("/api/tenants/{tenant_id}"):
            found += [(method.upper(), path) for method in operations]
    return found


async def test_every_route_with_foreign_ids(running: Running, owners: Owners) -> None:
    asked: list[Any] = []
    await refuse_everything(owners, asked)
    one, two = await running.tenant(), await running.tenant()
    foreign = await belongings(running, two)
    schema = (await running.call("GET", "/openapi.json")).json
    nobody = {name: str(uuid4()) for name in foreign}
    nobody |= {"provider": "nowhere"}
    nobody |= {
        "key_id": "aaaaaaaaaaaa",
        "template_id": "4712",
        "name": "no_template",
        "tool_name": "none",
        "server_name": "none",
    }
    found = routes(schema)
    assert len(found) >= 46
    for method, path in found:
        names = re.findall(r"\{(\w+)\}", path)
        json = BODIES.get((method, path.rsplit("/", 1)[-1]))

        async def ask(tenant_id: str, ids: dict[str, str], m=method, p=path, j=json) -> Answered:
            address = p.format(tenant_id=tenant_id, **ids)
            if p.endswith(FORMS) and m in {"POST", "PUT"}:
                form = aiohttp.FormData()
                form.add_field("file", b"more words", filename="b.txt")
                return await one.call(m, address, data=form)
            headers = TUS if "/uploads" in p else {}
            return await one.call(m, address, j, headers=headers)

        theirs = await ask(two.tenant_id, foreign)
        nowhere = await ask(str(uuid4()), foreign)
        assert theirs.status == 404, (method, path, theirs.raw)
        assert theirs.headers["Content-Type"] == MEDIA_TYPE
        assert told(theirs) == told(nowhere), (method, path)
        if len(names) > 1:
            mixed = await ask(one.tenant_id, foreign)
            missing = await ask(one.tenant_id, nobody)
            assert mixed.status == 404, (method, path, mixed.raw)
            assert told(mixed) == told(missing), (method, path)
    assert {str(request.tenant_id) for request in asked} <= {one.tenant_id, two.tenant_id}
    by_two = [request for request in asked if str(request.tenant_id) == two.tenant_id]
    assert all(isinstance(r, documents.GetDocument) for r in by_two)
    kept = await running.rows("select revoked_at from api_keys where revoked_at is not null")
    assert kept == []


async def test_row_level_security_hides_what_a_query_forgets(running: Running) -> None:
    one, two = await running.tenant(), await running.tenant()
    await running.web_channel(two)
    database = running.gateway.parts.database
    tables = [
        row["relname"]
        for row in await running.rows(
            "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid"
            " where a.attname = 'tenant_id' and c.relkind = 'r'"
            " and c.relnamespace = 'public'::regnamespace"
        )
    ]
    assert {"tenants", "channels", "api_keys", "webhook_ledger", "uploads"} <= set(tables)
    for table in tables:
        (security,) = await running.rows(
            "select relrowsecurity, relforcerowsecurity from pg_class where relname = $1", table
        )
        assert tuple(security) == (True, True), table
        async with database.transaction(UUID(one.tenant_id)) as tx:
            seen = await tx.fetch(f"select distinct tenant_id from {table}")
            assert {str(row["tenant_id"]) for row in seen} <= {one.tenant_id}
    connection = await asyncpg.connect(running.database.url)
    try:
        assert await connection.fetch("select * from tenants") == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "insert into tenants (tenant_id, slug, name, settings)"
                " values (gen_random_uuid(), 'x', 'x', '{}')"
            )
    finally:
        await connection.close()


async def test_errors_are_problems_everywhere(running: Running) -> None:
    tenant = await running.tenant()
    json = {"Content-Type": "application/json"}
    cases = [
        ("GET", "/nowhere", {}, 404, "not_found"),
        ("GET", "/api/nowhere", {}, 404, "not_found"),
        ("PATCH", "/api/tenants", {}, 405, "method_not_allowed"),
        ("POST", "/api/tenants", {"data": b"{", "headers": json}, 400, "invalid_json"),
        ("POST", "/api/tenants", {"data": b'{"a": NaN}', "headers": json}, 400, "invalid_json"),
        ("POST", "/api/tenants", {"data": b'{"a": "\\ud800"}', "headers": json}, 400,
         "invalid_json"),
        ("POST", "/api/tenants", {"data": b"[" * 65 + b"]" * 65, "headers": json}, 400,
         "invalid_json"),
        ("POST", "/api/tenants", {"data": b"[" * 100_000, "headers": json}, 400, "invalid_json"),
        ("POST", "/api/tenants", {"data": b'"' + b"x" * 1024 * 1024 + b'"', "headers": json},
         413, "too_large"),
        ("POST", "/api/tenants", {"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415,
         "unsupported_media_type"),
        ("POST", "/api/tenants", {"data": b"{}", "headers": {**json, "Content-Encoding": "br"}},
         415, "unsupported_encoding"),
        ("GET", "/api/tenants/nonsense", {}, 422, "invalid"),
        ("POST", "/api/tenants/nonsense/keys", {"json": {"name": "x"},
         "headers": {"Idempotency-Key": "k"}}, 422, "invalid"),
        ("POST", "/api/tenants", {"json": {}, "headers": {"Idempotency-Key": "k" * 256}}, 422,
         "invalid"),
        ("GET", f"{tenant.path}/channels?limit=x", {}, 422, "invalid"),
    ]  # fmt: skip
    for method, path, arguments, status, code in cases:
        answer = await running.call(method, path, **arguments)
        assert (answer.status, answer.code) == (status, code), (path, answer.raw[:200])
        assert answer.headers["Content-Type"] == MEDIA_TYPE
        assert answer.json["type"] == f"urn:chat:problem:{code}"
        assert answer.json["status"] == status
        assert re.fullmatch("[0-9a-f]{32}", answer.json["trace_id"])


async def test_a_failure_of_ours_tells_nothing(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def explode(*_: object) -> None:
        raise RuntimeError("select secret from passwords")

    monkeypatch.setattr(type(running.gateway.parts.tenants), "page", explode)
    answer = await running.call("GET", "/api/tenants")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"secret" not in answer.raw
