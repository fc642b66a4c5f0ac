"""Message templates: what the accounts hold, in which state, and whether a send fits one."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulators.meta.envelope import GraphError
from simulators.meta.settings import Settings
from simulators.meta.whatsapp_messages import is_business_scoped

Json = dict[str, Any]

STATES = (
    "PENDING", "APPROVED", "REJECTED", "PAUSED", "DISABLED", "IN_APPEAL", "PENDING_DELETION",
    "FLAGGED", "REINSTATED", "LIMIT_EXCEEDED", "ARCHIVED",
)  # fmt: skip
QUALITIES = ("GREEN", "YELLOW", "RED", "UNKNOWN")
PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
_REFUSED = {"PAUSED": 132015, "DISABLED": 132016}


@dataclass(slots=True)
class Template:
    """One template in one language."""

    template_id: str
    account_id: str
    name: str
    language: str
    category: str
    components: list[Json] = field(default_factory=list)
    status: str = "PENDING"
    quality: str = "UNKNOWN"
    rejected_reason: str = "NONE"
    parameter_format: str = "POSITIONAL"

    def as_json(self) -> Json:
        """The template as Graph lists it."""
        return {
            "name": self.name,
            "parameter_format": self.parameter_format,
            "components": self.components,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "id": self.template_id,
            "quality_score": {"score": self.quality},
            "rejected_reason": self.rejected_reason,
        }

    def placeholders(self, part: str) -> int:
        """How many different parameters `HEADER` or `BODY` has; a media header has one."""
        for component in self.components:
            if str(component.get("type", "")).upper() != part:
                continue
            if part == "HEADER" and str(component.get("format", "TEXT")).upper() != "TEXT":
                return 1
            return len(set(PLACEHOLDER.findall(str(component.get("text", "")))))
        return 0


class TemplateStore:
    """Templates by id; `account_of` tells whose templates a number may send."""

    def __init__(self, settings: Settings, account_of: Callable[[str], str]) -> None:
        self._settings, self._account_of = settings, account_of
        self._templates: dict[str, Template] = {}

    def clear(self) -> None:
        """Forget every template."""
        self._templates.clear()

    def add(self, account_id: str, **fields: Any) -> Template:
        """Keep a template; its id is made unless given."""
        template_id = str(fields.pop("template_id", "") or secrets.randbelow(9 * 10**14) + 10**14)
        template = Template(template_id, account_id, **fields)
        self._templates[template_id] = template
        return template

    def find(self, template_id: str) -> Template | None:
        """One template by its id."""
        return self._templates.get(template_id)

    def of(self, account_id: str, name: str = "", language: str = "") -> list[Template]:
        """An account's templates; of one name or language if asked; empty account = any."""
        return [
            one
            for one in self._templates.values()
            if account_id in ("", one.account_id)
            and name in ("", one.name)
            and language in ("", one.language)
        ]

    def delete(self, template_id: str) -> None:
        """Forget one template."""
        self._templates.pop(template_id, None)

    def check_send(self, sender: str, call: Json, recipient: str) -> None:
        """Refuse a send that Meta would refuse for its template; unknown names pass by default."""
        name, code = call["name"], str(call["language"].get("code", ""))
        account_id = self._account_of(sender)
        if not self.of(account_id, name):
            if self._settings.known_templates_only:
                raise GraphError(132001, f"template name ({name}) does not exist in {code}")
            return
        found = self.of(account_id, name, code)
        if not found:
            raise GraphError(132001, f"template name ({name}) does not exist in {code}")
        template = found[0]
        if template.status in _REFUSED:
            raise GraphError(_REFUSED[template.status], f"template {name} is {template.status}")
        if template.status not in ("APPROVED", "FLAGGED", "REINSTATED"):
            raise GraphError(132001, f"template name ({name}) is not approved in {code}")
        if template.category == "AUTHENTICATION" and is_business_scoped(recipient):
            raise GraphError(131062, "Authentication templates need a phone number")
        _check_parameters(template, call.get("components") or [])

    def shown(self, sender: str, call: Json) -> tuple[str, list[Json]]:
        """What the customer reads, and what they can tap: `{kind, id, title}`."""
        found = self.of(self._account_of(sender), call["name"], str(call["language"].get("code")))
        if not found:
            return "", []
        given = call.get("components") or []
        text = "\n".join(
            _filled(component, given)
            for component in found[0].components
            if isinstance(component.get("text"), str)
        )
        buttons = [
            button for component in found[0].components for button in component.get("buttons") or []
        ]
        return text, [_choice(number, button, given) for number, button in enumerate(buttons)]


def _filled(component: Json, given: list[Json]) -> str:
    values: list[Json] = []
    for one in given:
        if str(one.get("type", "")).upper() == str(component.get("type", "")).upper():
            values = one.get("parameters") or []
    named = {str(value.get("parameter_name", n)): value for n, value in enumerate(values, 1)}

    def value_of(match: re.Match[str]) -> str:
        return str(named.get(match[1], {}).get("text", match[0]))

    return PLACEHOLDER.sub(value_of, str(component["text"]))


def _choice(number: int, button: Json, given: list[Json]) -> Json:
    title = str(button.get("text", ""))
    if str(button.get("type", "")).upper() != "QUICK_REPLY":
        return {"kind": "url", "id": str(button.get("url", "")), "title": title}
    payload = title
    for one in given:
        if str(one.get("type", "")).lower() == "button" and str(one.get("index")) == str(number):
            payload = str((one.get("parameters") or [{}])[0].get("payload", title))
    return {"kind": "template_button", "id": payload, "title": title}


def _check_parameters(template: Template, components: list[Json]) -> None:
    given = {str(one.get("type", "")).upper(): one.get("parameters") or [] for one in components}
    for part in ("HEADER", "BODY"):
        expected, found = template.placeholders(part), len(given.get(part, []))
        if expected != found:
            raise GraphError(
                132000,
                f"{part.lower()}: number of localizable_params ({found}) does not match the "
                f"expected number of params ({expected})",
            )
        for parameter in given.get(part, []):
            _check_parameter(template, part, parameter)


def _check_parameter(template: Template, part: str, parameter: Any) -> None:
    kind = parameter.get("type") if isinstance(parameter, dict) else None
    if kind is None or (kind in ("text", "image", "video", "document") and kind not in parameter):
        raise GraphError(132012, f"{part.lower()}: a parameter needs its type and value")
    if kind == "text" and not parameter["text"]:
        raise GraphError(131008, f"{part.lower()}: a text parameter is empty")
    if kind == "text" and ("\n" in parameter["text"] or "\t" in parameter["text"]):
        raise GraphError(132012, "Param text cannot have new-line/tab characters")
    if template.parameter_format == "NAMED" and kind == "text" and part == "BODY":
        names = set()
        for one in template.components:
            if str(one.get("type", "")).upper() == part:
                names |= set(PLACEHOLDER.findall(str(one.get("text", ""))))
        if parameter.get("parameter_name") not in names:
            raise GraphError(132012, f"Parameter name must be one of {sorted(names)}")
