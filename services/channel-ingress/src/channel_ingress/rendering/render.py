"""From an outgoing body to the parts that a channel is called with."""

from __future__ import annotations

from dataclasses import replace

from channel_ingress.rendering.messenger import messenger_parts
from channel_ingress.rendering.messenger_shapes import platform_of
from channel_ingress.rendering.part import Json, Part
from channel_ingress.rendering.whatsapp import whatsapp_parts
from contracts.v1.sending import OutgoingBody

_WITHOUT_CONTEXT = frozenset({"template", "reaction"})


def render(
    body: OutgoingBody,
    channel_type: str,
    *,
    platform: str | None = None,
    reply_to: str | None = None,
) -> list[Part]:
    """Every part of a body, in the order in which they go out; never empty.

    `platform` is what a Messenger channel stands on (`facebook`, `instagram`), `reply_to` the
    provider's id of the message that is answered. CannotRender: the channel has no way to say it.
    """
    if channel_type == "whatsapp":
        first, *others = whatsapp_parts(body)
        return [_answering(first, reply_to), *others]
    first, *others = messenger_parts(body, platform_of(platform))
    return [_answering(first, reply_to), *others]


def _answering(part: Part, reply_to: str | None) -> Part:
    """The first part, and what may go out instead of it, shown as an answer."""
    if reply_to is None:
        return part
    fallback = _answering(part.fallback, reply_to) if part.fallback else None
    return replace(part, message=_with_context(part.message, reply_to), fallback=fallback)


def _with_context(message: Json, reply_to: str) -> Json:
    if message.get("type") in _WITHOUT_CONTEXT or "sender_action" in message:
        return message
    if "type" in message:
        return {**message, "context": {"message_id": reply_to}}
    return {"reply_to": {"mid": reply_to}, **message}
