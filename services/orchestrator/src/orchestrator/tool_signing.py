"""Signs what tenants' tools are sent (Standard Webhooks), with a secret of each tool's own."""

import base64
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from standardwebhooks import Webhook

_SECRET_BYTES: Final = 32


def new_secret() -> str:
    """Make a `whsec_…` secret of 32 random bytes."""
    return "whsec_" + base64.b64encode(os.urandom(_SECRET_BYTES)).decode()


def secret_place(tenant_id: UUID, name: str) -> str:
    """Return the context that a tool's secret is sealed under."""
    return f"tool-secret:{tenant_id}:{name}"


def headers_place(tenant_id: UUID, name: str) -> str:
    """Return the context that gateway seals a tool's headers under."""
    return f"tool-headers:{tenant_id}:{name}"


def signed_headers(secrets: Sequence[str], call_id: UUID, body: str) -> dict[str, str]:
    """Return the headers of one call; during a rotation one signature for each secret."""
    at = datetime.now(UTC)
    return {
        "webhook-id": str(call_id),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(s).sign(str(call_id), at, body) for s in secrets),
    }
