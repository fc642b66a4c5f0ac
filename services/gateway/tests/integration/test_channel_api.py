"""Meta channels' choices and health, templates, contacts, audit, keys: asked of their owners."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from bus import Refused
from contracts.v1 import channel_health, contacts, templates, webhooks
from contracts.v1.tenants import ChannelConfigured
from postgres import DatabaseAway
from testkit import eventually_async

from .conftest import Owners, Running

TEMPLATE = {
    "name": "again", "language": "en_US",
    "parameters": [{"component": "body", "index": 0, "text": "{{text}}"}],
}  # fmt: skip


async def test_choices_are_checked_kept_and_said(running: Running, owners: Owners) -> None:
    heard: list[ChannelConfigured] = []

    async def hear(delivery: Any) -> None:
        heard.append(ChannelConfigured.hear(delivery.body))
        await delivery.done()

    owners.of("channel-ingress").listen(ChannelConfigured, hear)
    await owners.start()
    tenant = await running.tenant()
    path = f"{tenant.path}/channels"
    settings = {
        "business_account_id": "102290129340398", "app_id": "77", "messages_per_second": 40,
        "silence_alarm_hours": 12, "reengagement_template": TEMPLATE,
    }  # fmt: skip
    body = {"channel_type": "whatsapp", "name": "x", "external_id": "1", "settings": settings}
    made = await tenant.call("POST", path, body)
    assert made.status == 201, made.raw
    assert made.json["settings"]["messages_per_second"] == 40
    own = f"{path}/{made.json['channel_id']}"
    changed = await tenant.call("PUT", own, {"settings": {"messages_per_second": None}})
    assert "messages_per_second" not in changed.json["settings"]
    page = {"channel_type": "messenger", "name": "p", "external_id": "2"}
    page["settings"] = {"platform": "instagram", "human_agent_tag": True}
    assert (await tenant.call("POST", path, page)).status == 201
    await eventually_async(lambda: len(heard) == 3, "three states of two channels")
    states = {(event.channel_type, event.revision): event.choices for event in heard}
    first, second = states["whatsapp", 1], states["whatsapp", 2]
    assert first is not None
    assert second is not None
    assert (first.messages_per_second, second.messages_per_second) == (40, None)
    assert second.business_account_id == "102290129340398"
    assert second.reengagement_template is not None
    assert second.reengagement_template.parameters[0].text == "{{text}}"
    instagram = states["messenger", 1]
    assert instagram is not None
    assert (instagram.platform, instagram.human_agent_tag) == ("instagram", True)
    for wrong in (
        {"platform": "facebook"}, {"title": "x"}, {"messages_per_second": 0}, {"stranger": 1},
        {"reengagement_template": {"name": "Wrong Name", "language": "en"}}, {"app_id": "a b"},
    ):  # fmt: skip
        answer = await tenant.call("PUT", own, {"settings": wrong})
        assert answer.status == 422, wrong


class Ingress:
    """channel-ingress as the gateway sees it."""

    def __init__(self, owners: Owners) -> None:
        self.asked: list[Any] = []
        self.fails: Exception | None = None
        now = datetime.now(UTC)
        self.template = templates.Template(
            template_id="4711", channel_id=uuid4(), name="order_update", language="en_US",
            category="UTILITY", status="APPROVED", quality=None, rejected_reason=None,
            components='[{"type":"BODY","text":"Hi {{1}}"}]', places=["body:0"], synced_at=now,
        )  # fmt: skip
        self.contact = contacts.Contact(
            contact_id=uuid4(), display_name="Ana", identities=[], channels=[], opted_out=False,
            merged_into=None, created_at=now,
        )  # fmt: skip
        self.health = channel_health.ChannelHealth(
            channel_id=uuid4(), channel_type="whatsapp", level="red", findings=[],
            last_event_at=None, token_expires_at=None, parked_sends=2,
        )  # fmt: skip
        saved = templates.TemplateSaved(template=self.template)
        found = contacts.ContactFound(contact=self.contact, merges=[])
        known = channel_health.ChannelHealthFound(health=self.health)
        answers: dict[Any, Any] = {
            templates.ListTemplates: templates.TemplatesListed(
                templates=[self.template], next_cursor="order_update"
            ),
            templates.CreateTemplate: saved,
            templates.EditTemplate: saved,
            templates.DeleteTemplate: templates.TemplateDeleted(name="order_update"),
            templates.SyncTemplates: templates.TemplatesSynced(found=3, changed=1, removed=0),
            contacts.ListContacts: contacts.ContactsListed(
                contacts=[self.contact], next_cursor=None
            ),
            contacts.GetContact: found,
            contacts.MergeContacts: found,
            contacts.UndoMerge: found,
            channel_health.GetChannelHealth: known,
            channel_health.CheckChannel: known,
        }
        for request, answer in answers.items():
            owners.of("channel-ingress").answer(request, self._answering(answer))

    def _answering(self, answer: Any) -> Any:
        async def reply(request: Any) -> Any:
            self.asked.append(request)
            if self.fails is not None:
                raise self.fails
            return answer

        return reply

    def last(self, kind: Any) -> Any:
        return [request for request in self.asked if isinstance(request, kind)][-1]


async def test_templates_contacts_and_health(running: Running, owners: Owners) -> None:
    ingress = Ingress(owners)
    await owners.start()
    tenant = await running.tenant()
    channel = f"{tenant.path}/channels/{uuid4()}"
    listed = await tenant.call("GET", f"{channel}/templates?status=APPROVED")
    assert listed.json["items"][0]["components"] == [{"type": "BODY", "text": "Hi {{1}}"}]
    assert ingress.last(templates.ListTemplates).status == "APPROVED"
    cursor = listed.json["next_cursor"]
    await tenant.call("GET", f"{channel}/templates?status=APPROVED&cursor={cursor}")
    assert ingress.last(templates.ListTemplates).cursor == "order_update"
    new = {
        "name": "order_update", "language": "en_US", "category": "UTILITY",
        "components": [{"type": "BODY", "text": "Hi {{1}}"}],
    }  # fmt: skip
    assert (await tenant.call("POST", f"{channel}/templates", new)).status == 201
    assert (await tenant.call("POST", f"{channel}/templates", {**new, "name": "A"})).status == 422
    assert (await tenant.call("POST", f"{channel}/templates/sync")).json["found"] == 3
    edited = await tenant.call("PATCH", f"{channel}/templates/4711", {"category": "MARKETING"})
    assert edited.json["template_id"] == "4711"
    assert ingress.last(templates.EditTemplate).components is None
    gone = await tenant.call("DELETE", f"{channel}/templates/order_update?template_id=4711")
    assert gone.status == 204
    assert ingress.last(templates.DeleteTemplate).template_id == "4711"
    found = await tenant.call("GET", f"{tenant.path}/contacts?identity=%2B385%2091")
    assert found.json["items"][0]["display_name"] == "Ana"
    assert ingress.last(contacts.ListContacts).identity == "+385 91"
    one, other = ingress.contact.contact_id, uuid4()
    merge = f"{tenant.path}/contacts/{one}/merge"
    merged = await tenant.call("POST", merge, {"contact_id": str(other)})
    assert merged.json["merges"] == []
    asked = ingress.last(contacts.MergeContacts)
    assert (asked.kept_contact_id, asked.merged_contact_id) == (one, other)
    assert asked.merged_by.startswith("key:")
    assert (await tenant.call("POST", merge, {"contact_id": str(one)})).status == 422
    undone = await tenant.call("POST", f"{tenant.path}/contact-merges/{uuid4()}/undo")
    assert undone.status == 200
    assert (await tenant.call("GET", f"{channel}/health")).json["parked_sends"] == 2
    assert (await tenant.call("POST", f"{channel}/check")).json["level"] == "red"
    ingress.fails = Refused("already_merged", "They are one already.")
    refused = await tenant.call("POST", merge, {"contact_id": str(other)})
    assert (refused.status, refused.code) == (409, "already_merged")
    ingress.fails = DatabaseAway("gone")
    away = await tenant.call("GET", f"{channel}/health")
    assert (away.status, away.code) == (503, "unavailable")
    assert away.headers["Retry-After"] == "1"
    log = await tenant.call("GET", f"{tenant.path}/audit?limit=2")
    actions = [line["action"] for line in log.json["items"]]
    more = await tenant.call("GET", f"{tenant.path}/audit?cursor={log.json['next_cursor']}")
    actions += [line["action"] for line in more.json["items"]]
    assert actions == [
        "contact.merge_undone", "contact.merged", "template.deleted", "template.edited",
        "template.created", "key.created", "tenant.created",
    ]  # fmt: skip
    assert len({line["audit_id"] for line in (*log.json["items"], *more.json["items"])}) == 7


async def test_keys_are_read_renamed_and_ended(running: Running) -> None:
    tenant = await running.tenant()
    misspelt = await tenant.call("GET", f"{tenant.path}/keys?limt=5&limit=5")
    assert (misspelt.status, misspelt.code) == (422, "invalid")
    assert misspelt.json["errors"] == [
        {"field": "query.limt", "detail": "This address has no such parameter."}
    ]
    other = await running.tenant()
    made = (await tenant.call("POST", f"{tenant.path}/keys", {"name": "old"})).json
    path = f"{tenant.path}/keys/{made['key_id']}"
    assert (await tenant.call("GET", path)).json["name"] == "old"
    assert "key" not in (await tenant.call("GET", path)).json
    assert (await other.call("GET", path)).status == 404
    ended = await tenant.call("PATCH", path, {"name": "new", "expires_at": "2100-01-01T00:00:00Z"})
    assert (ended.json["name"], ended.json["expires_at"]) == ("new", "2100-01-01T00:00:00Z")
    kept = await tenant.call("PATCH", path, {"expires_at": None})
    assert (kept.json["name"], kept.json["expires_at"]) == ("new", None)
    for wrong in ({}, {"expires_at": "2000-01-01T00:00:00Z"}, {"scopes": ["read"]}, {"name": ""}):
        assert (await tenant.call("PATCH", path, wrong)).status == 422, wrong
    assert (await tenant.call("DELETE", path)).status == 204
    assert (await tenant.call("GET", path)).status == 404
    assert (await tenant.call("PATCH", path, {"name": "x"})).status == 404


async def test_endpoints_are_read_page_by_page(running: Running, owners: Owners) -> None:
    made = [
        webhooks.Endpoint(
            endpoint_id=UUID(int=number), url="https://x.example", description="",
            event_types=[], enabled=True, disabled_reason=None, secret_hint="…x",
            created_at=datetime(2026, 1, 1 + number // 2, tzinfo=UTC),
        )
        for number in range(5)
    ]  # fmt: skip

    async def answer(_request: webhooks.ListEndpoints) -> webhooks.EndpointsListed:
        return webhooks.EndpointsListed(endpoints=made)

    owners.of("webhook-dispatcher").answer(webhooks.ListEndpoints, answer)
    await owners.start()
    tenant = await running.tenant()
    seen, cursor = [], ""
    for _ in range(3):
        page = await tenant.call("GET", f"{tenant.path}/webhooks?limit=2{cursor}")
        seen += [UUID(item["endpoint_id"]).int for item in page.json["items"]]
        cursor = f"&cursor={page.json['next_cursor']}"
    assert seen == [0, 1, 2, 3, 4]
    assert page.json["next_cursor"] is None


async def test_pages_that_may_call_the_api_and_traces_of_refused_webhooks(
    start_gateway: Any,
) -> None:
    running: Running = await start_gateway(cors_origins="https://desk.example, https://b.example/")
    tenant = await running.tenant()
    asks = {"Access-Control-Request-Method": "PATCH"}
    preflight = await running.call.using(None)(
        "OPTIONS", f"{tenant.path}/channels", headers={"Origin": "https://desk.example", **asks}
    )
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://desk.example"
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"]
    told = await tenant.call(
        "GET", f"{tenant.path}/channels", headers={"Origin": "https://b.example"}
    )
    assert told.headers["Access-Control-Allow-Origin"] == "https://b.example"
    assert told.headers["Vary"] == "origin"
    evil = {"Origin": "https://evil.example"}
    refused = await tenant.call("GET", f"{tenant.path}/channels", headers=evil)
    assert "Access-Control-Allow-Origin" not in refused.headers
    refused = await running.call.using(None)("OPTIONS", f"{tenant.path}/channels", headers=evil)
    assert refused.status == 405
    assert "Access-Control-Allow-Origin" not in refused.headers
    for path in ("/webhooks/whatsapp", "/webhooks/nothing"):
        webhook = await running.call.webhook(path, b"{}", secret="wrong")
        assert webhook.status in {401, 404}
        assert len(webhook.json["trace_id"]) == 32
