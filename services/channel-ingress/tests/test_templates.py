"""What a template needs, and which calls of it Meta would refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from bus import Refused
from channel_ingress.template_requests import cursor_of, fitting, read_components, read_cursor
from channel_ingress.template_sync import next_page
from channel_ingress.templates import (
    check_parameters,
    has_names,
    places_of,
    read_template,
    same,
    template_finding,
    with_notice,
)
from contracts.v1.shapes import OutgoingMedia, TemplateCall, TemplateParameter

NOW = datetime(2026, 11, 22, tzinfo=UTC)
IMAGE = OutgoingMedia(
    kind="image", sha256="a" * 64, mime_type="image/png", file_name=None, size_bytes=5
)
COMPONENTS: list[dict[str, Any]] = [
    {"type": "HEADER", "format": "IMAGE"},
    {"type": "BODY", "text": "Hello {{1}}, your order {{2}} is on its way. Yes, {{1}}!"},
    {"type": "FOOTER", "text": "Not interested? Tap below {{no place}}"},
    {
        "type": "BUTTONS",
        "buttons": [
            {"type": "QUICK_REPLY", "text": "Stop"},
            {"type": "URL", "text": "Track", "url": "https://example.com/{{1}}"},
            {"type": "URL", "text": "Shop", "url": "https://example.com/"},
            {"type": "COPY_CODE", "example": "X"},
        ],
    },
]
SOURCE: dict[str, Any] = {
    "id": "920070352646140",
    "name": "order_sent",
    "language": "en_US",
    "category": "UTILITY",
    "status": "APPROVED",
    "quality_score": {"score": "GREEN", "date": 1},
    "rejected_reason": "NONE",
    "components": COMPONENTS,
}


def row(**changes: Any) -> Any:
    return read_template({**SOURCE, **changes}, uuid4(), NOW)


def value(component: Any, index: int, text: str | None = "x", **more: Any) -> TemplateParameter:
    fields = {"name": None, "media": None, **more}
    return TemplateParameter(component=component, index=index, text=text, **fields)


def call(*parameters: TemplateParameter) -> TemplateCall:
    return TemplateCall(name="order_sent", language="en_US", parameters=list(parameters))


GOOD = (
    value("header", 0, None, media=IMAGE),
    value("body", 0, "Ana"),
    value("body", 1, "7"),
    value("button", 1, "track/7"),
    value("button", 3, "CODE"),
)


def test_a_template_is_read() -> None:
    template = row()
    assert (template.status, template.quality, template.rejected_reason) == (
        "APPROVED",
        "GREEN",
        None,
    )
    assert template.places == ["header:0", "body:0", "body:1", "button:1", "button:3"]
    assert template.told().places == template.places
    named = [{"type": "BODY", "text": "Hi {{first_name}}, {{ order }}"}]
    assert list(places_of(named)) == ["first_name", "order"]
    assert has_names(places_of(named))
    assert not has_names(template.places)


@pytest.mark.parametrize(
    "strange",
    [
        [],
        [7, None, "x"],
        [{"type": "BODY"}],
        [{"type": "BUTTONS", "buttons": None}],
        [{"type": "BUTTONS", "buttons": [7, {"type": 7, "url": 7}]}],
        [{"type": ["BODY"], "text": {"x": 1}}],
        [{"type": "CAROUSEL", "cards": []}],
    ],
)
def test_strange_components_need_nothing(strange: Any) -> None:
    assert row(components=strange).places == []


def test_what_is_no_template_is_not_read() -> None:
    for missing in ("id", "name", "language"):
        with pytest.raises(KeyError):
            read_template({key: SOURCE[key] for key in SOURCE if key != missing}, uuid4(), NOW)
    with pytest.raises(ValueError, match="components"):
        row(components=[{"type": "BODY", "text": "x" * 100_000}])


def test_a_good_call_passes() -> None:
    assert check_parameters(row(), call(*GOOD)) is None
    payload = value("button", 0, "stop-payload")
    assert check_parameters(row(), call(*GOOD, payload)) is None, "a quick reply may have one"
    named = row(components=[{"type": "BODY", "text": "Hi {{first_name}}"}])
    assert check_parameters(named, call(value("body", 0, "Ana", name="first_name"))) is None


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        (GOOD[1:], "No value for header:0"),
        (GOOD[:-1], "No value for button:3"),
        ((), "No value for header:0, body:0, body:1, button:1, button:3"),
        ((*GOOD, value("body", 2)), "no place body:2"),
        ((value("header", 0), *GOOD[1:]), "needs a file of kind image"),
        ((*GOOD[:1], value("body", 0, ""), *GOOD[2:]), "body:0 needs a text"),
        ((*GOOD[:1], value("body", 0, "a\nb"), *GOOD[2:]), "line breaks"),
        ((*GOOD[:1], value("body", 0, "a     b"), *GOOD[2:]), "four spaces"),
    ],
)
def test_a_call_that_meta_would_refuse(parameters: Any, problem: str) -> None:
    assert problem in (check_parameters(row(), call(*parameters)) or "")


@pytest.mark.parametrize("status", ["PENDING", "REJECTED", "PAUSED", "DISABLED"])
def test_only_approved_templates_go(status: str) -> None:
    assert status in (check_parameters(row(status=status), call(*GOOD)) or "")


def test_notices_change_what_they_are_about() -> None:
    later = NOW + timedelta(minutes=1)
    paused = with_notice(
        row(), "message_template_status_update", {"event": "PAUSED", "reason": "LOW"}, later
    )
    assert (paused.status, paused.rejected_reason) == ("PAUSED", "LOW")
    worse = with_notice(
        row(), "message_template_quality_update", {"new_quality_score": "RED"}, later
    )
    assert worse.quality == "RED"
    moved = with_notice(row(), "template_category_update", {"new_category": "MARKETING"}, later)
    assert moved.category == "MARKETING"
    template = row()
    for field, nothing in (("message_template_quality_update", {}), ("new_field", {"x": 1})):
        assert same(with_notice(template, field, nothing, later), template)
    assert not same(template, replace(template, status="PAUSED"))


def test_the_template_for_closed_windows_must_be_usable() -> None:
    def code(counts: dict[str, int], wanted: TemplateCall | None, known: Any) -> str:
        return template_finding(counts, wanted, known, NOW).code

    assert code({"APPROVED": 3}, None, None) == "ok"
    assert code({"APPROVED": 3, "PAUSED": 1}, None, None) == "templates_stopped"
    assert code({"APPROVED": 3}, call(*GOOD), row()) == "ok"
    assert code({"APPROVED": 3}, call(*GOOD), row(status="PAUSED")) == "template_unusable"
    assert code({"APPROVED": 3}, call(*GOOD), None) == "template_unusable"
    assert code({}, call(*GOOD), None) == "ok", "nothing is known before the first look"


def test_pages_fit_into_a_message_and_go_on_where_they_ended() -> None:
    large = [row(components=[{"type": "BODY", "text": "ß" * 25_000}]) for _ in range(9)]
    page = fitting(large)
    assert 1 <= len(page) < 9
    assert sum(len(one.told().model_dump_json().encode()) for one in page) < 256 * 1024
    assert len(fitting(large[:1])) == 1
    longest = row(name="x" * 512, id="9" * 40, language="l" * 16)
    cursor = cursor_of(longest)
    assert len(cursor) <= 512
    assert read_cursor(cursor) == ("x" * 300, "l" * 16, "9" * 40)
    assert read_cursor(None) is None
    for nonsense in ("x", "%%%", "bnVsbA=="):
        with pytest.raises(Refused):
            read_cursor(nonsense)


def test_components_are_a_list_of_objects() -> None:
    assert read_components(orjson.dumps(COMPONENTS).decode()) == COMPONENTS
    for nonsense in ("", "{}", "[1]", "null", "nope"):
        with pytest.raises(Refused):
            read_components(nonsense)


def test_the_next_page() -> None:
    cursors = {"before": "a", "after": "b"}
    assert next_page({"paging": {"cursors": cursors, "next": "https://…"}}) == "b"
    assert next_page({"paging": {"cursors": cursors}}) is None
    assert next_page({"data": []}) is None
    assert next_page({"paging": None}) is None


def test_what_no_database_text_can_hold_is_replaced() -> None:
    names = dict.fromkeys(("id", "name", "language", "category", "status"), "a\x00b")
    kept = row(**names, components=[{"type": "BODY", "text": "{{a\x00}}"}])
    found = (kept.template_id, kept.name, kept.language, kept.category, kept.status, *kept.places)
    assert "\x00" not in "".join(found)
