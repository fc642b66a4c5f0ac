"""One HTTP call of a provider: bounded reading, and every way to fail with its code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import aiohttp

from llm_router.domain import ModelFailed
from llm_router.gathering import failure_of_body, retry_after_seconds

_BODY_BYTES_MAX = 16 * 1024 * 1024
_ERROR_BYTES_MAX = 64 * 1024
_CONNECT_SECONDS = 5.0


@asynccontextmanager
async def posted(
    session: aiohttp.ClientSession,
    url: str,
    data: bytes | aiohttp.FormData,
    headers: Mapping[str, str],
    timeout_seconds: float,
    stall_seconds: float | None = None,
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The 200 of a POST; anything else, in here or while it is read, is a ModelFailed.

    Whoever leaves before the end of the answer closes the connection, so the provider stops.
    """
    timeout = aiohttp.ClientTimeout(
        total=timeout_seconds,
        sock_connect=min(_CONNECT_SECONDS, timeout_seconds),
        sock_read=stall_seconds,
    )
    try:
        async with session.post(
            url, data=data, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            if response.status != 200:
                raise await _refusal(response)
            yield response
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _failure(error) from error


async def read_body(response: aiohttp.ClientResponse, bytes_max: int = _BODY_BYTES_MAX) -> bytes:
    """The whole body; bad_response if it is longer than we take."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > bytes_max:
            raise ModelFailed("bad_response", "the answer is too long")
        parts.append(part)
    return b"".join(parts)


@contextmanager
def understood() -> Iterator[None]:
    """Reading an answer that has another shape than the published one is a bad_response."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        detail = f"not an answer of this format: {type(error).__name__}: {error}"
        raise ModelFailed("bad_response", detail) from error


async def _refusal(response: aiohttp.ClientResponse) -> ModelFailed:
    if 200 <= response.status < 400:
        return ModelFailed("bad_response", f"the provider answers with HTTP {response.status}")
    body = b""
    async for part in response.content.iter_any():
        body += part
        if len(body) > _ERROR_BYTES_MAX:
            break
    wait = retry_after_seconds(response.headers.get("Retry-After"))
    return failure_of_body(response.status, body, wait)


def _failure(error: Exception) -> ModelFailed:
    if isinstance(error, asyncio.TimeoutError):
        return ModelFailed("timeout", f"no answer in time ({type(error).__name__})")
    if isinstance(error, aiohttp.ClientPayloadError):
        return ModelFailed("truncated", "the connection broke inside the answer")
    return ModelFailed("unreachable", f"{type(error).__name__}: {error}")
