"""Which kinds of inbound and of notice there are, read from the functions that make them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from simulators.meta import messenger_kinds, whatsapp_changes, whatsapp_kinds, whatsapp_notices

Json = dict[str, Any]
_HIDDEN = ("person", "media")

NOTICES: dict[str, Callable[..., whatsapp_notices.Notice]] = {
    notice.__name__: notice
    for notice in (
        whatsapp_notices.template_status,
        whatsapp_notices.template_quality,
        whatsapp_notices.template_category,
        whatsapp_notices.number_quality,
        whatsapp_notices.account_update,
        whatsapp_notices.account_review,
        whatsapp_notices.account_alert,
        whatsapp_notices.business_capability,
        whatsapp_notices.security,
    )
}
"""Name -> function."""


def catalogue() -> Json:
    """`{whatsapp, messenger, notices}`: name -> `{about, fields, file}`; fields with defaults."""
    whatsapp = {**whatsapp_kinds.KINDS, **whatsapp_changes.CHANGES}
    return {
        "whatsapp": {name: _described(kind) for name, kind in sorted(whatsapp.items())},
        "messenger": {
            name: _described(kind) for name, kind in sorted(messenger_kinds.KINDS.items())
        },
        "notices": {name: _described(kind) for name, kind in sorted(NOTICES.items())},
    }


def _described(kind: Callable[..., Any]) -> Json:
    parameters = inspect.signature(kind).parameters.values()
    fields = {
        one.name: "required" if one.default is one.empty else one.default
        for one in parameters
        if one.name not in _HIDDEN and one.kind is one.KEYWORD_ONLY
    }
    file = any(one.name == "media" for one in parameters)
    return {"about": inspect.getdoc(kind) or "", "fields": fields, "file": file}
