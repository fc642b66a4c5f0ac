"""A tenant's own way to a provider: a sealed key, an address, limits, and how its test went. Pure.

Who pays: a call with the tenant's own key or at its own address is billed to the tenant by the
provider. The platform's key never stands in for a tenant's key that failed, and never travels to
an address that a tenant chose.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.v1.model_routes import Provider

_SHOWN_CHARACTERS = 4
_SHOWN_FROM_CHARACTERS = 12
_DETAIL_CHARACTERS_MAX = 400


@dataclass(frozen=True, slots=True)
class KeptProvider:
    """A row as it is kept; the key is sealed for this tenant and provider."""

    provider: str
    sealed_key: str | None
    base_url: str | None
    key_ending: str | None
    requests_per_minute: int | None
    concurrent_max: int | None
    state: Literal["working", "failing"]
    detail: str | None
    tested_at: datetime

    @property
    def is_own(self) -> bool:
        """Whether calls go another way than the platform's; else only its limits are kept."""
        return self.sealed_key is not None or self.base_url is not None

    def tested(self, detail: str | None, at: datetime) -> KeptProvider:
        """After a test: the provider's words where it failed, else None."""
        state: Literal["working", "failing"] = "working" if detail is None else "failing"
        return replace(self, state=state, detail=detail, tested_at=at)

    def shown(self) -> Provider:
        """What people are told; the key's ending only."""
        return Provider(
            provider=self.provider,
            base_url=self.base_url,
            key_ending=self.key_ending,
            requests_per_minute=self.requests_per_minute,
            concurrent_max=self.concurrent_max,
            state=self.state,
            detail=self.detail,
            tested_at=self.tested_at,
        )


def key_context(tenant_id: UUID, provider: str) -> str:
    """What a tenant's provider key is sealed for."""
    return f"provider-key:{tenant_id}:{provider}"


def key_ending(key: str) -> str:
    """What may be shown of a key: its end, of a long one only."""
    return key[-_SHOWN_CHARACTERS:] if len(key) >= _SHOWN_FROM_CHARACTERS else ""


def without_key(detail: str, key: str | None) -> str:
    """A provider's words, without the key that it may have repeated."""
    told = detail.replace(key, f"…{key_ending(key)}") if key else detail
    return told[:_DETAIL_CHARACTERS_MAX]


def moves_key(kept: KeptProvider | None, base_url: str | None, sealed_key: str | None) -> bool:
    """Whether a key that is kept would travel to another address than it was given for."""
    return (
        kept is not None
        and kept.sealed_key is not None
        and sealed_key is None
        and kept.base_url != base_url
    )
