"""Meta's webhook signature, and the ways it can be wrong."""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal, get_args

Signature = Literal["valid", "wrong", "missing", "sha1_only", "upper_case", "reserialised"]
"""How a body is signed."""

SIGNATURES: tuple[str, ...] = get_args(Signature)


def sign(body: bytes, secret: str) -> str:
    """`sha256=<hex>`: HMAC-SHA256 of the raw bytes."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def signature_headers(body: bytes, secret: str, signature: Signature) -> dict[str, str]:
    """The signature headers of one request."""
    match signature:
        case "valid":
            return {"X-Hub-Signature-256": sign(body, secret)}
        case "wrong":
            return {"X-Hub-Signature-256": sign(body, secret + "-of-somebody-else")}
        case "missing":
            return {}
        case "sha1_only":
            digest = hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
            return {"X-Hub-Signature": f"sha1={digest}"}
        case "upper_case":
            return {"X-Hub-Signature-256": "sha256=" + sign(body, secret)[7:].upper()}
        case "reserialised":
            return {"X-Hub-Signature-256": sign(body.replace(b" ", b"") + b"\n", secret)}
