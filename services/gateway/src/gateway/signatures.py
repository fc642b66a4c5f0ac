"""Meta's proof that a webhook body comes from Meta: HMAC-SHA-256 of the raw bytes.

Header `X-Hub-Signature-256: sha256=<64 hex digits>`; the key is the app secret.
"""

import hmac
import re
from typing import Final

_HEADER: Final = re.compile(rb"sha256=([0-9A-Fa-f]{64})")
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")


def is_signed(app_secret: bytes, raw: bytes, headers: list[bytes]) -> bool:
    """Whether exactly one signature was given and it fits these bytes (constant time).

    Without an app secret nothing fits.
    """
    if len(headers) != 1 or not app_secret:
        return False
    match = _HEADER.fullmatch(headers[0])
    if match is None:
        return False
    given = bytes.fromhex(match.group(1).decode("ascii"))
    return hmac.compare_digest(given, hmac.digest(app_secret, raw, "sha256"))


def is_handshake(verify_token: str, mode: str, token: str, challenge: str) -> bool:
    """Whether Meta's GET handshake is right, and its challenge harmless to send back."""
    right_token = bool(verify_token) and hmac.compare_digest(
        verify_token.encode(), token.encode("utf-8", "replace")
    )
    return mode == "subscribe" and right_token and bool(CHALLENGE.fullmatch(challenge))
