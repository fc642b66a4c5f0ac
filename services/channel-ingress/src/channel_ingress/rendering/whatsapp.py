"""A body becomes WhatsApp messages."""

from __future__ import annotations

from channel_ingress.rendering.markdown_text import (
    WHATSAPP,
    channel_text,
    literal_text,
    strong_text,
)
from channel_ingress.rendering.part import Part
from channel_ingress.rendering.sources import joined, source_lines
from channel_ingress.rendering.whatsapp_choices import Frame, choice_parts
from channel_ingress.rendering.whatsapp_shapes import (
    location_part,
    media_part,
    reaction_part,
    takes_caption,
    text_parts,
)
from channel_ingress.rendering.whatsapp_template import template_part
from contracts.v1.sending import OutgoingBody
from contracts.v1.shapes import MessageExtras


def whatsapp_parts(body: OutgoingBody) -> list[Part]:
    """Files first, then text and choices, then the place; a caption where the text fits."""
    text = joined(channel_text(body.text, WHATSAPP), literal_text(source_lines(body), WHATSAPP))
    extras = body.extras
    if extras is None:
        return text_parts(text)
    if extras.reaction is not None:
        return [reaction_part(extras.reaction)]
    if extras.template is not None:
        return [template_part(extras.template)]
    parts = _said(text, extras)
    if extras.location is not None:
        parts.append(location_part(extras.location))
    return parts or text_parts(text)


def _said(text: str, extras: MessageExtras) -> list[Part]:
    if extras.choices is not None:
        files = [media_part(one) for one in extras.media]
        frame = Frame(
            (extras.header or "").strip(),
            text,
            (extras.footer or "").strip(),
            (extras.choices.label or "").strip(),
        )
        return [*files, *choice_parts(frame, extras.choices)]
    header = strong_text(extras.header or "", WHATSAPP)
    text = joined(header, text, literal_text(extras.footer or "", WHATSAPP))
    if text and extras.media and takes_caption(extras.media[0], text):
        first, *others = extras.media
        return [media_part(first, text), *(media_part(one) for one in others)]
    files = [media_part(one) for one in extras.media]
    return [*files, *text_parts(text)] if text else files
