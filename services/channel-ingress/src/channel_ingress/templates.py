"""What a template is and what it needs, read from Meta's JSON; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from channel_ingress.health import found
from channel_ingress.reading import cleaned, clipped
from channel_ingress.template_store import TemplateRow
from contracts.v1.channel_health import HealthFinding
from contracts.v1.shapes import TemplateCall, TemplateParameter

COMPONENTS_LIMIT = 60_000
"""Characters of a template's components that are kept; Meta's longest have a tenth of it."""
ID_LIMIT = 40
PLACES_MAX = 64
BODY_LIMIT = 1_024
HEADER_LIMIT = 60
MEDIA_FORMATS = {"IMAGE": "image", "VIDEO": "video", "DOCUMENT": "document"}
_PLACE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
_FORBIDDEN_SPACE = re.compile(r"[\n\t]| {5}")
_SENDABLE = "APPROVED"


def read_template(source: dict[str, Any], channel_id: UUID, asked_at: datetime) -> TemplateRow:
    """A template as Graph lists it; KeyError or ValueError when it is no template."""
    template_id = cleaned(str(source["id"]))
    if not 0 < len(template_id) <= ID_LIMIT:
        raise ValueError(f"an id of {len(template_id)} characters")
    components = source.get("components")
    parts = components if isinstance(components, list) else []
    text = orjson.dumps(parts).decode()
    if len(text) > COMPONENTS_LIMIT:
        raise ValueError(f"components of {len(text)} characters")
    quality = source.get("quality_score")
    score = quality.get("score") if isinstance(quality, dict) else quality
    reason = clipped(source.get("rejected_reason"), 512)
    return TemplateRow(
        template_id=template_id,
        channel_id=channel_id,
        name=cleaned(str(source["name"])[:512]),
        language=cleaned(str(source["language"])[:16]),
        category=cleaned(str(source.get("category") or "UNKNOWN")[:512]),
        status=cleaned(str(source.get("status") or "UNKNOWN")[:512]),
        quality=clipped(score, 512),
        rejected_reason=None if reason == "NONE" else reason,
        components=cleaned(text),
        places=[cleaned(place) for place in places_of(parts)][:PLACES_MAX],
        synced_at=asked_at,
    )


def places_of(components: Iterable[Any]) -> Iterator[str]:
    """What needs a value: `body:0`, `header:0`, `button:1`, or names of named places."""
    for part in components:
        if not isinstance(part, dict):
            continue
        kind = str(part.get("type")).upper()
        if kind == "HEADER":
            if str(part.get("format")).upper() in {*MEDIA_FORMATS, "LOCATION"}:
                yield "header:0"
            else:
                yield from _text_places("header", part.get("text"))
        elif kind == "BODY":
            yield from _text_places("body", part.get("text"))
        elif kind == "BUTTONS":
            buttons = part.get("buttons")
            for index, button in enumerate(buttons if isinstance(buttons, list) else []):
                if isinstance(button, dict) and _needs_value(button):
                    yield f"button:{index}"


def has_names(places: Iterable[str]) -> bool:
    """Whether the places are named instead of numbered."""
    return any(":" not in place for place in places)


def check_parameters(template: TemplateRow, call: TemplateCall) -> str | None:
    """What is wrong with a call of this template, in one sentence; None when Meta will take it."""
    if template.status.upper() != _SENDABLE:
        return f"The template is {template.status}, not {_SENDABLE}."
    return parameter_problem(template, call)


def parameter_problem(template: TemplateRow, call: TemplateCall) -> str | None:
    """What is wrong with the values alone, in one sentence."""
    given = {_place_of(parameter): parameter for parameter in call.parameters}
    missing = [place for place in template.places if place not in given]
    if missing:
        return f"No value for {', '.join(missing)}."[:512]
    # A quick reply may be given a payload, and needs none.
    extra = [
        place for place in given if place not in template.places and not place.startswith("button:")
    ]
    if extra:
        return f"The template has no place {', '.join(extra)}."[:512]
    media = header_media(template)
    problems = (_problem(given[place], place, media) for place in template.places)
    return next((problem for problem in problems if problem), None)


def header_media(template: TemplateRow) -> str | None:
    """The kind of file that the header shows, if it shows one."""
    for part in orjson.loads(template.components):
        if isinstance(part, dict) and str(part.get("type")).upper() == "HEADER":
            return MEDIA_FORMATS.get(str(part.get("format")).upper())
    return None


def template_finding(
    counts: dict[str, int], wanted: TemplateCall | None, row: TemplateRow | None, at: datetime
) -> HealthFinding:
    """Whether the template that answers closed windows may be sent; others only as numbers."""
    told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "none known"
    if wanted is not None and counts:
        problem = check_parameters(row, wanted) if row else "Meta has no such template."
        if problem is not None:
            detail = f"{wanted.name} ({wanted.language}), which answers closed windows: {problem}"
            return found("templates", "yellow", "template_unusable", detail, at)
    bad = sum(counts.get(state, 0) for state in ("PAUSED", "DISABLED"))
    if bad:
        return found("templates", "yellow", "templates_stopped", f"Templates: {told}.", at)
    return found("templates", "green", "ok", f"Templates: {told}.", at)


def with_notice(
    template: TemplateRow, field: str, value: dict[str, Any], at: datetime
) -> TemplateRow:
    """The template after a webhook about it; the same when the webhook says nothing new."""
    if field == "message_template_status_update":
        reason = clipped(value.get("reason"), 512)
        return replace(
            template,
            status=str(value.get("event") or template.status).upper()[:512],
            rejected_reason=None if reason in (None, "NONE") else reason,
            synced_at=at,
        )
    if field == "message_template_quality_update":
        quality = clipped(value.get("new_quality_score"), 512) or template.quality
        return replace(template, quality=quality, synced_at=at)
    if field == "template_category_update":
        category = clipped(value.get("new_category"), 512) or template.category
        return replace(template, category=category, synced_at=at)
    return template


def same(one: TemplateRow, other: TemplateRow) -> bool:
    """Whether nothing that people see is different."""
    return replace(one, synced_at=other.synced_at, channel_id=other.channel_id) == other


def _text_places(component: str, text: object) -> Iterator[str]:
    names = dict.fromkeys(_PLACE.findall(text)) if isinstance(text, str) else {}
    for name in names:
        yield f"{component}:{int(name) - 1}" if name.isdigit() else name


def _needs_value(button: dict[str, Any]) -> bool:
    kind = str(button.get("type")).upper()
    if kind == "URL":
        return bool(_PLACE.search(str(button.get("url"))))
    return kind in ("COPY_CODE", "OTP")


def _place_of(parameter: TemplateParameter) -> str:
    return parameter.name or f"{parameter.component}:{parameter.index}"


def _problem(parameter: TemplateParameter, place: str, media: str | None) -> str | None:
    if parameter.component == "header" and media is not None:
        if parameter.media is None or parameter.media.kind != media:
            return f"{place} needs a file of kind {media}."
        return None
    if not parameter.text:
        return f"{place} needs a text."
    limit = HEADER_LIMIT if parameter.component == "header" else BODY_LIMIT
    if len(parameter.text) > limit:
        return f"{place} has {len(parameter.text)} characters, {limit} are allowed."
    if _FORBIDDEN_SPACE.search(parameter.text):
        return f"{place} may not hold line breaks, tabs or more than four spaces in a row."
    return None
