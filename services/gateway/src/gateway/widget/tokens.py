"""What a widget carries: a session token of 15 minutes, and who the visitor is.

Both are JWTs of one algorithm; each audience has a key of its own, so that one kind can never pass
for the other.
"""

import hmac
import time
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import jwt

from gateway.widget.identity import Identity

SESSION_SECONDS: Final = 15 * 60
VISITOR_SECONDS: Final = 400 * 24 * 3600
IDENTIFIED_SECONDS: Final = 24 * 3600
TOKEN_CHARACTERS_MAX: Final = 12_288
"""Three lines of an identity, 200 characters each, as JSON escapes in base64, and the rest."""
_ALGORITHM: Final = "HS256"
_KEY_ID: Final = "1"


class InvalidToken(Exception):
    """It is not ours, has expired, or is meant for something else."""


@dataclass(frozen=True, slots=True)
class WidgetSession:
    """Who a socket belongs to, and where its page is."""

    tenant_id: UUID
    channel_id: UUID
    visitor_id: str
    origin: str
    expires_at: float
    identity: Identity | None = None


@dataclass(frozen=True, slots=True)
class KnownVisitor:
    """Who a visitor was in an earlier session; `proof` hints at the secret that vouched for it."""

    visitor_id: str
    identity: Identity | None = None
    proof: str | None = None


class WidgetTokens:
    """Signs and reads both kinds of token."""

    def __init__(self, secret: bytes, issuer: str) -> None:
        self._issuer = issuer
        self._keys = {
            audience: hmac.digest(secret, f"jwt:{audience}".encode(), "sha256")
            for audience in ("widget", "visitor")
        }

    def session(
        self,
        tenant_id: UUID,
        channel_id: UUID,
        visitor_id: str,
        origin: str,
        identity: Identity | None = None,
    ) -> str:
        """A session token, good for SESSION_SECONDS."""
        claims = {
            "sub": visitor_id,
            "tenant": str(tenant_id),
            "channel": str(channel_id),
            "origin": origin,
            **_claims(identity),
        }
        return self._sign("widget", claims, SESSION_SECONDS)

    def read_session(self, token: object) -> WidgetSession:
        """The session of a token; InvalidToken for anything else."""
        claims = self._read("widget", token)
        try:
            return WidgetSession(
                tenant_id=UUID(claims["tenant"]),
                channel_id=UUID(claims["channel"]),
                visitor_id=str(claims["sub"]),
                origin=str(claims["origin"]),
                expires_at=float(claims["exp"]),
                identity=_identity(claims),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise InvalidToken(type(error).__name__) from None

    def visitor(self, channel_id: UUID, visitor: KnownVisitor) -> str:
        """A visitor token, kept by the widget's frame; a signed-in visitor's lives a day."""
        claims = {"sub": visitor.visitor_id, "channel": str(channel_id)}
        if visitor.identity is None:
            return self._sign("visitor", claims, VISITOR_SECONDS)
        claims |= _claims(visitor.identity) | {"proof": visitor.proof or ""}
        return self._sign("visitor", claims, IDENTIFIED_SECONDS)

    def read_visitor(self, channel_id: UUID, token: str) -> KnownVisitor:
        """Who the visitor was; InvalidToken also for a token of another channel."""
        claims = self._read("visitor", token)
        if claims.get("channel") != str(channel_id):
            raise InvalidToken("another channel")
        return KnownVisitor(str(claims["sub"]), _identity(claims), claims.get("proof"))

    def _sign(self, audience: str, claims: dict[str, str], seconds: int) -> str:
        now = int(time.time())
        payload = {
            **claims, "iss": self._issuer, "aud": audience, "iat": now, "exp": now + seconds
        }  # fmt: skip
        headers = {"kid": _KEY_ID}
        return jwt.encode(payload, self._keys[audience], algorithm=_ALGORITHM, headers=headers)

    def _read(self, audience: str, token: object) -> dict[str, Any]:
        if not isinstance(token, str) or len(token) > TOKEN_CHARACTERS_MAX:
            raise InvalidToken("not a token")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._keys[audience],
                algorithms=[_ALGORITHM],
                audience=audience,
                issuer=self._issuer,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise InvalidToken(type(error).__name__) from None
        return claims


def _claims(identity: Identity | None) -> dict[str, str]:
    if identity is None:
        return {}
    found = {"ext": identity.external_id, "email": identity.email, "name": identity.name}
    return {name: value for name, value in found.items() if value is not None}


def _identity(claims: dict[str, Any]) -> Identity | None:
    if "ext" not in claims:
        return None
    return Identity(claims["ext"], claims.get("email"), claims.get("name"))
