"""A body becomes messages of Messenger or Instagram."""

from __future__ import annotations

from channel_ingress.rendering.messenger_choices import choice_parts
from channel_ingress.rendering.messenger_shapes import (
    Platform,
    framed,
    location_text,
    media_part,
    plain,
    reaction_part,
    text_parts,
)
from channel_ingress.rendering.part import CannotRender, Part
from channel_ingress.rendering.sources import joined, source_lines
from contracts.v1.sending import OutgoingBody


def messenger_parts(body: OutgoingBody, platform: Platform) -> list[Part]:
    """Files first, then the text; choices last, because quick replies hang on the last message."""
    text = joined(plain(body.text), source_lines(body))
    extras = body.extras
    if extras is None:
        return text_parts(text, platform)
    if extras.reaction is not None:
        return [reaction_part(extras.reaction)]
    if extras.template is not None and not text:
        raise CannotRender("template_unsupported", "This channel has no templates.")
    text = framed(extras.header, text, extras.footer)
    if extras.location is not None:
        text = joined(text, location_text(extras.location))
    parts = [media_part(one, platform) for one in extras.media]
    if extras.choices is not None:
        return [*parts, *choice_parts(text, extras.choices, platform)]
    if text or not parts:
        parts += text_parts(text, platform)
    return parts
