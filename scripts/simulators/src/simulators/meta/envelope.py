"""Graph's error envelope and the answers that carry it."""

from __future__ import annotations

import secrets
from typing import Any

import orjson
from aiohttp import web

from simulators.meta.error_codes import known_code

JSON_HEADERS = {
    "Content-Type": "application/json; charset=UTF-8",
    "facebook-api-version": "v23.0",
}
TRANSIENT = frozenset({2, 1200, 131000, 131016})
"""Codes that Meta marks as passing by themselves."""


class GraphError(Exception):
    """A refusal that is answered with Graph's error envelope."""

    def __init__(
        self,
        code: int,
        details: str = "",
        *,
        subcode: int | None = None,
        status: int | None = None,
        title: str = "",
    ) -> None:
        known = known_code(code)
        super().__init__(f"(#{code}) {title or known.title}")
        self.code, self.kind, self.details = code, known.kind, details
        self.subcode = known.subcode if subcode is None else subcode
        self.status = status or known.status
        self.whatsapp = True
        """WhatsApp's calls carry `error_data`, other Graph calls say the details themselves."""

    def body(self) -> dict[str, Any]:
        """The envelope `{error: {message, type, code, error_subcode?, error_data, fbtrace_id}}`."""
        details = self.details or str(self)
        error: dict[str, Any] = {
            "message": str(self) if self.whatsapp else _numbered(self.code, details),
            "type": self.kind,
            "code": self.code,
        }
        if self.whatsapp:
            error["error_data"] = {"messaging_product": "whatsapp", "details": details}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.code in TRANSIENT:
            error["is_transient"] = True
        error["fbtrace_id"] = secrets.token_urlsafe(17)
        return {"error": error}


def _numbered(code: int, details: str) -> str:
    return details if details.startswith("(#") else f"(#{code}) {details}"


def json_answer(body: Any, status: int = 200) -> web.Response:
    """A JSON answer as Graph types it."""
    return web.Response(body=orjson.dumps(body), status=status, headers=JSON_HEADERS)


def json_object(raw: bytes) -> dict[str, Any]:
    """The JSON object of a request body; GraphError 100 when it is none."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise GraphError(100, f"Invalid JSON: {error}") from error
    if not isinstance(body, dict):
        raise GraphError(100, "The request body must be a JSON object")
    return body
