"""WhatsApp templates of a channel: they live at Meta; channel-ingress steers them."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field, StringConstraints, model_validator

from contracts.v1.templates import (
    CreateTemplate,
    DeleteTemplate,
    EditTemplate,
    ListTemplates,
    SyncTemplates,
    Template,
    TemplateCategory,
)
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, Parts, Shape, With
from gateway.door import Principal
from gateway.problems import Problem

# Creating, editing and syncing ask Meta: that takes longer than a look at our own copy.
META_SECONDS = 20.0
_COMPONENTS_CHARACTERS_MAX = 65_536

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/channels/{channel_id}/templates",
    tags=["templates"],
    route_class=GuardedRoute,
)

Components = Annotated[list[dict[str, Any]], Field(min_length=1, max_length=20)]
TemplateName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,512}$")]
TemplateId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]


class NewTemplate(Shape):
    """A template to be handed in for approval."""

    name: TemplateName = Field(description="Lower-case letters, digits and underscores.")
    language: Annotated[str, StringConstraints(min_length=2, max_length=16)] = Field(
        description="Its language, e.g. en_US."
    )
    category: TemplateCategory = Field(description="MARKETING, UTILITY or AUTHENTICATION.")
    components: Components = Field(
        description="Meta's component list: HEADER, BODY, FOOTER, BUTTONS with their examples."
    )


class TemplateChange(Shape):
    """What is to change; absent fields stay."""

    category: TemplateCategory | None = Field(None, description="New category.")
    components: Components | None = Field(None, description="New components, all of them.")

    @model_validator(mode="after")
    def _says_something(self) -> "TemplateChange":
        if self.category is None and self.components is None:
            raise ValueError("nothing is to change")
        return self


class TemplateShown(BaseModel):
    """A template as Meta has it."""

    template_id: str = Field(description="Meta's id.")
    channel_id: UUID
    name: str
    language: str
    category: str
    status: str = Field(description="APPROVED, PENDING, REJECTED, PAUSED, DISABLED …")
    quality: str | None = Field(description="GREEN, YELLOW, RED, UNKNOWN.")
    rejected_reason: str | None
    components: Any = Field(description="Meta's component list.")
    places: list[str] = Field(description="What needs a value: `body:0`, `header:0` …")
    synced_at: str


class TemplatesShown(BaseModel):
    """A page of templates, by name."""

    items: list[TemplateShown]
    next_cursor: str | None


class SyncShown(BaseModel):
    """What a look at Meta changed."""

    found: int
    changed: int
    removed: int


@router.get("")
async def list_templates(
    tenant_id: UUID,
    channel_id: UUID,
    parts: With,
    status: Annotated[
        str | None, Query(max_length=64, description="Only these, e.g. APPROVED.")
    ] = None,
    cursor: PageCursor = None,
) -> TemplatesShown:
    """Our copy of the channel's templates, by name."""
    name = f"templates:{channel_id}:{status or ''}"
    answer = await parts.ask(
        ListTemplates.make(
            tenant_id=tenant_id,
            channel_id=channel_id,
            status=status,
            cursor=parts.cursors.read(name, cursor),
        )
    )
    return TemplatesShown(
        items=[_shown(template) for template in answer.templates],
        next_cursor=parts.cursors.sign(name, answer.next_cursor),
    )


@router.post("", status_code=201)
async def create_template(
    tenant_id: UUID, channel_id: UUID, body: NewTemplate, parts: With, who: Caller
) -> TemplateShown:
    """Hand a template in for approval; Meta's own words come back when it is refused."""
    request = CreateTemplate.make(
        tenant_id=tenant_id,
        channel_id=channel_id,
        name=body.name,
        language=body.language,
        category=body.category,
        components=_text(body.components),
    )
    saved = await parts.bus.ask(request, timeout_seconds=META_SECONDS)
    await _note(parts, tenant_id, who, "template.created", saved.template.template_id, body.name)
    return _shown(saved.template)


@router.post("/sync")
async def sync_templates(tenant_id: UUID, channel_id: UUID, parts: With) -> SyncShown:
    """Ask Meta for every template now."""
    request = SyncTemplates.make(tenant_id=tenant_id, channel_id=channel_id)
    answer = await parts.bus.ask(request, timeout_seconds=META_SECONDS)
    return SyncShown(found=answer.found, changed=answer.changed, removed=answer.removed)


@router.patch("/{template_id}")
async def edit_template(
    tenant_id: UUID,
    channel_id: UUID,
    template_id: Annotated[TemplateId, Path()],
    body: TemplateChange,
    parts: With,
    who: Caller,
) -> TemplateShown:
    """Change an approved, rejected or paused template; Meta looks at it again."""
    request = EditTemplate.make(
        tenant_id=tenant_id,
        channel_id=channel_id,
        template_id=template_id,
        category=body.category,
        components=_text(body.components) if body.components is not None else None,
    )
    saved = await parts.bus.ask(request, timeout_seconds=META_SECONDS)
    await _note(parts, tenant_id, who, "template.edited", template_id, saved.template.name)
    return _shown(saved.template)


@router.delete("/{name}", status_code=204)
async def delete_template(
    tenant_id: UUID,
    channel_id: UUID,
    name: Annotated[TemplateName, Path()],
    parts: With,
    who: Caller,
    template_id: Annotated[
        TemplateId | None, Query(description="Only this language's; without it all of the name.")
    ] = None,
) -> Response:
    """Delete a template in every language, or in one; Meta keeps its name for 30 days."""
    request = DeleteTemplate.make(
        tenant_id=tenant_id, channel_id=channel_id, name=name, template_id=template_id
    )
    await parts.bus.ask(request, timeout_seconds=META_SECONDS)
    await _note(parts, tenant_id, who, "template.deleted", template_id or name, name)
    return Response(status_code=204)


async def _note(
    parts: Parts, tenant_id: UUID, who: Principal, action: str, subject: str, name: str
) -> None:
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(tx, tenant_id, who, action, subject, name=name)


def _text(components: list[dict[str, Any]]) -> str:
    text = orjson.dumps(components).decode()
    if len(text) > _COMPONENTS_CHARACTERS_MAX:
        raise Problem(422, "invalid", "The components are too long.")
    return text


def _shown(template: Template) -> TemplateShown:
    fields = template.model_dump(mode="json")
    try:
        fields["components"] = orjson.loads(template.components)
    except orjson.JSONDecodeError:
        fields["components"] = template.components
    return TemplateShown(**fields)
