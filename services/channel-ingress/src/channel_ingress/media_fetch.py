"""One try to fetch a file: asked for at Graph, streamed, checked, and only then stored."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

import aiohttp
from aiohttp.http import SERVER_SOFTWARE
from yarl import URL

from blobs import Blobs
from channel_ingress.domain import NotSent, Refused, Unanswered
from channel_ingress.graph import Answered, GraphClient
from channel_ingress.media import Fetched, NotFetched, sha256_of, size_of
from channel_ingress.media_addresses import LINKS, OWN_GRAPH, AddressRefused, MediaAddresses
from channel_ingress.media_store import MediaClaim
from channel_ingress.media_types import HEAD_BYTES, TypeMismatch, checked_type
from egress import is_blocked_error, open_session
from observe import afailpoint

MESSENGER_BYTES_MAX = 25 * 1024 * 1024
PIECE_BYTES = 64 * 1024
HELD_BYTES_MAX = 1024 * 1024
"""A file larger than this is on disk, without a name, while it is checked."""
REDIRECTS_MAX = 3
READ_SECONDS = 30.0

TOKEN_CODES = frozenset({0, 3, 10, 102, 190, 463, 467, *range(200, 300)})
"""The token is dead or lacks a right: the file can be had once the token is replaced."""
BUSY_CODES = frozenset({4, 17, 32, 613, 80007, 80008, 130429, 368})
_GONE_STATUSES = frozenset({401, 403, 404, 410})


class MediaRefused(Exception):
    """A try ended without the file; `result` says how."""

    def __init__(self, result: NotFetched) -> None:
        super().__init__(result.detail)
        self.result = result


class LinkDead(Exception):
    """A link has expired, or was never any good."""


@dataclass
class _Download:
    """The bytes that have come, and what they hash to."""

    file: BinaryIO
    limit: int
    size: int = 0
    head: bytes = b""
    content_type: str | None = None
    digest: Any = field(default_factory=hashlib.sha256)

    def take(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self.limit:
            raise MediaRefused(NotFetched("too_large", f"more than {self.limit} bytes"))
        if len(self.head) < HEAD_BYTES:
            self.head += piece[: HEAD_BYTES - len(self.head)]
        self.digest.update(piece)
        self.file.write(piece)


class MediaFetcher:
    """Fetches one file at a time for whoever asks; the session is open while the job runs."""

    def __init__(
        self,
        graph: GraphClient,
        blobs: Blobs,
        addresses: MediaAddresses,
        *,
        bytes_max: int,
        fetch_seconds: float,
    ) -> None:
        self._graph, self._blobs, self._addresses = graph, blobs, addresses
        self._bytes_max, self._fetch_seconds = bytes_max, fetch_seconds
        self._links: aiohttp.ClientSession | None = None
        self._own: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """With sessions of its own: one for links, which dials only public addresses, and one for
        the configured Graph URL."""
        rules: dict[str, Any] = {
            "user_agent": SERVER_SOFTWARE,
            "total_seconds": self._fetch_seconds,
            "connect_seconds": 5.0,
            "read_seconds": READ_SECONDS,
            "connections_max": 16,
        }
        async with (
            open_session(LINKS, **rules) as self._links,
            open_session(OWN_GRAPH, **rules) as self._own,
        ):
            yield

    async def fetch(self, claim: MediaClaim, token: str) -> Fetched | NotFetched:
        """One try; every way to fail is an answer."""
        try:
            if claim.provider_media_id is None:
                return await self._by_link(claim)
            return await self._by_id(claim, token)
        except MediaRefused as refused:
            return refused.result
        except AddressRefused as error:
            return NotFetched("refused", str(error))
        except (aiohttp.ClientError, TimeoutError) as error:
            if is_blocked_error(error):
                return NotFetched("refused", "the link leads to an address that is not public")
            return NotFetched("network", f"{type(error).__name__}: {error}"[:300])

    async def _by_link(self, claim: MediaClaim) -> Fetched | NotFetched:
        limit = min(self._bytes_max, MESSENGER_BYTES_MAX)
        try:
            return await self._download(claim, claim.url or "", None, limit, None, None)
        except LinkDead as error:
            return NotFetched("gone", str(error))

    async def _by_id(self, claim: MediaClaim, token: str) -> Fetched | NotFetched:
        """A link lives five minutes: one that is refused is asked for once more."""
        refusal = ""
        for _ in range(2):
            # Never with our own phone_number_id: Meta compares it with the uploader's.
            found = read_look_up(await self._graph.get(claim.provider_media_id or "", token))
            url, sha256, size = found
            if size is not None and size > self._bytes_max:
                return NotFetched("too_large", f"{size} bytes")
            try:
                return await self._download(claim, url, token, self._bytes_max, sha256, size)
            except LinkDead as error:
                refusal = str(error)
        return NotFetched("network", f"two fresh links were refused: {refusal}")

    async def _download(
        self,
        claim: MediaClaim,
        link: str,
        token: str | None,
        limit: int,
        sha256: str | None,
        size: int | None,
    ) -> Fetched | NotFetched:
        with SpooledTemporaryFile(max_size=HELD_BYTES_MAX) as spool:
            file = cast("BinaryIO", spool)
            download = _Download(file, limit)
            await self._stream(self._addresses.check(link), token, download)
            wanted = claim.declared_sha256 or sha256
            found = download.digest.hexdigest()
            if wanted is not None and found != wanted:
                return NotFetched("hash_mismatch", f"{download.size} bytes hash to {found}")
            expected = claim.declared_bytes if claim.declared_bytes is not None else size
            if not download.size or (wanted is None and expected not in (None, download.size)):
                return NotFetched("incomplete", f"{download.size} of {expected} bytes")
            try:
                declared = claim.declared_type or download.content_type
                mime_type = checked_type(claim.kind, declared, download.head)
            except TypeMismatch as error:
                return NotFetched("type_mismatch", str(error))
            try:
                return Fetched(await self._blobs.put_file(file), mime_type, download.size)
            except Exception as error:  # noqa: BLE001 - whatever the store raises, it is our trouble
                return NotFetched("ours", f"storage: {type(error).__name__}")

    async def _stream(self, url: URL, token: str | None, download: _Download) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        for _ in range(REDIRECTS_MAX + 1):
            session = self._own if self._addresses.is_graph(url) else self._links
            if session is None:
                raise MediaRefused(NotFetched("ours", "the job is not running"))
            async with session.get(url, headers=headers, allow_redirects=False) as answer:
                if answer.status not in (301, 302, 303, 307, 308):
                    await _take_all(answer, download)
                    return
                target = self._addresses.check(answer.headers.get("Location", ""), url)
            if target.origin() != url.origin():
                headers.pop("Authorization", None)
            url = target
        raise MediaRefused(NotFetched("refused", f"more than {REDIRECTS_MAX} redirects"))


async def _take_all(answer: aiohttp.ClientResponse, download: _Download) -> None:
    if answer.status in _GONE_STATUSES:
        raise LinkDead(f"HTTP {answer.status}")
    if answer.status == 429:
        raise MediaRefused(NotFetched("busy", "HTTP 429"))
    if answer.status >= 500 or answer.status < 200:
        raise MediaRefused(NotFetched("network", f"HTTP {answer.status}"))
    if answer.status >= 300:
        raise MediaRefused(NotFetched("refused", f"HTTP {answer.status}"))
    if (answer.content_length or 0) > download.limit:
        raise MediaRefused(NotFetched("too_large", f"{answer.content_length} bytes"))
    download.content_type = answer.headers.get("Content-Type")
    async for piece in answer.content.iter_chunked(PIECE_BYTES):
        download.take(piece)
        await afailpoint("channel-ingress.during_media")


def read_look_up(answer: object) -> tuple[str, str | None, int | None]:
    """Link, hash and size of a file by its id; MediaRefused says why there is none."""
    if isinstance(answer, Answered):
        link = answer.body.get("url")
        if not isinstance(link, str):
            raise MediaRefused(NotFetched("network", "an answer without a link"))
        return link, sha256_of(answer.body.get("sha256")), size_of(answer.body.get("file_size"))
    if isinstance(answer, Refused):
        raise MediaRefused(_refusal(answer))
    reason = answer.reason if isinstance(answer, NotSent | Unanswered) else "no answer"
    raise MediaRefused(NotFetched("network", reason))


def _refusal(answer: Refused) -> NotFetched:
    detail = f"{answer.code}: {answer.message}"[:400]
    if answer.code in TOKEN_CODES or answer.http_status == 401:
        return NotFetched("token", detail, answer.code)
    if answer.code in BUSY_CODES or answer.http_status == 429:
        return NotFetched("busy", detail, answer.code)
    if answer.http_status >= 500 or answer.code in (1, 2, 131000, 131016):
        return NotFetched("network", detail, answer.code)
    # 100 with 33, "object does not exist", is what an id answers that has died.
    return NotFetched("gone", detail, answer.code)
