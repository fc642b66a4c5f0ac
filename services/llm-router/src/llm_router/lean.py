"""The short path to OpenAI-compatible providers: aiohttp and the wire format, nothing between.

litellm costs some 9 ms of CPU a call; this costs some 0.3 ms (ADR 0010).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp
import orjson

from llm_router.domain import (
    Access,
    ChatCall,
    ChatOutcome,
    EmbeddingPurpose,
    Model,
    ModelFailed,
    OnWords,
    Vectors,
    checked,
    estimated_tokens,
    failure_of_status,
)
from llm_router.openai_wire import (
    EventReader,
    Gathered,
    chat_body,
    error_text,
    read_answer,
    read_vectors,
    retry_after_seconds,
)
from llm_router.unit_vectors import unit_rows

_BODY_BYTES_MAX = 16 * 1024 * 1024
_VECTORS_BYTES_MAX = 128 * 1024 * 1024
_CONNECT_SECONDS = 5.0


class LeanAdapter:
    """Calls OpenAI-compatible endpoints over one pooled session."""

    def __init__(self, session: aiohttp.ClientSession, stall_seconds: float) -> None:
        self._session = session
        self._stall_seconds = stall_seconds

    async def chat(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
        """Call the model; streams when `on_words` is given. Raises ModelFailed."""
        body = orjson.dumps(chat_body(call, stream=on_words is not None))
        try:
            async with self._post(
                call.access, "/chat/completions", body, call.timeout_seconds
            ) as r:
                await _refuse_errors(r)
                if on_words is None:
                    return checked(read_answer(await _read(r)))
                return checked(await _read_stream(r, on_words))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _failure(error) from error

    async def embed(
        self,
        model: Model,
        access: Access,
        texts: Sequence[str],
        purpose: EmbeddingPurpose,
        timeout_seconds: float,
    ) -> Vectors:
        """One unit vector a text, in order. Raises ModelFailed."""
        del purpose
        wish = {"model": model.name, "input": list(texts), "encoding_format": "base64"}
        try:
            async with self._post(access, "/embeddings", orjson.dumps(wish), timeout_seconds) as r:
                await _refuse_errors(r)
                rows, tokens = read_vectors(await _read(r, _VECTORS_BYTES_MAX), len(texts))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _failure(error) from error
        counted = sum(map(estimated_tokens, texts)) if tokens is None else tokens
        return Vectors(unit_rows(rows), len(rows[0]), counted)

    def _post(
        self, access: Access, path: str, body: bytes, timeout_seconds: float
    ) -> aiohttp.client._RequestContextManager:
        if not access.url:
            raise ModelFailed("not_authorised", "no base URL is configured for the provider")
        headers = {"Content-Type": "application/json"}
        if access.key:
            headers["Authorization"] = f"Bearer {access.key}"
        timeout = aiohttp.ClientTimeout(
            total=timeout_seconds,
            sock_connect=min(_CONNECT_SECONDS, timeout_seconds),
            sock_read=self._stall_seconds,
        )
        return self._session.post(
            versioned(access.url) + path,
            data=body,
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
        )


def versioned(url: str) -> str:
    """A base URL with its version path, which people leave out or not."""
    url = url.rstrip("/")
    return f"{url}/v1" if url.count("/") == 2 else url


async def _refuse_errors(response: aiohttp.ClientResponse) -> None:
    if response.status == 200:
        return
    if 300 <= response.status < 400:
        raise ModelFailed("bad_response", f"the provider redirects ({response.status})")
    detail = error_text(await _read(response))
    wait = retry_after_seconds(response.headers.get("Retry-After"))
    raise failure_of_status(response.status, f"HTTP {response.status}: {detail}", wait)


async def _read(response: aiohttp.ClientResponse, bytes_max: int = _BODY_BYTES_MAX) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > bytes_max:
            raise ModelFailed("bad_response", "the answer is too long")
        parts.append(part)
    return b"".join(parts)


async def _read_stream(response: aiohttp.ClientResponse, on_words: OnWords) -> ChatOutcome:
    """Gather a stream; one that ends without a finish reason was cut and is a failure."""
    gathered = Gathered()
    try:
        await _gather(response, gathered, on_words)
    except (aiohttp.ClientError, TimeoutError, OSError):
        # With its reason to stop, the answer is whole: only the counts of tokens were lost.
        if gathered.finish is None:
            raise
    if gathered.finish is None:
        raise ModelFailed("truncated", "the stream ended without a finish reason")
    return gathered.outcome()


async def _gather(response: aiohttp.ClientResponse, gathered: Gathered, on_words: OnWords) -> None:
    reader = EventReader()
    async for chunk in response.content.iter_any():
        for event in reader.feed(chunk):
            words = gathered.take_event(event)
            if words:
                on_words(words)
        if gathered.full():
            gathered.finish = "length"
            response.close()
            return
        if reader.done:
            return


def _failure(error: Exception) -> ModelFailed:
    if isinstance(error, asyncio.TimeoutError):
        return ModelFailed("timeout", f"no answer in time ({type(error).__name__})")
    if isinstance(error, aiohttp.ClientPayloadError):
        return ModelFailed("truncated", "the connection broke inside the answer")
    return ModelFailed("unreachable", f"{type(error).__name__}: {error}")
