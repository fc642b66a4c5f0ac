"""From an outgoing body to the parts that a channel is called with."""

from __future__ import annotations

from channel_ingress.markup import rendered, split
from channel_ingress.rendering.part import Part
from contracts.v1.sending import OutgoingBody


def render(
    body: OutgoingBody,
    channel_type: str,
    *,
    platform: str | None = None,
    reply_to: str | None = None,
) -> list[Part]:
    """Every part of a body, in the order in which they go out; never empty.

    `platform` is what a Messenger channel stands on (`facebook`, `instagram`), `reply_to` the
    provider's id of the message that is answered.
    """
    del platform, reply_to
    text = rendered(body, channel_type)
    if channel_type == "whatsapp":
        return [
            Part({"type": "text", "text": {"body": one, "preview_url": False}})
            for one in split(text, 4096)
        ]
    return [Part({"text": one}) for one in split(text, 2000)]
