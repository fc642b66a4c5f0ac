"""An answer as it comes together, the same for every wire format, and its bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from contracts.v1.models import ToolCall
from llm_router.domain import (
    TEXT_CHARACTERS_MAX,
    ChatOutcome,
    ModelFailed,
    failure_of_status,
    finish_reason,
)

TOOL_CALLS_MAX = 16
_ARGUMENT_CHARACTERS_MAX = 32_768
_EVENT_BYTES_MAX = 1_000_000
_TOKENS_MAX = 100_000_000
"""More tokens than any call reads or writes: a count beyond is none, and would burst the ledger."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_STATUS_OF_ERROR = {
    "authentication_error": 401,
    "billing_error": 401,
    "insufficient_quota": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "timeout_error": 408,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "invalid_request_error": 400,
}
"""What the names of providers' errors are as HTTP statuses; all others are a 500."""


@dataclass(slots=True)
class Gathered:
    """Text, tool calls, counts and the reason to stop, taken from one answer bit by bit."""

    parts: list[str] = field(default_factory=list)
    characters: int = 0
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    finish: str | None = None
    refused: bool = False
    ended: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int = 0
    cache_write_tokens: int = 0

    def take_words(self, words: Any) -> str:
        """Add text; gives it back."""
        if not words:
            return ""
        if not isinstance(words, str):
            raise ModelFailed("bad_response", "content is not text")
        self.parts.append(words)
        self.characters += len(words)
        return words

    def take_tool(
        self, index: int, call_id: str | None, name: str | None, arguments: str | None
    ) -> None:
        """Add what is known of the tool call at this place."""
        if index not in self.calls and len(self.calls) >= TOOL_CALLS_MAX:
            raise ModelFailed("bad_response", f"more than {TOOL_CALLS_MAX} tool calls")
        call = self.calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
        call["id"] = call_id or call["id"]
        call["name"] = name or call["name"]
        call["arguments"] += arguments or ""
        if len(call["arguments"]) > _ARGUMENT_CHARACTERS_MAX:
            raise ModelFailed("bad_response", "tool arguments are too long")

    def full(self) -> bool:
        """Whether the answer is as long as we take."""
        return self.characters >= TEXT_CHARACTERS_MAX

    def outcome(self) -> ChatOutcome:
        """The finished answer."""
        finish = "refusal" if self.refused else self.finish
        calls = tuple(
            ToolCall(
                call_id=call["id"][:512] or f"call_{index}",
                name=call["name"][:512],
                arguments=call["arguments"] or "{}",
            )
            for index, call in sorted(self.calls.items())
            if call["name"]
        )
        return ChatOutcome(
            text="".join(self.parts)[:TEXT_CHARACTERS_MAX],
            tool_calls=calls,
            finish_reason=finish_reason(finish, called_tools=bool(calls)),
            input_tokens=told_count(self.input_tokens),
            output_tokens=told_count(self.output_tokens),
            cached_tokens=told_count(self.cached_tokens) or 0,
            cache_write_tokens=told_count(self.cache_write_tokens) or 0,
        )


def told_count(value: Any) -> int | None:
    """A provider's count of tokens; None where it is no number of tokens: then we count."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _TOKENS_MAX else None


class EventReader:
    """Cuts a byte stream into the JSON events of server-sent events."""

    def __init__(self) -> None:
        self._rest = b""
        self._began = False
        self.lines = 0
        self.events = 0
        self.done = False

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """Give the events that this chunk completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _EVENT_BYTES_MAX:
            raise ModelFailed("bad_response", "an event of the stream is too long")
        if lines and not self._began:
            self._began = True
            lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
        self.lines += len(lines)
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                self.done = True
            elif data:
                self.events += 1
                yield load_object(data)


def load_object(body: bytes) -> dict[str, Any]:
    """A JSON object, or bad_response; a byte order mark before it is passed over."""
    try:
        value = orjson.loads(body.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError as error:
        raise ModelFailed("bad_response", f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ModelFailed("bad_response", "not a JSON object")
    return value


def failure_of_body(status: int, body: bytes, wait_seconds: float | None) -> ModelFailed:
    """The failure that an error body with its HTTP status means."""
    detail = f"HTTP {status}: {error_text(body)}"
    if status == 429 and b"insufficient_quota" in body:
        return ModelFailed("not_authorised", detail)
    return failure_of_status(status, detail, wait_seconds)


def failure_of_event(error: Any) -> ModelFailed:
    """The failure that an error inside a stream (or inside a 200) means."""
    if not isinstance(error, dict):
        return ModelFailed("overloaded", f"error in the answer: {error}")
    detail = f"error in the answer: {error.get('message') or error}"
    for name in (error.get("code"), error.get("type")):
        if isinstance(name, int) and 400 <= name < 600:
            return failure_of_status(name, detail, None)
        if isinstance(name, str) and name in _STATUS_OF_ERROR:
            return failure_of_status(_STATUS_OF_ERROR[name], detail, None)
    return failure_of_status(500, detail, None)


def error_text(body: bytes) -> str:
    """The provider's own words in an error body."""
    try:
        error = orjson.loads(body)["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:400]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace")


def retry_after_seconds(value: str | None) -> float | None:
    """A Retry-After header in seconds, given as seconds or as an HTTP date."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return max(0.0, seconds) if seconds == seconds else None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
