"""Reads the template of a Messenger send request: button, generic and the kinds taken as are."""

from __future__ import annotations

from typing import Any

from simulators.meta.envelope import GraphError
from simulators.meta.limits import Json

BUTTON_TEXT_LIMIT, BUTTON_TITLE_LIMIT, BUTTONS_LIMIT = 640, 20, 3
ELEMENTS_LIMIT, ELEMENT_TEXT_LIMIT, PAYLOAD_LIMIT = 10, 80, 1000
BUTTON_KINDS = frozenset(
    {"postback", "web_url", "phone_number", "account_link", "account_unlink", "game_play"}
)
OTHER_KINDS = frozenset({"media", "receipt", "coupon", "customer_feedback", "product", "utility"})


def template_text(payload: Json) -> str:
    """What the template says in text; GraphError when it is ill-formed."""
    kind = payload.get("template_type")
    if kind == "button":
        text = _text(payload.get("text"), "text", BUTTON_TEXT_LIMIT)
        _check_buttons(payload.get("buttons"), least=1)
        return text
    if kind == "generic":
        return _elements_text(payload.get("elements"))
    if kind in OTHER_KINDS or "name" in payload:
        return str(payload.get("name", ""))
    raise GraphError(100, "(#100) Param message[attachment][payload][template_type] is not valid.")


def _elements_text(elements: Any) -> str:
    if not isinstance(elements, list) or not 1 <= len(elements) <= ELEMENTS_LIMIT:
        raise GraphError(100, f"(#100) elements must have 1 to {ELEMENTS_LIMIT} entries")
    titles = []
    for element in elements:
        if not isinstance(element, dict):
            raise GraphError(100, "(#100) An element must be an object")
        titles.append(_text(element.get("title"), "title", ELEMENT_TEXT_LIMIT))
        if "subtitle" in element:
            _text(element["subtitle"], "subtitle", ELEMENT_TEXT_LIMIT)
        if not set(element) - {"title"}:
            raise GraphError(100, "(#100) An element needs something beside its title")
        _check_buttons(element.get("buttons", []), least=0)
    return "\n".join(titles)


def _check_buttons(buttons: Any, *, least: int) -> None:
    if not isinstance(buttons, list) or not least <= len(buttons) <= BUTTONS_LIMIT:
        raise GraphError(100, f"(#100) buttons must have {least} to {BUTTONS_LIMIT} entries")
    for button in buttons:
        if not isinstance(button, dict) or button.get("type") not in BUTTON_KINDS:
            raise GraphError(100, "(#100) Param buttons[type] is not valid.")
        kind = button["type"]
        if kind in ("postback", "web_url", "phone_number"):
            _text(button.get("title"), "buttons[title]", BUTTON_TITLE_LIMIT)
        if kind in ("postback", "phone_number"):
            _text(button.get("payload"), "buttons[payload]", PAYLOAD_LIMIT)
        if kind == "web_url":
            _text(button.get("url"), "buttons[url]", 2000)


def _text(value: Any, name: str, limit: int) -> str:
    if not isinstance(value, str) or not value:
        raise GraphError(100, f"(#100) Param {name} must be non-empty.")
    if len(value) > limit:
        raise GraphError(100, f"(#100) Length of param {name} must be at most {limit}")
    return value
