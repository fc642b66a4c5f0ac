"""The short path to OpenAI- and Anthropic-compatible providers: aiohttp and the wire format.

litellm costs some 9 ms of CPU a call; this costs some 0.3 ms (ADR 0010).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import aiohttp
import orjson

from llm_router.answer_schemas import fitting
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
)
from llm_router.gathering import EventReader
from llm_router.images import Sight
from llm_router.lean_http import posted, read_body, understood
from llm_router.openai_wire import OpenAIWire, headers, read_vectors, versioned
from llm_router.token_counts import count, with_counts
from llm_router.unit_vectors import unit_rows
from llm_router.vision import can_see

_VECTORS_BYTES_MAX = 128 * 1024 * 1024
_STREAM_BYTES_MAX = 64 * 1024 * 1024
_LAST_BYTES_SECONDS = 0.05


class Gathering(Protocol):
    """An answer as it comes together from the events of a stream."""

    finish: str | None
    ended: bool

    def take_event(self, event: dict[str, Any]) -> str:
        """Add one event; gives the new words."""
        ...

    def full(self) -> bool:
        """Whether the answer is as long as we take."""
        ...

    def outcome(self) -> ChatOutcome:
        """The finished answer."""
        ...


class Wire(Protocol):
    """One published format of chats."""

    def url(self, base: str) -> str:
        """Where a chat is asked for."""
        ...

    def headers(self, key: str | None) -> Mapping[str, str]:
        """What stands above a body."""
        ...

    def body(self, call: ChatCall, *, stream: bool) -> dict[str, Any]:
        """The JSON body of a call."""
        ...

    def read(self, body: bytes) -> ChatOutcome:
        """Read a whole answer."""
        ...

    def gathering(self) -> Gathering:
        """An answer that will come in events."""
        ...


class LeanAdapter:
    """Chats in one wire format over one pooled session."""

    def __init__(
        self, session: aiohttp.ClientSession, stall_seconds: float, wire: Wire | None = None
    ) -> None:
        self._session = session
        self._stall_seconds = stall_seconds
        self._wire: Wire = wire or OpenAIWire()
        self._sight = Sight(can_see)

    async def chat(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
        """Call the model; streams when `on_words` is given. Raises ModelFailed."""
        if call.answer_schema is not None:
            return await fitting(partial(self._seen, on_words=None), call)
        return await self._seen(call, on_words)

    async def _seen(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
        return await self._sight.ask(partial(self._once, on_words=on_words), call)

    async def _once(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
        stream = on_words is not None
        async with posted(
            self._session,
            self._wire.url(base_url(call.access)),
            orjson.dumps(self._wire.body(call, stream=stream)),
            self._wire.headers(call.access.key),
            call.timeout_seconds,
            self._stall_seconds if stream else None,
        ) as response:
            with understood():
                if on_words is None or response.content_type == "application/json":
                    outcome = self._wire.read(await read_body(response))
                else:
                    outcome = await self._read_stream(response, on_words)
        return await with_counts(checked(outcome, call), call)

    async def _read_stream(
        self, response: aiohttp.ClientResponse, on_words: OnWords
    ) -> ChatOutcome:
        """Gather a stream; one that ends without a finish reason was cut and is a failure."""
        gathered, reader = self._wire.gathering(), EventReader()
        try:
            await self._gather(response, gathered, reader, on_words)
        except (aiohttp.ClientError, TimeoutError, OSError):
            # With its reason to stop, the answer is whole: only the counts of tokens were lost.
            if gathered.finish is None:
                raise
        if gathered.finish is None and not reader.events:
            detail = f"no event in a stream of {response.content_type}"
            raise ModelFailed("bad_response", detail)
        if gathered.finish is None:
            raise ModelFailed("truncated", "the stream ended without a finish reason")
        return gathered.outcome()

    async def _gather(
        self,
        response: aiohttp.ClientResponse,
        gathered: Gathering,
        reader: EventReader,
        on_words: OnWords,
    ) -> None:
        clock = asyncio.get_running_loop().time
        heard_at, lines, size = clock(), 0, 0
        async for chunk in response.content.iter_any():
            for event in reader.feed(chunk):
                words = gathered.take_event(event)
                if words:
                    on_words(words)
            if gathered.full():
                gathered.finish = "length"
                return
            if reader.done or gathered.ended:
                await _last_bytes(response)
                return
            size += len(chunk)
            if size > _STREAM_BYTES_MAX:
                raise ModelFailed("bad_response", "the stream is too long")
            if reader.lines > lines:
                heard_at, lines = clock(), reader.lines
            elif clock() - heard_at > self._stall_seconds:
                raise ModelFailed("timeout", "the stream drips, but no line of it comes to its end")


class LeanEmbeddings:
    """Vectors of OpenAI-compatible endpoints over one pooled session."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

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
        url = f"{versioned(base_url(access))}/embeddings"
        async with posted(
            self._session, url, orjson.dumps(wish), headers(access.key), timeout_seconds
        ) as response:
            with understood():
                body = await read_body(response, _VECTORS_BYTES_MAX)
                rows, tokens = read_vectors(body, len(texts))
        counted = await count(model, texts) if tokens is None else tokens
        return Vectors(unit_rows(rows), len(rows[0]), counted)


def base_url(access: Access) -> str:
    """Where the provider is; not_authorised if nobody said."""
    if not access.url:
        raise ModelFailed("not_authorised", "no base URL is configured for the provider")
    return access.url


async def _last_bytes(response: aiohttp.ClientResponse) -> None:
    """Read the end that follows the last event, so that the connection can be used again."""
    try:
        async with asyncio.timeout(_LAST_BYTES_SECONDS):
            while not response.content.at_eof():
                await response.content.readany()
    except (aiohttp.ClientError, TimeoutError, OSError):
        return
