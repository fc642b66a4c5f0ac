"""Signed identities: a tenant's server vouches for who its visitor is."""

import hmac
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

_HEAD: Final = "metachat-identity-1"
_AHEAD_SECONDS_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the visitor is at the tenant."""

    external_id: str
    email: str | None
    name: str | None


def signature(secret: str, channel_key: str, identity: Identity, issued_at: int) -> str:
    """HMAC-SHA-256 in hex over the lines of an identity; none of them may hold a line break."""
    lines = [
        _HEAD,
        channel_key,
        identity.external_id,
        identity.email or "",
        identity.name or "",
        str(issued_at),
    ]
    return hmac.new(secret.encode(), "\n".join(lines).encode(), "sha256").hexdigest()


def is_fresh(issued_at: int, now: float, seconds_max: int) -> bool:
    """Whether a signature is neither too old nor from the future, beyond what clocks differ."""
    return -_AHEAD_SECONDS_MAX <= now - issued_at <= seconds_max


def visitor_of(channel_id: UUID, identity: Identity) -> str:
    """The visitor that an identity is, on every device."""
    return str(uuid5(channel_id, f"identity\0{identity.external_id}"))
