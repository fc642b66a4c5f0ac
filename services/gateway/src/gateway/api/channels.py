"""Channels: a WhatsApp number, a Facebook page, or the widget of a website."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter, Request, Response

from gateway import api_keys
from gateway.api.channel_shapes import (
    ChannelChange,
    ChannelShown,
    ChannelsShown,
    IdentitySecret,
    NewChannel,
    misplaced,
)
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, PageLimit, Parts, With, position
from gateway.domain import IDENTITY_SECRET, Channel, credential_context, masked
from gateway.door import Principal
from gateway.problems import Problem, not_found
from gateway.repeats import new_id
from gateway.tenant_apps import unsealed

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/channels", tags=["channels"], route_class=GuardedRoute
)


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


@router.post("/{channel_id}/identity-secret", status_code=201)
async def make_identity_secret(
    tenant_id: UUID, channel_id: UUID, parts: With, who: Caller
) -> IdentitySecret:
    """Make the secret with which your server vouches for visitors; it is shown this once.

    Webchat only. A secret from before is good for nothing from now on.
    """
    secret = f"wis_{api_keys.random_name(40)}"
    await _set_identity_secret(parts, tenant_id, channel_id, who, secret)
    return IdentitySecret(channel_id=channel_id, identity_secret=secret)


@router.delete("/{channel_id}/identity-secret", status_code=204)
async def forget_identity_secret(
    tenant_id: UUID, channel_id: UUID, parts: With, who: Caller
) -> Response:
    """Believe no signed identities any more; sessions that are open last out their minutes."""
    await _set_identity_secret(parts, tenant_id, channel_id, who, None)
    return Response(status_code=204)


async def _set_identity_secret(
    parts: Parts, tenant_id: UUID, channel_id: UUID, who: Principal, secret: str | None
) -> None:
    async with parts.outbox.transaction(tenant_id) as tx:
        channel = await parts.channels.lock(tx, tenant_id, channel_id)
        if channel is None:
            raise not_found()
        if channel.channel_type != "webchat":
            raise Problem(422, "invalid", "Only visitors of a webchat channel are signed in.")
        wanted = _with_secrets(parts, channel, {IDENTITY_SECRET: secret})
        changed = await parts.channels.update(tx, wanted)
        action = "channel.identity_secret_made" if secret else "channel.identity_secret_forgotten"
        await parts.audit.note(tx, tenant_id, who, action, channel_id)
        await parts.outbox.say(tx, changed.configured())


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
    if wrong := misplaced(channel.channel_type, body.settings):
        raise Problem(422, "invalid", f"{wrong[0].upper()}{wrong[1:]}.")
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
