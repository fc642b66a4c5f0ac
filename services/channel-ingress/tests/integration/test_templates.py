"""Templates: our copy follows Meta's, and Meta's own words come back when it refuses."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from bus import AskFailed
from contracts.message import Request
from contracts.v1.templates import (
    CreateTemplate,
    DeleteTemplate,
    EditTemplate,
    ListTemplates,
    SyncTemplates,
    TemplateChanged,
)

from .accounts import ACCOUNT, CHOICES
from .world import World

BODY = [{"type": "BODY", "text": "Hello {{1}}, welcome", "example": {"body_text": [["Ana"]]}}]
COMPONENTS = orjson.dumps(BODY).decode()


async def ask(world: World, kind: type[Request[Any]], **fields: Any) -> Any:
    request = kind.make(**{"tenant_id": world.tenant_id, **fields})
    return await world.neighbours.buses["gateway"].ask(request, timeout_seconds=15)


async def listed(world: World, channel_id: UUID, status: str | None = None) -> list[str]:
    names, cursor = [], None
    while True:
        page = await ask(world, ListTemplates, channel_id=channel_id, status=status, cursor=cursor)
        names += [template.name for template in page.templates]
        cursor = page.next_cursor
        if cursor is None:
            return names


async def test_the_copy_follows_what_meta_has(world: World) -> None:
    channel_id = await world.configure(choices=CHOICES)
    fields = {"language": "en_US", "category": "UTILITY", "components": BODY, "status": "APPROVED"}
    for number in range(120):
        world.meta.templates.add(ACCOUNT, name=f"t_{number:03}", **fields)
    synced = await ask(world, SyncTemplates, channel_id=channel_id)
    assert (synced.found, synced.changed, synced.removed) == (120, 120, 0)
    assert await listed(world, channel_id) == [f"t_{number:03}" for number in range(120)]
    first, second = world.meta.templates.of(ACCOUNT)[:2]
    synced = await ask(world, SyncTemplates, channel_id=channel_id)
    assert (synced.changed, synced.removed) == (0, 0)
    await world.neighbours.wait_for(TemplateChanged, 120)
    await world.meta.template_calls.change(first, {"status": "PAUSED", "quality": "RED"})
    changed = (await world.neighbours.wait_for(TemplateChanged, 122))[-1].template
    assert (changed.template_id, changed.status, changed.quality) == (
        first.template_id,
        "PAUSED",
        "RED",
    )
    assert changed.places == ["body:0"]
    assert await listed(world, channel_id, "PAUSED") == [first.name]
    world.meta.templates.delete(second.template_id)
    await world.value("update template_syncs set sync_at = now()")
    (gone,) = [
        said for said in await world.neighbours.wait_for(TemplateChanged, 123) if said.removed
    ]
    assert gone.template.template_id == second.template_id
    assert len(await listed(world, channel_id)) == 119


async def test_a_template_is_made_approved_changed_and_deleted(world: World) -> None:
    channel_id = await world.configure(choices=CHOICES)
    request = {
        "channel_id": channel_id,
        "name": "order_sent",
        "language": "en_US",
        "category": "UTILITY",
        "components": COMPONENTS,
    }
    made = (await ask(world, CreateTemplate, **request)).template
    assert (made.name, made.status, made.places) == ("order_sent", "PENDING", ["body:0"])
    await world.until("select true from templates where status = 'APPROVED'")
    with pytest.raises(AskFailed) as refused:
        await ask(world, CreateTemplate, **request)
    assert refused.value.code == "provider_refused"
    assert "already" in refused.value.detail
    edited = await ask(
        world,
        EditTemplate,
        channel_id=channel_id,
        template_id=made.template_id,
        category=None,
        components=orjson.dumps([{"type": "BODY", "text": "Hello"}]).decode(),
    )
    assert edited.template.places == []
    await ask(world, DeleteTemplate, channel_id=channel_id, name="order_sent", template_id=None)
    assert await listed(world, channel_id) == []
    assert world.meta.templates.of(ACCOUNT) == []
    with pytest.raises(AskFailed) as refused:
        await ask(world, DeleteTemplate, channel_id=channel_id, name="order_sent", template_id=None)
    assert "No message template" in refused.value.detail
    said = world.neighbours.of(TemplateChanged)
    assert [one.removed for one in said][-1] is True


async def test_what_cannot_be_asked_is_refused_with_the_reason(world: World) -> None:
    without = await world.configure("messenger", "61550000000009")
    channel_id = await world.configure(choices=CHOICES)
    with pytest.raises(AskFailed) as refused:
        await ask(world, SyncTemplates, channel_id=without)
    assert refused.value.code == "no_business_account"
    with pytest.raises(AskFailed) as refused:
        await ask(world, SyncTemplates, channel_id=channel_id, tenant_id=uuid4())
    assert refused.value.code == "not_found"
    world.meta.tokens.put("token", "expired")
    with pytest.raises(AskFailed) as refused:
        await ask(world, SyncTemplates, channel_id=channel_id)
    assert refused.value.code == "token_invalid"
    assert "Session has expired" in refused.value.detail
