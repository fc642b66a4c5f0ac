"""Access tokens: who may call, and with which of Meta's words the others are refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from aiohttp import web

from simulators.meta.clock import SimulatedClock
from simulators.meta.envelope import GraphError
from simulators.meta.error_codes import EXPIRED_SUBCODE, PASSWORD_SUBCODE
from simulators.meta.settings import Settings

TokenState = Literal["valid", "expired", "password_changed", "invalid", "no_permission"]
"""What a call with the token is answered: it works, or one of Meta's refusals."""

ANY = "*"
"""Stands for every token that has no state of its own."""
SCOPES = (
    "whatsapp_business_management",
    "whatsapp_business_messaging",
    "pages_messaging",
    "pages_manage_metadata",
)


@dataclass(slots=True)
class Token:
    """One token's state."""

    state: TokenState = "valid"
    expires_at: float = 0.0
    """Unix time in seconds; 0 = never."""
    scopes: list[str] = field(default_factory=lambda: list(SCOPES))


class TokenBook:
    """States by token; a token that nobody mentioned is valid if settings accept it."""

    def __init__(self, settings: Settings, clock: SimulatedClock) -> None:
        self._settings, self._clock = settings, clock
        self._tokens: dict[str, Token] = {}

    def clear(self) -> None:
        """Make every token as at the start."""
        self._tokens.clear()

    def put(self, token: str, state: str = "valid", **fields: Any) -> dict[str, Any]:
        """Give a token (or `*`, all others) a state; ValueError for one that is unknown."""
        if state not in get_args(TokenState):
            raise ValueError(f"state must be one of {', '.join(get_args(TokenState))}")
        lifetime = fields.pop("expires_in_seconds", None)
        if lifetime is not None:
            fields["expires_at"] = self._clock.now() + float(lifetime)
        kept = Token(state, **fields)  # type: ignore[arg-type]
        self._tokens[token] = kept
        return {"token": token, **asdict(kept)}

    def check(self, request: web.Request) -> None:
        """Refuse the call in Meta's words unless its token is valid."""
        token = token_of(request)
        if token == "":
            raise GraphError(190, "Invalid OAuth access token - Cannot parse access token")
        error = self.error(token)
        if error is not None:
            raise error

    def error(self, token: str) -> GraphError | None:
        """What a call with this token is refused with; None when it works."""
        state = self.find(token)
        match "expired" if self._over(state) else state.state:
            case "valid":
                return None
            case "expired":
                details = "Error validating access token: Session has expired"
                return GraphError(190, details, subcode=EXPIRED_SUBCODE)
            case "password_changed":
                details = (
                    "Error validating access token: The session has been invalidated because the "
                    "user changed their password or Facebook has changed the session for security "
                    "reasons."
                )
                return GraphError(190, details, subcode=PASSWORD_SUBCODE)
            case "no_permission":
                return GraphError(10, "Application does not have permission for this action")
            case _:
                return GraphError(190, "Invalid OAuth access token - Cannot parse access token")

    def find(self, token: str) -> Token:
        """The state of one token."""
        accepted = self._settings.access_tokens
        if token not in self._tokens and accepted and token not in accepted:
            return Token("invalid")
        return self._tokens.get(token) or self._tokens.get(ANY) or Token()

    def description(self, token: str) -> dict[str, Any]:
        """What `GET /debug_token` says of it."""
        error, state = self.error(token), self.find(token)
        valid = error is None or error.code != 190
        found: dict[str, Any] = {
            "app_id": self._settings.app_id,
            "type": "SYSTEM_USER",
            "application": "Simulated app",
            "data_access_expires_at": 0,
            "expires_at": int(state.expires_at),
            "is_valid": valid,
            "issued_at": int(self._clock.now()) - 3600,
            "scopes": [] if state.state == "no_permission" else state.scopes,
            "user_id": "10158000000000001",
        }
        if error is not None and not valid:
            found["error"] = {"code": 190, "message": error.details, "subcode": error.subcode}
        return found

    def _over(self, state: Token) -> bool:
        return 0.0 < state.expires_at <= self._clock.now()


def token_of(request: web.Request) -> str:
    """The bearer token, or the one in the query; empty when there is none."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind in ("Bearer", "OAuth") and token:
        return token
    return str(request.query.get("access_token", ""))
