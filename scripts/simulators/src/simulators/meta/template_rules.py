"""What Meta demands of a template before it is reviewed."""

from __future__ import annotations

import re
from typing import Any

from simulators.meta.envelope import GraphError
from simulators.meta.template_store import PLACEHOLDER

Json = dict[str, Any]

NAME = re.compile(r"[a-z0-9_]{1,512}")
LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2,4})?")
CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
COMPONENTS = frozenset(
    {"HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER",
     "CALL_PERMISSION_REQUEST"}
)  # fmt: skip
BODY_LIMIT, SHORT_LIMIT, BUTTONS_LIMIT, BUTTON_TEXT_LIMIT = 1024, 60, 10, 25
MISSING_EXAMPLE_SUBCODE, EDGE_PLACEHOLDER_SUBCODE, DUPLICATE_SUBCODE = 2388043, 2388299, 2388024


def check_new(fields: Json) -> None:
    """Refuse what a new template must not be."""
    if not NAME.fullmatch(str(fields.get("name", ""))):
        raise GraphError(
            100, "(#100) Param name must be lowercase letters, digits and underscores, at most 512"
        )
    if not LANGUAGE.fullmatch(str(fields.get("language", ""))):
        raise GraphError(100, "(#100) Param language must be a language code such as en_US")
    if str(fields.get("category", "")).upper() not in CATEGORIES:
        raise GraphError(100, f"(#100) Param category must be one of {', '.join(CATEGORIES)}")
    check_components(fields.get("components"), str(fields["category"]).upper())


def check_components(components: Any, category: str) -> None:
    """Refuse components that the review would never see."""
    if not isinstance(components, list) or not components:
        raise GraphError(100, "(#100) The parameter components is required.")
    kinds = []
    for component in components:
        kind = str(component.get("type", "")).upper() if isinstance(component, dict) else ""
        if kind not in COMPONENTS:
            raise GraphError(100, f"(#100) components[type] must be one of {sorted(COMPONENTS)}")
        kinds.append(kind)
        _check_component(kind, component, category)
    if "BODY" not in kinds:
        raise GraphError(100, "(#100) A template needs a BODY component")
    if len(set(kinds)) != len(kinds):
        raise GraphError(100, "(#100) Each component may be there once")


def _check_component(kind: str, component: Json, category: str) -> None:
    text = component.get("text", "")
    if kind == "BODY" and category != "AUTHENTICATION":
        _check_text(kind, text, BODY_LIMIT, component)
    elif kind == "HEADER" and str(component.get("format", "TEXT")).upper() == "TEXT":
        _check_text(kind, text, SHORT_LIMIT, component)
    elif kind == "FOOTER" and category != "AUTHENTICATION":
        _check_text(kind, text, SHORT_LIMIT, component)
        if PLACEHOLDER.search(text):
            raise GraphError(100, "(#100) A FOOTER cannot have parameters")
    elif kind == "BUTTONS":
        buttons = component.get("buttons")
        if not isinstance(buttons, list) or not 1 <= len(buttons) <= BUTTONS_LIMIT:
            raise GraphError(100, f"(#100) BUTTONS must have 1 to {BUTTONS_LIMIT} buttons")
        for button in buttons:
            if len(str(button.get("text", ""))) > BUTTON_TEXT_LIMIT:
                raise GraphError(100, f"(#100) A button's text is at most {BUTTON_TEXT_LIMIT}")


def _check_text(kind: str, text: Any, limit: int, component: Json) -> None:
    if not isinstance(text, str) or not text:
        raise GraphError(100, f"(#100) {kind} needs a text")
    if len(text) > limit:
        raise GraphError(100, f"(#100) {kind} text is at most {limit} characters long")
    found = PLACEHOLDER.findall(text)
    if not found:
        return
    stripped = text.strip()
    if stripped.startswith("{{") or stripped.endswith("}}"):
        raise GraphError(
            100,
            "Variables can't be at the start or end of the template.",
            subcode=EDGE_PLACEHOLDER_SUBCODE,
        )
    if "example" not in component:
        raise GraphError(
            100,
            f"Message template component {kind} is missing expected field(s) (example)",
            subcode=MISSING_EXAMPLE_SUBCODE,
        )
