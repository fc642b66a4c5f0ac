"""`POST /widget/sessions`: a page's widget gets a token and the visitor an identity."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from gateway.api.guarded_route import OpenRoute
from gateway.api.parts import Parts, Shape, With
from gateway.domain import Channel, normal_origin
from gateway.problems import Problem
from gateway.widget.tokens import SESSION_SECONDS, InvalidToken

router = APIRouter(prefix="/widget", tags=["widget"], route_class=OpenRoute)


class NewSession(Shape):
    """Which widget asks, and who its visitor was before."""

    channel_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")] = Field(
        description="The public key of a webchat channel."
    )
    visitor_token: Annotated[str, StringConstraints(max_length=4_096)] | None = Field(
        None, description="From an earlier session: the visitor stays who they were."
    )


class ChannelLook(BaseModel):
    """How the widget presents itself."""

    title: str
    color: str | None
    greeting: str | None
    locale: str | None


class SessionShown(BaseModel):
    """A session."""

    token: str = Field(description="For the socket's `auth`; expires.")
    visitor_token: str = Field(description="To be kept by the widget's frame.")
    visitor_id: str
    expires_in: int = Field(description="Seconds until the token expires.")
    channel: ChannelLook


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
    visitor_id = _visitor(parts, channel, body.visitor_token)
    response.headers["Cache-Control"] = "no-store"
    return SessionShown(
        token=parts.tokens.session(channel.tenant_id, channel.channel_id, visitor_id, origin),
        visitor_token=parts.tokens.visitor(channel.channel_id, visitor_id),
        visitor_id=visitor_id,
        expires_in=SESSION_SECONDS,
        channel=_look(channel),
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


def _visitor(parts: Parts, channel: Channel, token: str | None) -> str:
    if token is None:
        return str(uuid4())
    try:
        return parts.tokens.read_visitor(channel.channel_id, token)
    except InvalidToken:
        raise Problem(
            401, "invalid_visitor_token", "Forget this visitor token and ask without one."
        ) from None


def _look(channel: Channel) -> ChannelLook:
    settings: dict[str, Any] = dict(channel.settings)
    return ChannelLook(
        title=settings.get("title") or channel.name,
        color=settings.get("color"),
        greeting=settings.get("greeting"),
        locale=settings.get("locale"),
    )
