"""A template call of WhatsApp with its components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from channel_ingress.rendering.media_limits import WHATSAPP
from channel_ingress.rendering.part import CannotRender, Json, Part
from contracts.v1.shapes import OutgoingMedia, TemplateCall, TemplateParameter

_BUTTON_VALUES = {"quick_reply": "payload", "copy_code": "coupon_code", "url": "text"}
"""Kind of button -> the kind of its value."""
_HEADER_KINDS = ("image", "video", "document")


def template_part(call: TemplateCall) -> Part:
    """The template; a button's value names the button's kind in `name`, `url` where it is null."""
    components: list[Json] = []
    header = [one for one in call.parameters if one.component == "header"]
    media = next((one.media for one in header if one.media is not None), None)
    if header:
        components.append({"type": "header", "parameters": _values(header)})
    body = [one for one in call.parameters if one.component == "body"]
    if body:
        components.append({"type": "body", "parameters": _values(body)})
    components += [_button(one) for one in _in_order(call.parameters) if one.component == "button"]
    language = {"policy": "deterministic", "code": call.language}
    template: Json = {"name": call.name, "language": language}
    if components:
        template["components"] = components
    message: Json = {"type": "template", "template": template}
    if media is None:
        return Part(message)
    at = next(at for at, one in enumerate(_in_order(header)) if one.media is not None)
    path = ("template", "components", 0, "parameters", at, _header_kind(media), "id")
    return Part(message, needs_media=media, media_path=path)


def _in_order(parameters: Sequence[TemplateParameter]) -> list[TemplateParameter]:
    return sorted(parameters, key=lambda one: one.index)


def _values(parameters: Sequence[TemplateParameter]) -> list[Json]:
    return [_value(one) for one in _in_order(parameters)]


def _value(parameter: TemplateParameter) -> Json:
    if parameter.media is not None:
        kind = _header_kind(parameter.media)
        content: Json = {}
        if kind == "document" and parameter.media.file_name:
            content["filename"] = parameter.media.file_name
        return {"type": kind, kind: content}
    value: dict[str, Any] = {"type": "text", "text": parameter.text or ""}
    if parameter.name:
        value["parameter_name"] = parameter.name
    return value


def _button(parameter: TemplateParameter) -> Json:
    kind = parameter.name if parameter.name in _BUTTON_VALUES else "url"
    value = _BUTTON_VALUES[kind]
    return {
        "type": "button",
        "sub_type": kind,
        "index": str(parameter.index),
        "parameters": [{"type": value, value: parameter.text or ""}],
    }


def _header_kind(media: OutgoingMedia) -> str:
    """A template says which kind its header has: there is no next best."""
    if media.kind not in _HEADER_KINDS or not WHATSAPP[media.kind].takes(media):
        raise CannotRender("media_unsupported", "WhatsApp takes this file in no template header.")
    return media.kind
