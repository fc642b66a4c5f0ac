"""One GET of a foreign address: redirects followed by our own hand, bytes and time bounded."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import aiohttp
from yarl import URL

from egress.errors import FetchFailed, InvalidUrl
from egress.policy import EgressPolicy
from egress.session import is_blocked_error
from egress.unpacking import PackedTooWell, UnknownPacking, Unpacker

REDIRECTS_MAX: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_READ_BYTES: Final = 64 * 1024
_HEADER_CHARACTERS_MAX: Final = 1_024

BeforeHop = Callable[[URL], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class FetchRules:
    """How much one fetch may take; `seconds` holds for all of it, redirects included."""

    bytes_max: int
    seconds: float
    redirects_max: int = REDIRECTS_MAX
    content_types: frozenset[str] | None = None
    """Such as text/html; None takes any, and so does an answer that names none."""


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server said of the bytes it sent last: asked again, it may answer 304."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer; `content` is there for 200 only."""

    url: URL
    status: int
    content: bytes = field(repr=False)
    content_type: str | None
    validators: Validators
    retry_after: str | None


class Fetcher:
    """Reads foreign addresses through a session of `open_session`."""

    def __init__(self, session: aiohttp.ClientSession, policy: EgressPolicy) -> None:
        self._session = session
        self._policy = policy

    async def fetch(
        self,
        url: URL,
        rules: FetchRules,
        *,
        known: Validators | None = None,
        before_hop: BeforeHop | None = None,
    ) -> Fetched:
        """The answer at the end of the redirects, or FetchFailed; 304 if it is as `known`.

        `before_hop` is awaited before each redirect is followed; what it raises ends the fetch,
        and its time does not count.
        """
        headers = _headers(known)
        seconds, time = rules.seconds, asyncio.get_running_loop().time
        for _ in range(rules.redirects_max + 1):
            began = time()
            try:
                async with asyncio.timeout(seconds), self._asked(url, headers) as response:
                    if response.status not in _REDIRECTS:
                        return await _read(url, response, rules)
                    target = response.headers.get("location", "")
            except TimeoutError:
                raise FetchFailed("timeout", f"not whole in {rules.seconds:g} seconds") from None
            seconds -= time() - began
            url = self._checked(target, url)
            if before_hop is not None:
                await before_hop(url)
        raise FetchFailed("too_many_redirects", f"more than {rules.redirects_max} redirects")

    def _checked(self, target: str, base: URL) -> URL:
        try:
            return self._policy.check_url(target, base)
        except InvalidUrl as error:
            raise FetchFailed("invalid_url", f"a redirect that is not followed: {error}") from None

    @asynccontextmanager
    async def _asked(
        self, url: URL, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            self._policy.check_url(str(url))
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                yield response
                # Whatever was not read, however long, never is: the connection goes with it.
                response.close()
        except InvalidUrl as error:
            raise FetchFailed("invalid_url", str(error)) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _failure(error) from error


async def _read(url: URL, response: aiohttp.ClientResponse, rules: FetchRules) -> Fetched:
    named = _header(response, "content-type") or ""
    content = b""
    if response.status == HTTPStatus.OK:
        essence = named.partition(";")[0].strip().lower()
        if rules.content_types is not None and essence and essence not in rules.content_types:
            raise FetchFailed("wrong_content_type", essence[:100])
        content = await _content(response, rules.bytes_max)
    return Fetched(
        url=url,
        status=response.status,
        content=content,
        content_type=named or None,
        validators=Validators(_header(response, "etag"), _header(response, "last-modified")),
        retry_after=_header(response, "retry-after"),
    )


async def _content(response: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    """At most so many bytes, on the wire as well as unpacked."""
    if (response.content_length or 0) > bytes_max:
        raise FetchFailed("too_large", f"{response.content_length} bytes")
    kept, wire = bytearray(), 0
    try:
        unpacker = Unpacker(response.headers.get("content-encoding"), bytes_max)
        async for piece in response.content.iter_chunked(_READ_BYTES):
            wire += len(piece)
            if wire > bytes_max:
                raise PackedTooWell
            for part in unpacker.take(piece):
                kept += part
        unpacker.end()
    except PackedTooWell:
        raise FetchFailed("too_large", f"more than {bytes_max} bytes") from None
    except UnknownPacking as error:
        raise FetchFailed("unreadable_encoding", str(error)) from None
    return bytes(kept)


def _headers(known: Validators | None) -> dict[str, str]:
    headers = {"accept-encoding": "gzip"}
    if known is not None and known.etag:
        headers["if-none-match"] = known.etag
    if known is not None and known.last_modified:
        headers["if-modified-since"] = known.last_modified
    return headers


def _header(response: aiohttp.ClientResponse, name: str) -> str | None:
    """A header to be kept and said again, what is no ASCII left out; None if it is too long."""
    value = response.headers.get(name, "").encode("ascii", "ignore").decode("ascii")
    return value if value and len(value) <= _HEADER_CHARACTERS_MAX else None


def _failure(error: Exception) -> FetchFailed:
    """Say what happened without the address that a name led to."""
    if is_blocked_error(error):
        return FetchFailed("blocked_address", "the address is not on the public internet")
    if isinstance(error, TimeoutError):
        return FetchFailed("timeout", "no answer in time")
    if isinstance(error, aiohttp.ClientSSLError):
        return FetchFailed("tls_error", type(error).__name__)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return FetchFailed("unresolvable", "the name is not known")
    if isinstance(error, aiohttp.InvalidURL):
        return FetchFailed("invalid_url", "this is not a URL")
    return FetchFailed("connection_failed", type(error).__name__)
