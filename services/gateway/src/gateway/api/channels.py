"""Channels: a WhatsApp number, a Facebook page, or the widget of a website."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from contracts.v1.shapes import ChannelType
from gateway import api_keys
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, PageLimit, Parts, Shape, With, position
from gateway.domain import Channel, credential_context, masked, normal_origin
from gateway.problems import Problem, not_found
from gateway.repeats import new_id
from gateway.tenant_apps import unsealed
from gateway.words import Name, Words

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/channels", tags=["channels"], route_class=GuardedRoute
)


def _origin(text: str) -> str:
    origin = normal_origin(text)
    if origin is None:
        raise ValueError("must be an origin such as https://shop.example")
    return origin


Origin = Annotated[str, StringConstraints(max_length=255), AfterValidator(_origin)]
Color = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]
ProviderId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
SecretText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_048)]


class Credentials(Shape):
    """Secrets of a Meta channel: written, never shown again but for their last characters."""

    access_token: SecretText | None = Field(None, description="Token for the Graph API.")
    app_secret: SecretText | None = Field(
        None, description="Secret of the tenant's own Meta app; signs /webhooks/{channel_id}."
    )
    app_id: SecretText | None = Field(None, description="Id of that app.")
    verify_token: SecretText | None = Field(None, description="For the handshake of that address.")


class ChannelSettings(Shape):
    """Look of the widget, and where it may be shown (webchat only)."""

    title: Name | None = Field(None, description="Head line.")
    color: Color | None = Field(None, description="#rrggbb.")
    greeting: Words | None = Field(None, description="First words.")
    locale: Annotated[str, StringConstraints(max_length=16)] | None = Field(
        None, description="BCP 47."
    )
    allowed_origins: Annotated[list[Origin], Field(max_length=100)] | None = Field(
        None, description="Pages that may show it, e.g. https://shop.example."
    )


class NewChannel(Shape):
    """A channel to be made."""

    channel_type: ChannelType = Field(description="whatsapp, messenger or webchat.")
    name: Name = Field(description="Display name.")
    external_id: ProviderId | None = Field(
        None, description="phone_number_id or page id; a widget's key is made by us."
    )
    credentials: Credentials | None = Field(None, description="Not for webchat.")
    settings: ChannelSettings | None = Field(None, description="For webchat.")

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        is_web = self.channel_type == "webchat"
        if is_web and (self.external_id or self.credentials):
            raise ValueError("a webchat channel has neither external_id nor credentials")
        if not is_web and not self.external_id:
            raise ValueError("external_id is needed: the phone_number_id or page id")
        if not is_web and self.settings and self.settings.model_fields_set:
            raise ValueError("settings are for webchat")
        return self


class ChannelChange(Shape):
    """What is to change; absent fields stay, a null credential is forgotten."""

    name: Name | None = Field(None, description="Display name.")
    state: Literal["active", "disabled"] | None = Field(None, description="Whether it is served.")
    external_id: ProviderId | None = Field(None, description="Not for webchat.")
    credentials: Credentials | None = Field(None, description="Not for webchat.")
    settings: ChannelSettings | None = Field(None, description="For webchat.")


class ChannelShown(BaseModel):
    """A channel; of its secrets only the last characters."""

    channel_id: UUID
    tenant_id: UUID
    channel_type: ChannelType
    name: str
    state: Literal["active", "disabled", "removed"]
    external_id: str = Field(description="phone_number_id, page id, or the public widget key.")
    credentials: dict[str, str] = Field(description="Name of each secret and how it ends.")
    settings: dict[str, Any]
    webhook_url: str | None = Field(description="Address for a Meta app of the tenant's own.")
    revision: int
    created_at: datetime
    updated_at: datetime


class ChannelsShown(BaseModel):
    """A page of channels, the newest first."""

    items: list[ChannelShown]
    next_cursor: str | None


@router.post("", status_code=201)
async def create_channel(
    tenant_id: UUID, body: NewChannel, request: Request, parts: With, who: Caller
) -> ChannelShown:
    """Connect a channel."""
    channel = _new_channel(parts, tenant_id, new_id(request, who, "channel"), body)
    try:
        async with parts.outbox.transaction(tenant_id) as tx:
            made = await parts.channels.insert(tx, channel)
            if made is None:
                made = await parts.channels.find(tx, tenant_id, channel.channel_id)
                if made is None:
                    raise not_found()
                return _shown(parts, made)
            await parts.audit.note(
                tx, tenant_id, who, "channel.created", made.channel_id, type=made.channel_type
            )
            await parts.outbox.say(tx, made.configured())
    except asyncpg.UniqueViolationError:
        raise _taken() from None
    parts.origins.forget()
    return _shown(parts, made)


@router.get("")
async def list_channels(
    tenant_id: UUID, parts: With, cursor: PageCursor = None, limit: PageLimit = 50
) -> ChannelsShown:
    """The tenant's channels, the newest first."""
    name = f"channels:{tenant_id}"
    before = position(parts.cursors.read(name, cursor))
    async with parts.database.transaction(tenant_id) as tx:
        rows = await parts.channels.page(tx, tenant_id, before, limit + 1)
    page = parts.page(name, rows, limit, lambda channel: channel.channel_id)
    return ChannelsShown(
        items=[_shown(parts, row) for row in page["items"]], next_cursor=page["next_cursor"]
    )


@router.get("/{channel_id}")
async def get_channel(tenant_id: UUID, channel_id: UUID, parts: With) -> ChannelShown:
    """One channel."""
    async with parts.database.transaction(tenant_id) as tx:
        channel = await parts.channels.find(tx, tenant_id, channel_id)
    if channel is None:
        raise not_found()
    return _shown(parts, channel)


@router.put("/{channel_id}")
async def update_channel(
    tenant_id: UUID, channel_id: UUID, body: ChannelChange, parts: With, who: Caller
) -> ChannelShown:
    """Change a channel; credentials that are given replace the stored ones one by one."""
    try:
        async with parts.outbox.transaction(tenant_id) as tx:
            channel = await parts.channels.lock(tx, tenant_id, channel_id)
            if channel is None:
                raise not_found()
            changed = await parts.channels.update(tx, _wanted(parts, channel, body))
            fields = sorted(body.model_fields_set)
            await parts.audit.note(
                tx, tenant_id, who, "channel.updated", channel_id, changed=fields
            )
            await parts.outbox.say(tx, changed.configured())
    except asyncpg.UniqueViolationError:
        raise _taken() from None
    _forget(parts, channel_id)
    return _shown(parts, changed)


@router.delete("/{channel_id}", status_code=204)
async def delete_channel(tenant_id: UUID, channel_id: UUID, parts: With, who: Caller) -> Response:
    """Disconnect a channel and forget its secrets; its conversations stay."""
    async with parts.outbox.transaction(tenant_id) as tx:
        channel = await parts.channels.lock(tx, tenant_id, channel_id)
        if channel is None:
            raise not_found()
        gone = await parts.channels.update(tx, channel.removed())
        await parts.audit.note(tx, tenant_id, who, "channel.removed", channel_id)
        await parts.outbox.say(tx, gone.configured())
    _forget(parts, channel_id)
    return Response(status_code=204)


def _new_channel(parts: Parts, tenant_id: UUID, channel_id: UUID, body: NewChannel) -> Channel:
    secrets = body.credentials.model_dump(exclude_none=True) if body.credentials else {}
    settings = body.settings.model_dump(exclude_none=True) if body.settings else {}
    now = datetime.now(UTC)
    channel = Channel(
        tenant_id=tenant_id,
        channel_id=channel_id,
        channel_type=body.channel_type,
        name=body.name,
        state="active",
        external_id=body.external_id or f"wch_{api_keys.random_name(24)}",
        sealed_credentials=None,
        credential_hints={},
        settings=settings,
        revision=1,
        created_at=now,
        updated_at=now,
    )
    return _with_secrets(parts, channel, secrets)


def _wanted(parts: Parts, channel: Channel, body: ChannelChange) -> Channel:
    is_web = channel.channel_type == "webchat"
    if is_web and (body.external_id or body.credentials):
        raise Problem(422, "invalid", "A webchat channel has neither external_id nor credentials.")
    if not is_web and body.settings and body.settings.model_fields_set:
        raise Problem(422, "invalid", "Settings are for webchat.")
    settings = dict(channel.settings)
    if body.settings:
        settings |= body.settings.model_dump(exclude_unset=True)
    wanted = replace(
        channel,
        name=body.name or channel.name,
        state=body.state or channel.state,
        external_id=body.external_id or channel.external_id,
        settings={name: value for name, value in settings.items() if value is not None},
    )
    if body.credentials is None:
        return wanted
    secrets = unsealed(parts.ring, channel) | body.credentials.model_dump(exclude_unset=True)
    return _with_secrets(parts, wanted, secrets)


def _with_secrets(parts: Parts, channel: Channel, secrets: Mapping[str, str | None]) -> Channel:
    kept = {name: value for name, value in secrets.items() if value}
    if not kept:
        return replace(channel, sealed_credentials=None, credential_hints={})
    place = credential_context(channel.tenant_id, channel.channel_id)
    return replace(
        channel,
        sealed_credentials=parts.ring.seal(orjson.dumps(kept), place),
        credential_hints={name: masked(value) for name, value in kept.items()},
    )


def _shown(parts: Parts, channel: Channel) -> ChannelShown:
    is_web = channel.channel_type == "webchat"
    url = f"{parts.settings.public_url.rstrip('/')}/webhooks/{channel.channel_id}"
    return ChannelShown(
        channel_id=channel.channel_id,
        tenant_id=channel.tenant_id,
        channel_type=channel.channel_type,
        name=channel.name,
        state=channel.state,
        external_id=channel.external_id,
        credentials=dict(channel.credential_hints),
        settings=dict(channel.settings),
        webhook_url=None if is_web else url,
        revision=channel.revision,
        created_at=channel.created_at,
        updated_at=channel.updated_at,
    )


def _forget(parts: Parts, channel_id: UUID) -> None:
    parts.tenant_apps.forget(channel_id)
    parts.origins.forget()


def _taken() -> Problem:
    return Problem(409, "external_id_taken", "This number or page is already connected.")
