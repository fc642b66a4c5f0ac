"""WhatsApp templates: they live at Meta; channel-ingress keeps a copy and steers them.

1. `sync-templates`, a webhook or the regular look brings news: `template-changed`.
2. gateway asks for people: list, create, edit, delete.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Event, Part, Request, ShortText
from contracts.v1.shapes import ExternalId, MessageText

TemplateName = Annotated[str, Field(max_length=512, pattern=r"^[a-z0-9_]+$")]
TemplateLanguage = Annotated[str, Field(max_length=16)]
TemplateCategory = Literal["MARKETING", "UTILITY", "AUTHENTICATION"]


class Template(Part):
    """A template as Meta has it."""

    template_id: ExternalId = Field(description="Meta's id.")
    channel_id: UUID = Field(description="A channel of the account that owns it.")
    name: ShortText = Field(description="Its name.")
    language: TemplateLanguage = Field(description="Its language, e.g. en_US.")
    category: ShortText = Field(description="MARKETING, UTILITY, AUTHENTICATION …")
    status: ShortText = Field(description="APPROVED, PENDING, REJECTED, PAUSED, DISABLED …")
    quality: ShortText | None = Field(description="GREEN, YELLOW, RED, UNKNOWN.")
    rejected_reason: ShortText | None = Field(description="Why Meta refused it.")
    components: MessageText = Field(description="JSON text of Meta's component list.")
    places: Annotated[list[ShortText], Field(max_length=64)] = Field(
        description="What needs a value: `body:0`, `header:0`, `button:1`, or names."
    )
    synced_at: AwareDatetime = Field(description="When Meta was last asked, UTC.")


class TemplateChanged(
    Event, owner="channel-ingress", heard_by=(), version=1, public="template.changed"
):
    """A template is new, or its status, category or quality changed."""

    template: Template = Field(description="All of it.")
    removed: bool = Field(description="Whether Meta has it no more.")


class TemplatesListed(Answer):
    """The channel's templates."""

    templates: Annotated[list[Template], Field(max_length=50)] = Field(description="The page.")
    next_cursor: ShortText | None = Field(description="Where the next page begins; null: the end.")


class TemplateSaved(Answer):
    """The template as it is now."""

    template: Template = Field(description="The template.")


class TemplateDeleted(Answer):
    """It is gone at Meta."""

    name: ShortText = Field(description="Its name.")


class TemplatesSynced(Answer):
    """What a look at Meta changed."""

    found: int = Field(ge=0, description="Templates that Meta has.")
    changed: int = Field(ge=0, description="New or different since the last look.")
    removed: int = Field(ge=0, description="Gone since the last look.")


class ListTemplates(
    Request[TemplatesListed], owner="channel-ingress", asked_by=("gateway",), version=1
):
    """Our copy, by name."""

    channel_id: UUID = Field(description="The channel.")
    status: ShortText | None = Field(description="Only these.")
    cursor: ShortText | None = Field(description="Where the page begins.")


class CreateTemplate(
    Request[TemplateSaved], owner="channel-ingress", asked_by=("gateway",), version=1
):
    """Hand a template in for approval; refused with Meta's own words."""

    channel_id: UUID = Field(description="The channel.")
    name: TemplateName = Field(description="Its name.")
    language: TemplateLanguage = Field(description="Its language.")
    category: TemplateCategory = Field(description="Its category.")
    components: MessageText = Field(description="JSON text of Meta's component list.")


class EditTemplate(
    Request[TemplateSaved], owner="channel-ingress", asked_by=("gateway",), version=1
):
    """Change an approved, rejected or paused template."""

    channel_id: UUID = Field(description="The channel.")
    template_id: ExternalId = Field(description="Which.")
    category: TemplateCategory | None = Field(description="New category; null to keep.")
    components: MessageText | None = Field(description="New components; null to keep.")


class DeleteTemplate(
    Request[TemplateDeleted], owner="channel-ingress", asked_by=("gateway",), version=1
):
    """Delete a template in one language, or in all with that name."""

    channel_id: UUID = Field(description="The channel.")
    name: TemplateName = Field(description="Its name.")
    template_id: ExternalId | None = Field(description="Only this language's; null: all.")


class SyncTemplates(
    Request[TemplatesSynced], owner="channel-ingress", asked_by=("gateway",), version=1
):
    """Ask Meta for every template now."""

    channel_id: UUID = Field(description="The channel.")
