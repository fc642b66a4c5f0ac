"""JSON bodies as the API takes them: 1 MiB (texts: more), 64 levels, no NaN, within 30 seconds."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import orjson
from starlette.requests import Request

from gateway.problems import Problem

BYTES_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 64
READ_SECONDS_MAX: Final = 30.0


class JsonRequest(Request):
    """A request whose body is read once, whole, and not beyond the cap."""

    _raw: bytes | None = None
    bytes_max: int = BYTES_MAX

    async def body(self) -> bytes:
        """The bytes; 413 as soon as they are too many, 408 when they trickle."""
        if self._raw is None:
            self._raw = await read_capped(self, self.bytes_max)
        return self._raw

    async def json(self) -> Any:
        """The value; 400 for what is not JSON, too deep, or not a number."""
        return parse(await self.body())


async def read_capped(request: Request, bytes_max: int) -> bytes:
    """Read the body, at most so many bytes."""
    refuse_declared(request.headers.get("content-length"), bytes_max)
    chunks, size = [], 0
    try:
        async with asyncio.timeout(READ_SECONDS_MAX):
            async for chunk in request.stream():
                size += len(chunk)
                if size > bytes_max:
                    raise too_large(bytes_max)
                chunks.append(chunk)
    except TimeoutError:
        raise Problem(408, "request_timeout", "The body did not arrive in time.") from None
    return b"".join(chunks)


def refuse_declared(
    content_length: str | None, bytes_max: int, problem: Problem | None = None
) -> None:
    """413 before anything is read, when the sender says that it is too much."""
    if content_length and content_length.isdecimal() and int(content_length) > bytes_max:
        raise problem or too_large(bytes_max)


def too_large(bytes_max: int, code: str = "too_large") -> Problem:
    """The answer to a body over its cap."""
    size = f"{bytes_max // 1024} KiB" if bytes_max < 10 * 1024 * 1024 else f"{bytes_max >> 20} MB"
    return Problem(413, code, f"At most {size} are accepted here.")


def parse(raw: bytes) -> Any:
    """Strict JSON."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        position = f"line {error.lineno}, column {error.colno}"
        raise Problem(400, "invalid_json", f"The body is not JSON ({position}).") from None
    if raw.count(b"[") + raw.count(b"{") > DEPTH_MAX and _depth(value) > DEPTH_MAX:
        raise Problem(400, "invalid_json", f"At most {DEPTH_MAX} levels are accepted.")
    if b"\\u0000" in raw and any(_has_nul(level) for level in _levels(value)):
        raise Problem(422, "invalid", "NUL characters are not accepted in texts.")
    return value


def _depth(value: Any) -> int:
    return sum(1 for _ in _levels(value))


def _has_nul(level: list[Any]) -> bool:
    texts = (item for item in level if isinstance(item, str))
    names = (name for item in level if isinstance(item, dict) for name in item)
    return any("\x00" in text for text in (*texts, *names))


def _levels(value: Any) -> Iterator[list[Any]]:
    """The value, then everything inside it, then everything inside that."""
    level = [value]
    while level:
        yield level
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
