"""The words of tus 1.0, the protocol of resumable uploads: headers in and out. Pure."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final
from uuid import UUID

from gateway.problems import Problem
from gateway.words import printable

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,termination,expiration,checksum"
PIECE_TYPE: Final = "application/offset+octet-stream"
CHECKSUMS: Final = ("sha1", "sha256")
_METADATA_CHARACTERS_MAX: Final = 16_384
_DIGITS_MAX: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumableUpload:
    """A large file on its way."""

    tenant_id: UUID
    upload_id: UUID
    actor: str
    size_bytes: int
    offset_bytes: int
    metadata: dict[str, str]
    document_id: UUID | None
    expires_at: datetime
    is_written: bool

    def headers(self) -> dict[str, str]:
        """How far it has come, until when it waits, and which document it became."""
        shown = {
            "Upload-Offset": str(self.offset_bytes),
            "Upload-Expires": format_datetime(self.expires_at.astimezone(UTC), usegmt=True),
        }
        if self.document_id is not None:
            shown["Chat-Document-Id"] = str(self.document_id)
        return shown


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of a request must amount to."""

    algorithm: str
    expected: bytes

    def begin(self) -> Any:
        """A digest to be fed."""
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def fits(self, digest: Any) -> bool:
        """Whether they do."""
        return hmac.compare_digest(digest.digest(), self.expected)


def need_version(headers: Mapping[str, str]) -> None:
    """412 for a client that speaks another version."""
    if headers.get("tus-resumable") != VERSION:
        raise Problem(
            412, "unsupported_version", f"Send Tus-Resumable: {VERSION}.",
            headers={"Tus-Version": VERSION},
        )  # fmt: skip


def number(headers: Mapping[str, str], name: str) -> int:
    """A length or an offset; 400 for anything else."""
    text = headers.get(name, "")
    if not (text.isascii() and text.isdecimal()) or len(text) > _DIGITS_MAX:
        raise Problem(400, "invalid_header", f"{name} is a number of bytes.")
    return int(text)


def read_metadata(text: str) -> dict[str, str]:
    """`filename cmVwb3J0LnBkZg==,title UmVwb3J0` -> its words; 400 for what is not of this form."""
    if len(text) > _METADATA_CHARACTERS_MAX:
        raise _wrong_metadata()
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, _, encoded = pair.partition(" ")
        try:
            words = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise _wrong_metadata() from None
        found[printable(name.lower())] = printable(words)
    return found


def read_checksum(text: str | None) -> Checksum | None:
    """`sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=`; 400 for an algorithm that is not known here."""
    if text is None:
        return None
    algorithm, _, encoded = text.strip().partition(" ")
    try:
        expected = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        expected = b""
    if algorithm not in CHECKSUMS or len(expected) != hashlib.new(algorithm).digest_size:
        known = " or ".join(CHECKSUMS)
        raise Problem(400, "invalid_checksum", f"Upload-Checksum is {known}, and base64.")
    return Checksum(algorithm, expected)


def _wrong_metadata() -> Problem:
    detail = "Upload-Metadata is `name base64,name base64`, 16 kB at most."
    return Problem(400, "invalid_metadata", detail)
