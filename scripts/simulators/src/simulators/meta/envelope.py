"""Graph's error envelope and the answers that carry it."""

from __future__ import annotations

import secrets
from typing import Any

import orjson
from aiohttp import web

KNOWN_CODES: dict[int, tuple[int, str, str]] = {
    0: (401, "AuthException", "We were unable to authenticate the app user."),
    1: (400, "OAuthException", "API Unknown"),
    2: (503, "OAuthException", "Service temporarily unavailable"),
    3: (403, "OAuthException", "API Method: capability or permission issue"),
    4: (400, "OAuthException", "Application request limit reached"),
    10: (403, "OAuthException", "Permission denied"),
    100: (400, "OAuthException", "Invalid parameter"),
    190: (401, "OAuthException", "Error validating access token: the session has expired."),
    200: (403, "OAuthException", "Permissions error"),
    368: (403, "OAuthException", "Temporarily blocked for policies violations"),
    551: (400, "OAuthException", "This person isn't available right now."),
    613: (400, "OAuthException", "Calls to this api have exceeded the rate limit."),
    80007: (400, "OAuthException", "Rate limit issues"),
    130429: (400, "OAuthException", "Rate limit hit"),
    130472: (400, "OAuthException", "User's number is part of an experiment"),
    130497: (403, "OAuthException", "Business account is restricted in this country."),
    131000: (500, "OAuthException", "Something went wrong"),
    131008: (400, "OAuthException", "Required parameter is missing"),
    131009: (400, "OAuthException", "Parameter value is not valid"),
    131016: (500, "OAuthException", "Service unavailable"),
    131026: (400, "OAuthException", "Message undeliverable"),
    131031: (403, "OAuthException", "Account has been locked"),
    131047: (400, "OAuthException", "Re-engagement message"),
    131048: (400, "OAuthException", "Spam rate limit hit"),
    131049: (400, "OAuthException", "Not delivered to maintain healthy ecosystem engagement."),
    131050: (400, "OAuthException", "User has stopped receiving marketing messages"),
    131051: (400, "OAuthException", "Unsupported message type"),
    131052: (400, "OAuthException", "Media download error"),
    131053: (400, "OAuthException", "Media upload error"),
    131056: (400, "OAuthException", "(Business Account, Consumer Account) pair rate limit hit"),
    131057: (500, "OAuthException", "Account in maintenance mode"),
    132000: (400, "OAuthException", "Template param count mismatch"),
    132001: (404, "OAuthException", "Template does not exist"),
    132015: (400, "OAuthException", "Template is paused"),
    132016: (400, "OAuthException", "Template is disabled"),
}
"""Code -> (HTTP status, type, title), for what the product must know how to answer."""


JSON_HEADERS = {
    "Content-Type": "application/json; charset=UTF-8",
    "facebook-api-version": "v23.0",
}


class GraphError(Exception):
    """A refusal that is answered with Graph's error envelope."""

    def __init__(
        self, code: int, details: str = "", *, subcode: int | None = None, status: int | None = None
    ) -> None:
        known_status, kind, title = KNOWN_CODES.get(code, (400, "OAuthException", "Error"))
        super().__init__(f"(#{code}) {title}")
        self.code, self.kind, self.details, self.subcode = code, kind, details, subcode
        self.status = status or known_status

    def body(self) -> dict[str, Any]:
        """The envelope `{error: {message, type, code, error_data, fbtrace_id}}`."""
        error: dict[str, Any] = {
            "message": str(self),
            "type": self.kind,
            "code": self.code,
            "error_data": {"messaging_product": "whatsapp", "details": self.details or str(self)},
            "fbtrace_id": secrets.token_urlsafe(17),
        }
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        return {"error": error}


def json_answer(body: Any, status: int = 200) -> web.Response:
    """A JSON answer as Graph types it."""
    return web.Response(body=orjson.dumps(body), status=status, headers=JSON_HEADERS)
