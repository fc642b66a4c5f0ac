"""`POST /widget/sessions`: a page's widget gets a token and the visitor an identity."""

import hmac
import time
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from gateway.api.guarded_route import OpenRoute
from gateway.api.parts import Parts, Shape, With
from gateway.domain import IDENTITY_SECRET, Channel, normal_origin
from gateway.problems import Problem
from gateway.tenant_apps import unsealed
from gateway.widget.identity import Identity, is_fresh, signature, visitor_of
from gateway.widget.protocol import MEDIA_MAX, TEXT_BYTES_MAX
from gateway.widget.tokens import (
    SESSION_SECONDS,
    TOKEN_CHARACTERS_MAX,
    InvalidToken,
    KnownVisitor,
)

router = APIRouter(prefix="/widget", tags=["widget"], route_class=OpenRoute)

# No control characters: the signed lines are told apart by their breaks.
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]


class SignedIdentity(Shape):
    """Who the visitor is, vouched for by the tenant's server; without a signature it is ignored."""

    external_id: Line = Field(description="The tenant's own id of the person.")
    email: Line | None = Field(None, description="Their e-mail.")
    name: Line | None = Field(None, description="Their name.")
    issued_at: Annotated[int, Field(ge=0, lt=2**40)] | None = Field(
        None, description="When it was signed, Unix seconds."
    )
    signature: Annotated[str, StringConstraints(max_length=128)] | None = Field(
        None, description="HMAC-SHA-256 in hex; docs/widget-protocol.md says over what."
    )


class NewSession(Shape):
    """Which widget asks, and who its visitor was before, or is at the tenant."""

    channel_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")] = Field(
        description="The public key of a webchat channel."
    )
    visitor_token: Annotated[str, StringConstraints(max_length=TOKEN_CHARACTERS_MAX)] | None = (
        Field(None, description="From an earlier session: the visitor stays who they were.")
    )
    identity: SignedIdentity | None = Field(
        None, description="Signed in at the tenant: the same visitor on every device."
    )


class ChannelLook(BaseModel):
    """How the widget presents itself."""

    title: str
    color: str | None
    greeting: str | None
    locale: str | None


class Limits(BaseModel):
    """What a message may hold."""

    text_bytes_max: int
    upload_bytes_max: int
    upload_types: list[str] = Field(description="MIME types; `audio/*` is all of a family.")
    media_per_message_max: int


class SessionShown(BaseModel):
    """A session."""

    token: str = Field(description="For the socket's `auth`; expires.")
    visitor_token: str = Field(description="To be kept by the widget's frame.")
    visitor_id: str
    identified: bool = Field(description="Whether a signed identity stands behind the visitor.")
    expires_in: int = Field(description="Seconds until the token expires.")
    channel: ChannelLook
    limits: Limits


@router.post("/sessions")
async def open_session(
    body: NewSession, request: Request, response: Response, parts: With
) -> SessionShown:
    """Open or renew a widget's session."""
    address = request.client.host if request.client else "unknown"
    await parts.limits.spend("sessions", address, parts.settings.sessions_per_minute)
    async with parts.database.system() as tx:
        channel = await parts.channels.by_widget_key(tx, body.channel_key)
    if channel is None:
        raise Problem(404, "unknown_channel", "No web channel has this key.")
    origin = _allowed_origin(parts, request, channel)
    visitor = _visitor(parts, channel, body)
    response.headers["Cache-Control"] = "no-store"
    return SessionShown(
        token=parts.tokens.session(
            channel.tenant_id, channel.channel_id, visitor.visitor_id, origin, visitor.identity
        ),
        visitor_token=parts.tokens.visitor(channel.channel_id, visitor),
        visitor_id=visitor.visitor_id,
        identified=visitor.identity is not None,
        expires_in=SESSION_SECONDS,
        channel=_look(channel),
        limits=Limits(
            text_bytes_max=TEXT_BYTES_MAX,
            upload_bytes_max=parts.settings.widget_upload_bytes_max,
            upload_types=parts.settings.upload_types,
            media_per_message_max=MEDIA_MAX,
        ),
    )


def _allowed_origin(parts: Parts, request: Request, channel: Channel) -> str:
    """The page's origin; empty for a client that is no browser."""
    header = request.headers.get("origin")
    if header is None:
        return ""
    origin = normal_origin(header)
    parts.origins.learn(channel.allowed_origins)
    host = request.headers.get("host")
    if origin is None or not (
        origin in channel.allowed_origins or parts.origins.is_own(origin, host)
    ):
        raise Problem(403, "origin_not_allowed", "This page may not show this widget.")
    return origin


def _visitor(parts: Parts, channel: Channel, body: NewSession) -> KnownVisitor:
    """Who is signed in, else who it was before, else somebody new."""
    proof = channel.credential_hints.get(IDENTITY_SECRET)
    if body.identity is not None and body.identity.signature is not None:
        identity = _checked(parts, channel, body.identity)
        return KnownVisitor(visitor_of(channel.channel_id, identity), identity, proof)
    visitor = KnownVisitor(str(uuid4()))
    if body.visitor_token is not None:
        visitor = _earlier(parts, channel, body.visitor_token)
    if visitor.identity is None and channel.settings.get("require_identity"):
        raise Problem(401, "identity_required", "Sign in at the site first: it vouches for you.")
    return visitor


def _earlier(parts: Parts, channel: Channel, token: str) -> KnownVisitor:
    try:
        visitor = parts.tokens.read_visitor(channel.channel_id, token)
        if visitor.identity and visitor.proof != channel.credential_hints.get(IDENTITY_SECRET):
            raise InvalidToken("another secret")
    except InvalidToken:
        raise Problem(
            401, "invalid_visitor_token", "Forget this visitor token and ask without one."
        ) from None
    return visitor


def _checked(parts: Parts, channel: Channel, given: SignedIdentity) -> Identity:
    """The identity, if the channel's secret signed it, and not long ago."""
    identity = Identity(given.external_id, given.email, given.name)
    secret = unsealed(parts.ring, channel).get(IDENTITY_SECRET, "")
    issued_at = given.issued_at or 0
    right = signature(secret, channel.external_id, identity, issued_at)
    is_right = hmac.compare_digest(right.encode(), (given.signature or "").lower().encode())
    if not secret or not is_right:
        raise Problem(401, "invalid_identity", "The identity's signature does not fit.")
    if not is_fresh(issued_at, time.time(), parts.settings.identity_seconds_max):
        raise Problem(401, "invalid_identity", "The identity was signed too long ago: sign anew.")
    return identity


def _look(channel: Channel) -> ChannelLook:
    settings: dict[str, Any] = dict(channel.settings)
    return ChannelLook(
        title=settings.get("title") or channel.name,
        color=settings.get("color"),
        greeting=settings.get("greeting"),
        locale=settings.get("locale"),
    )
