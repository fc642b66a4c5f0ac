"""Decisions of the media job, pure: which files to fetch, what follows from each try."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias
from uuid import UUID

import orjson

from contracts.v1.shapes import MessageContent

ID_LIFE = timedelta(days=7)
"""How long an id from a webhook can be asked for; links of Messenger are given as long."""
URL_LIMIT = 4_096
MISMATCHES_MAX = 4
REFUSALS_MAX = 10
"""Refusals within an hour before a channel rests; with those in flight still fewer than the 20 at
which the provider would block it."""
REST_SECONDS = 1_800.0
BUSY_REST_SECONDS = 300.0
FIRST_PAUSE_SECONDS = 2.0
PAUSE_FACTOR = 3.0
LONGEST_PAUSE_SECONDS = 6 * 3_600.0
LAST_TRY_SECONDS = 60.0
"""The last try is this long before the id dies."""

_HEX = re.compile(r"[0-9a-fA-F]{64}")

Trouble: TypeAlias = Literal[
    "gone",
    "token",
    "busy",
    "refused",
    "hash_mismatch",
    "incomplete",
    "too_large",
    "type_mismatch",
    "network",
    "ours",
]
Problem: TypeAlias = Literal[
    "expired", "hash_mismatch", "too_large", "type_mismatch", "refused", "unreadable"
]


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file of a message that the provider has and we do not."""

    media_id: UUID
    provider_media_id: str | None
    url: str | None
    declared_type: str | None
    file_name: str | None
    sha256: str | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes are in our storage, and are what they were said to be."""

    sha256: str
    mime_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class NotFetched:
    """A try that failed."""

    trouble: Trouble
    detail: str
    provider_code: int | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after a pause; `counts` when it was the file's own failure."""

    pause_seconds: float
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Dead:
    """Never to be tried again."""

    problem: Problem
    detail: str


_FINAL: dict[Trouble, tuple[Problem, str]] = {
    "gone": ("expired", "The provider does not have the file any more."),
    "refused": ("refused", "The file may not be fetched."),
    "too_large": ("too_large", "The file is larger than may be stored."),
    "type_mismatch": ("type_mismatch", "The file is not what it was said to be."),
}
_REPEATED: dict[Trouble, tuple[Problem, str]] = {
    "hash_mismatch": ("hash_mismatch", "The file's bytes do not have the hash that was given."),
    "incomplete": ("unreadable", "The file is empty or not as long as was said."),
}
EXPIRED = Dead("expired", "The file could not be fetched while the provider had it.")


def decide(
    result: NotFetched, failures: int, now: datetime, dies_at: datetime, jitter: float = 1.0
) -> Again | Dead:
    """What follows from a failed try; `failures` counts this one, `jitter` is about 1."""
    final = _FINAL.get(result.trouble)
    if final is None and failures >= MISMATCHES_MAX:
        final = _REPEATED.get(result.trouble)
    if final is not None:
        problem, sentence = final
        return Dead(problem, f"{sentence} ({result.detail})"[:512])
    left_seconds = (dies_at - now).total_seconds() - LAST_TRY_SECONDS
    if left_seconds <= 0:
        return Dead("expired", f"{EXPIRED.detail} ({result.detail})"[:512])
    if result.trouble in ("token", "busy"):
        # The whole channel rests, which is the real pause.
        return Again(FIRST_PAUSE_SECONDS, counts=False)
    growing = FIRST_PAUSE_SECONDS * PAUSE_FACTOR ** (min(failures, 20) - 1)
    return Again(min(LONGEST_PAUSE_SECONDS, growing * jitter, left_seconds))


def rest_seconds(trouble: Trouble, refusals: int) -> float | None:
    """How long the whole channel rests after this; `refusals` in the last hour count this one."""
    if trouble == "token" or (is_refusal(trouble) and refusals >= REFUSALS_MAX):
        return REST_SECONDS
    return BUSY_REST_SECONDS if trouble == "busy" else None


def is_refusal(trouble: Trouble) -> bool:
    """Whether the provider counts it against us."""
    return trouble in ("gone", "token", "busy")


def wanted_file(content: MessageContent) -> WantedFile | None:
    """The file to fetch; None where there is none, or nothing to ask for it by."""
    media = content.media
    if media is None or media.media_id is None or media.state != "pending":
        return None
    source = _source(content.data)
    link = None if media.provider_media_id else _link(source)
    if media.provider_media_id is None and link is None:
        return None
    return WantedFile(
        media_id=media.media_id,
        provider_media_id=media.provider_media_id,
        url=link,
        declared_type=media.mime_type,
        file_name=media.file_name,
        sha256=sha256_of(source.get("sha256")),
        size_bytes=size_of(source.get("file_size")),
    )


def sha256_of(text: object) -> str | None:
    """A hash in hex or base64, as lower-case hex; None when it is neither."""
    if not isinstance(text, str):
        return None
    if _HEX.fullmatch(text):
        return text.lower()
    try:
        raw = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex() if len(raw) == 32 else None


def size_of(value: object) -> int | None:
    """A size as a number or its text."""
    try:
        size = int(str(value))
    except ValueError:
        return None
    return size if 0 <= size < 2**53 else None


def _source(data: str | None) -> dict[str, Any]:
    """The provider's own words about the file."""
    try:
        parsed = orjson.loads(data or "{}")
    except orjson.JSONDecodeError:
        return {}
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    return parsed if isinstance(parsed, dict) else {}


def _link(source: dict[str, Any]) -> str | None:
    payload = source.get("payload")
    link = payload.get("url") if isinstance(payload, dict) else source.get("url")
    return link if isinstance(link, str) and 0 < len(link) <= URL_LIMIT else None
