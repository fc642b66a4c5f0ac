"""Tenant API keys: `chat_live_<id 12>_<secret 43><checksum 6>`.

The secret has 256 bits, so a fast keyed hash is enough to store it. The checksum lets scanners and
this door tell a malformed key without a database.
"""

import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from typing import Final

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_KEY: Final = re.compile(r"chat_live_([0-9A-Za-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The parts of a key; `secret` is never stored."""

    key_id: str
    secret: str

    @property
    def text(self) -> str:
        """The key as its owner sees it, once."""
        head = f"chat_live_{self.key_id}_{self.secret}"
        return head + _checksum(head)


def make_key() -> ApiKey:
    """A new random key."""
    return ApiKey(_random(12), _random(43))


def read_key(text: str) -> ApiKey | None:
    """The parts of a key, or None when form or checksum are wrong."""
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    key = ApiKey(match.group(1), match.group(2))
    return key if hmac.compare_digest(key.text.encode(), text.encode()) else None


def digest(secret: str, pepper: bytes) -> bytes:
    """What is stored of a secret."""
    return hmac.digest(pepper, secret.encode(), "sha256")


def random_name(length: int) -> str:
    """Random letters and digits, e.g. for public widget keys."""
    return _random(length)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(head: str) -> str:
    number, digits = zlib.crc32(head.encode()), ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        digits = _ALPHABET[rest] + digits
    return digits
