"""List cursors that nobody can forge: signed, and bound to one list of one tenant."""

import base64
import binascii
import hmac
from typing import Final

from gateway.problems import Problem

_MAC_BYTES: Final = 12


class Cursors:
    """Signs and reads cursors; the key is derived from the process's signing secret."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"list-cursor", "sha256")

    def sign(self, list_name: str, position: str | None) -> str | None:
        """The cursor for a position in a list; None stays None (no further page)."""
        if position is None:
            return None
        body = position.encode()
        return base64.urlsafe_b64encode(self._mac(list_name, body) + body).decode().rstrip("=")

    def read(self, list_name: str, cursor: str | None) -> str | None:
        """The position; a forged cursor, or one of another list, is a 400."""
        if cursor is None:
            return None
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            raw = base64.b64decode(padded, altchars=b"-_", validate=True)
            mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
            if hmac.compare_digest(mac, self._mac(list_name, body)):
                return body.decode()
        except (binascii.Error, ValueError):
            pass
        raise Problem(400, "invalid_cursor", "Begin the list again, without a cursor.")

    def _mac(self, list_name: str, body: bytes) -> bytes:
        return hmac.digest(self._key, list_name.encode() + b"\0" + body, "sha256")[:_MAC_BYTES]
