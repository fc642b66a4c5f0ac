"""The OpenAI wire format, as far as this service speaks it: bodies out, answers and events in."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from contracts.v1.models import ChatMessage, ToolCall, ToolDefinition
from llm_router.domain import (
    TEXT_CHARACTERS_MAX,
    ChatCall,
    ChatOutcome,
    ModelFailed,
    finish_reason,
)

_TOOL_CALLS_MAX = 16
_ARGUMENT_CHARACTERS_MAX = 32_768
_NEW_LIMIT_NAME = ("o1", "o3", "o4", "gpt-5")


def chat_body(call: ChatCall, *, stream: bool) -> dict[str, Any]:
    """The JSON body of a chat completion."""
    limit = "max_tokens"
    if call.model.provider == "openai" and call.model.name.startswith(_NEW_LIMIT_NAME):
        limit = "max_completion_tokens"
    body: dict[str, Any] = {
        "model": call.model.name,
        "messages": messages_of(call.messages),
        limit: call.reply_tokens_max,
    }
    if call.tools:
        body["tools"] = tools_of(call.tools)
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def messages_of(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """Prompt messages as OpenAI and litellm take them."""
    return [_message(message) for message in messages]


def tools_of(tools: Sequence[ToolDefinition]) -> list[dict[str, Any]]:
    """Tool definitions as OpenAI and litellm take them; bad_request if a schema is no JSON."""
    return [{"type": "function", "function": _function(tool)} for tool in tools]


def _function(tool: ToolDefinition) -> dict[str, Any]:
    try:
        parameters = orjson.loads(tool.parameters)
    except orjson.JSONDecodeError as error:
        raise ModelFailed("bad_request", f"parameters of tool {tool.name}: {error}") from error
    return {"name": tool.name, "description": tool.description, "parameters": parameters}


def _message(message: ChatMessage) -> dict[str, Any]:
    content: str | None = message.content
    if message.tool_calls and not content:
        content = None
    plain: dict[str, Any] = {"role": message.role, "content": content}
    if message.tool_calls:
        plain["tool_calls"] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.role == "tool":
        plain["tool_call_id"] = message.tool_call_id or ""
    return plain


def read_answer(body: bytes) -> ChatOutcome:
    """Read a whole answer; bad_response or truncated when it is not one."""
    answer = _load(body)
    try:
        choice = answer["choices"][0]
        message = choice["message"]
    except (KeyError, IndexError, TypeError) as error:
        raise ModelFailed("bad_response", f"no choice in the answer: {error!r}") from error
    if choice.get("finish_reason") is None:
        raise ModelFailed("truncated", "the answer has no finish reason")
    gathered = Gathered()
    gathered.take_delta(message)
    gathered.finish = choice["finish_reason"]
    gathered.take_usage(answer.get("usage"))
    return gathered.outcome()


def read_vectors(body: bytes, expected: int) -> tuple[list[Sequence[float]], int | None]:
    """The vectors of an embeddings answer in the order of the texts, and the tokens read."""
    answer = _load(body)
    try:
        rows = sorted(answer["data"], key=lambda row: row["index"])
        vectors = [_vector(row["embedding"]) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFailed("bad_response", f"no vectors in the answer: {error!r}") from error
    if len(vectors) != expected or not all(map(len, vectors)):
        raise ModelFailed("bad_response", f"{len(vectors)} vectors for {expected} texts")
    tokens = (answer.get("usage") or {}).get("prompt_tokens")
    return vectors, tokens if isinstance(tokens, int) else None


def _vector(value: Any) -> Sequence[float]:
    """A vector as base64 of float32, which was asked for, or as numbers, which some give."""
    if not isinstance(value, str):
        return list(value)
    import numpy as np

    row: Any = np.frombuffer(base64.b64decode(value, validate=True), "<f4")
    return row  # type: ignore[no-any-return]  # a row of numbers, as a list is


@dataclass(slots=True)
class Gathered:
    """An answer as it comes together from deltas."""

    parts: list[str] = field(default_factory=list)
    characters: int = 0
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    finish: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    def take_event(self, event: dict[str, Any]) -> str:
        """Add one stream event; gives the new words."""
        if event.get("error"):
            raise ModelFailed("overloaded", f"error in the stream: {event['error']}")
        self.take_usage(event.get("usage"))
        words = ""
        for choice in event.get("choices") or []:
            words += self.take_delta(choice.get("delta") or {})
            self.finish = choice.get("finish_reason") or self.finish
        return words

    def take_delta(self, delta: dict[str, Any]) -> str:
        """Add the text and tool fragments of one delta or message; gives the text."""
        words = delta.get("content") or ""
        if not isinstance(words, str):
            raise ModelFailed("bad_response", "content is not text")
        if words:
            self.parts.append(words)
            self.characters += len(words)
        for position, fragment in enumerate(delta.get("tool_calls") or []):
            self._take_tool(fragment.get("index", position), fragment)
        return words

    def take_usage(self, usage: dict[str, Any] | None) -> None:
        """Keep the provider's token counts."""
        if usage:
            self.input_tokens = usage.get("prompt_tokens", self.input_tokens)
            self.output_tokens = usage.get("completion_tokens", self.output_tokens)

    def full(self) -> bool:
        """Whether the answer is as long as we take."""
        return self.characters >= TEXT_CHARACTERS_MAX

    def outcome(self) -> ChatOutcome:
        """The finished answer."""
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
            finish_reason=finish_reason(self.finish, called_tools=bool(calls)),
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
        )

    def _take_tool(self, index: int, fragment: dict[str, Any]) -> None:
        if index not in self.calls and len(self.calls) >= _TOOL_CALLS_MAX:
            raise ModelFailed("bad_response", f"more than {_TOOL_CALLS_MAX} tool calls")
        call = self.calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
        function = fragment.get("function") or {}
        call["id"] = fragment.get("id") or call["id"]
        call["name"] = function.get("name") or call["name"]
        call["arguments"] += function.get("arguments") or ""
        if len(call["arguments"]) > _ARGUMENT_CHARACTERS_MAX:
            raise ModelFailed("bad_response", "tool arguments are too long")


class EventReader:
    """Cuts a byte stream into the JSON events of server-sent events."""

    def __init__(self) -> None:
        self._rest = b""
        self.done = False

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """Give the events that this chunk completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > 1_000_000:
            raise ModelFailed("bad_response", "an event of the stream is too long")
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                self.done = True
            elif data:
                yield _load(data)


def _load(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ModelFailed("bad_response", f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ModelFailed("bad_response", "not a JSON object")
    return value


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
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
