"""Signing secrets and Standard Webhooks headers."""

import base64
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from standardwebhooks import Webhook

from sealing import KeyRing

SECRET_BYTES: Final = 32
HINT_LENGTH: Final = 4


def new_secret() -> str:
    """Make a `whsec_…` secret of 32 random bytes."""
    return "whsec_" + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def hint_of(secret: str) -> str:
    """Return what the API shows of a secret afterwards."""
    return secret.rstrip("=")[-HINT_LENGTH:]


def seal_secret(ring: KeyRing, secret: str, tenant_id: UUID, endpoint_id: UUID) -> str:
    """Seal for this endpoint only."""
    return ring.seal(secret.encode(), _context(tenant_id, endpoint_id))


def unseal_secret(ring: KeyRing, sealed: str, tenant_id: UUID, endpoint_id: UUID) -> str:
    """Unseal; SealingError when it belongs elsewhere or its key is gone."""
    return ring.unseal(sealed, _context(tenant_id, endpoint_id)).decode()


def signed_headers(
    secrets: Sequence[str], event_id: UUID, body: str, at: datetime
) -> dict[str, str]:
    """Standard Webhooks headers; during a rotation one signature for each secret."""
    at = at.astimezone(UTC)
    signatures = [Webhook(secret).sign(str(event_id), at, body) for secret in secrets]
    return {
        "webhook-id": str(event_id),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _context(tenant_id: UUID, endpoint_id: UUID) -> str:
    return f"webhook-endpoint:{tenant_id}:{endpoint_id}"
