"""The ring of master keys: the first one seals, all of them unseal."""

import base64
import binascii
import os
import re
from collections.abc import Mapping
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealing.errors import ContextMismatch, InvalidKeyRing, MalformedSeal, UnknownKey

_VERSION: Final = "v1"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")


class KeyRing:
    """Master keys by id, in the order of the setting; the first is the active one."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise InvalidKeyRing("no master key is configured")
        for key_id, key in keys.items():
            _check_key(key_id, key)
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._active_id = next(iter(keys))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `id:base64key,id2:base64key` (32-byte keys); InvalidKeyRing names what is wrong."""
        keys: dict[str, bytes] = {}
        for entry in filter(None, (part.strip() for part in text.split(","))):
            key_id, colon, encoded = entry.partition(":")
            if not colon:
                raise InvalidKeyRing("a master key entry has no 'id:' before its key")
            if key_id in keys:
                raise InvalidKeyRing(f"master key id {key_id!r} is given twice")
            keys[key_id] = _decode_key(key_id, encoded)
        return cls(keys)

    @property
    def active_id(self) -> str:
        """The id of the key that seals from now on."""
        return self._active_id

    def seal(self, plaintext: bytes, context: str) -> str:
        """Encrypt for one context: `v1.<key id>.<base64url of nonce and ciphertext>`.

        The context names the place, for example `channel:<tenant id>:<channel id>:access_token`;
        it is not stored and must be given again to unseal.
        """
        if not context:
            raise ContextMismatch("a context is required to seal")
        nonce = os.urandom(_NONCE_BYTES)
        bound = _associated_data(self._active_id, context)
        sealed = self._ciphers[self._active_id].encrypt(nonce, plaintext, bound)
        return f"{_VERSION}.{self._active_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def unseal(self, text: str, context: str) -> bytes:
        """Decrypt; MalformedSeal, UnknownKey or ContextMismatch say why not."""
        key_id, body = _split(text)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnknownKey(f"sealed with key {key_id!r}, which is not in the key ring")
        nonce, sealed = body[:_NONCE_BYTES], body[_NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, sealed, _associated_data(key_id, context))
        except InvalidTag:
            raise ContextMismatch("changed since it was sealed, or sealed elsewhere") from None

    def needs_rotation(self, text: str) -> bool:
        """Whether the text was sealed with a key that is no longer the active one."""
        return _split(text)[0] != self._active_id


def _check_key(key_id: str, key: bytes) -> None:
    if not _KEY_ID.fullmatch(key_id):
        raise InvalidKeyRing(f"master key id {key_id!r} must be 1 to 32 of A-Z a-z 0-9 _ -")
    if len(key) != _KEY_BYTES:
        raise InvalidKeyRing(f"master key {key_id!r} has {len(key)} bytes, {_KEY_BYTES} are needed")
    if len(set(key)) == 1:
        raise InvalidKeyRing(f"master key {key_id!r} is one byte repeated, not a random key")


def _decode_key(key_id: str, encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidKeyRing(f"master key {key_id!r} is not base64") from None


def _associated_data(key_id: str, context: str) -> bytes:
    return f"{_VERSION}.{key_id}.{context}".encode()


def _split(text: str) -> tuple[str, bytes]:
    version, *rest = text.split(".")
    if version != _VERSION or len(rest) != 2:
        raise MalformedSeal("not a sealed text of version v1")
    key_id, encoded = rest
    try:
        body = base64.b64decode(encoded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise MalformedSeal("the sealed text is not base64") from None
    if len(body) < _NONCE_BYTES + _TAG_BYTES:
        raise MalformedSeal("the sealed text is too short")
    return key_id, body
