"""Reads the interactive part of a WhatsApp send request: buttons, list, link, flow and the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulators.meta.envelope import GraphError
from simulators.meta.limits import (
    Json,
    required_list,
    required_object,
    required_text,
    unique,
    within,
)

TEXT_LIMIT, LIST_TEXT_LIMIT = 1024, 4096
HEADER_LIMIT, FOOTER_LIMIT, TITLE_LIMIT = 60, 60, 20
ROWS_LIMIT, ROW_TITLE_LIMIT, ROW_DESCRIPTION_LIMIT = 10, 24, 72
WITHOUT_BODY = frozenset({"product", "catalog_message"})


def interactive_text(content: Json) -> str:
    """The body text of a well-formed interactive message; GraphError otherwise."""
    kind = content.get("type")
    action = content.get("action")
    if not isinstance(action, dict) or not isinstance(kind, str):
        raise GraphError(131008, "interactive needs type and action")
    check = _ACTIONS.get(kind)
    if check is None:
        raise GraphError(131009, f"interactive type must be one of {sorted(_ACTIONS)}")
    check(action)
    _check_header(content.get("header"))
    footer = content.get("footer")
    if footer is not None:
        within(required_object(footer, "footer").get("text"), "footer['text']", FOOTER_LIMIT)
    return _body(kind, content.get("body"))


def choices_of(content: Json) -> list[Json]:
    """What the customer can tap: `{kind, id, title, description?}` in the order shown."""
    action = content.get("action") or {}
    found = [
        {"kind": "button", **button["reply"]}
        for button in action.get("buttons") or []
        if isinstance(button.get("reply"), dict)
    ]
    for section in action.get("sections") or []:
        found += [{"kind": "list", **row} for row in section.get("rows") or []]
    parameters = action.get("parameters") or {}
    if action.get("name") == "cta_url":
        title, url = parameters.get("display_text"), parameters.get("url")
        found.append({"kind": "url", "id": url, "title": title, "description": url})
    if action.get("name") == "flow":
        found.append({"kind": "flow", "id": "flow", "title": parameters.get("flow_cta")})
    if action.get("name") == "send_location":
        found.append({"kind": "location", "id": "location", "title": "Send location"})
    return found


def _body(kind: str, body: Any) -> str:
    limit = LIST_TEXT_LIMIT if kind == "list" else TEXT_LIMIT
    if body is None and kind in WITHOUT_BODY:
        return ""
    text = body.get("text") if isinstance(body, dict) else None
    return required_text(text, "body['text']", limit)


def _check_header(header: Any) -> None:
    if header is None:
        return
    kind = required_object(header, "header").get("type")
    if kind == "text":
        required_text(header.get("text"), "header['text']", HEADER_LIMIT)
    elif kind in ("image", "video", "document"):
        media = required_object(header.get(kind), f"header['{kind}']")
        if ("id" in media) == ("link" in media):
            raise GraphError(131008, f"header['{kind}'] needs exactly one of id and link")
    elif kind is not None:
        raise GraphError(131009, "header type must be one of text, image, video, document")


def _check_buttons(action: Json) -> None:
    buttons = action.get("buttons")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise GraphError(131009, "Invalid buttons count. Min allowed buttons: 1, max: 3")
    ids, titles = [], []
    for button in buttons:
        reply = required_object(required_object(button, "button").get("reply"), "reply")
        ids.append(required_text(reply.get("id"), "reply['id']", 256))
        titles.append(required_text(reply.get("title"), "reply['title']", TITLE_LIMIT))
    unique(ids, "reply['id']")
    unique(titles, "reply['title']")


def _check_list(action: Json) -> None:
    required_text(action.get("button"), "action['button']", TITLE_LIMIT)
    sections = required_list(action.get("sections"), "sections", 1, 10)
    ids: list[str] = []
    for section in sections:
        title = within(required_object(section, "section").get("title"), "section['title']", 24)
        if len(sections) > 1 and not title:
            raise GraphError(131008, "section['title'] is required with more than one section")
        for row in required_list(section.get("rows"), "rows", 1, ROWS_LIMIT):
            ids.append(required_text(required_object(row, "row").get("id"), "row['id']", 200))
            required_text(row.get("title"), "row['title']", ROW_TITLE_LIMIT)
            within(row.get("description"), "row['description']", ROW_DESCRIPTION_LIMIT)
    if len(ids) > ROWS_LIMIT:
        raise GraphError(131009, f"Total row count exceed max allowed count: {ROWS_LIMIT}")
    unique(ids, "row['id']")


def _check_link(action: Json) -> None:
    parameters = _named(action, "cta_url")
    required_text(parameters.get("display_text"), "display_text", TITLE_LIMIT)
    url = required_text(parameters.get("url"), "url", 2000)
    if not url.startswith(("http://", "https://")):
        raise GraphError(131009, "Param url is not a valid URL")


def _check_flow(action: Json) -> None:
    parameters = _named(action, "flow")
    if parameters.get("flow_message_version") != "3":
        raise GraphError(131009, "flow_message_version must be 3")
    required_text(parameters.get("flow_cta"), "flow_cta", 30)
    if ("flow_id" in parameters) == ("flow_name" in parameters):
        raise GraphError(131008, "a flow needs exactly one of flow_id and flow_name")


def _check_location_request(action: Json) -> None:
    if action.get("name") != "send_location":
        raise GraphError(131009, "Param action['name'] must be send_location")


def _named(action: Json, name: str) -> Json:
    if action.get("name") != name:
        raise GraphError(131009, f"Param action['name'] must be {name}")
    return required_object(action.get("parameters"), "action['parameters']")


def _anything(_action: Json) -> None:
    """Kinds whose action is taken as it is."""


_ACTIONS: dict[str, Callable[[Json], None]] = {
    "button": _check_buttons,
    "list": _check_list,
    "cta_url": _check_link,
    "flow": _check_flow,
    "location_request_message": _check_location_request,
    "product": _anything,
    "product_list": _anything,
    "catalog_message": _anything,
    "address_message": _anything,
    "call_permission_request": _anything,
    "request_contact_info": _anything,
    "carousel": _anything,
    "order_details": _anything,
    "order_status": _anything,
}
