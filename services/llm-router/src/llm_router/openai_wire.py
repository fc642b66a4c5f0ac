"""The OpenAI wire format, as far as this service speaks it: bodies out, answers and events in."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from contracts.v1.models import ChatMessage, ToolDefinition
from llm_router.answer_schemas import is_strict
from llm_router.domain import ChatCall, ChatOutcome, ModelFailed, PromptPicture
from llm_router.gathering import Gathered, failure_of_event, load_object, told_count

_NEW_LIMIT_NAME = ("o1", "o3", "o4", "gpt-5")


def versioned(url: str) -> str:
    """A base URL with its version path, which people leave out or not."""
    url = url.rstrip("/")
    return f"{url}/v1" if url.count("/") == 2 else url


class OpenAIWire:
    """Chat completions, as `LeanAdapter` speaks them."""

    def url(self, base: str) -> str:
        """Where a chat is asked for."""
        return f"{versioned(base)}/chat/completions"

    def headers(self, key: str | None) -> Mapping[str, str]:
        """What stands above a body."""
        return headers(key)

    def body(self, call: ChatCall, *, stream: bool) -> dict[str, Any]:
        """The JSON body of a call."""
        return chat_body(call, stream=stream)

    def read(self, body: bytes) -> ChatOutcome:
        """Read a whole answer."""
        return read_answer(body)

    def gathering(self) -> OpenAIGathered:
        """An answer that will come in events."""
        return OpenAIGathered()


def headers(key: str | None) -> dict[str, str]:
    """The headers of a JSON request."""
    plain = {"Content-Type": "application/json"}
    return plain | {"Authorization": f"Bearer {key}"} if key else plain


def chat_body(call: ChatCall, *, stream: bool) -> dict[str, Any]:
    """The JSON body of a chat completion."""
    limit = "max_tokens"
    if call.model.provider == "openai" and call.model.name.startswith(_NEW_LIMIT_NAME):
        limit = "max_completion_tokens"
    body: dict[str, Any] = {
        "model": call.model.name,
        "messages": messages_of(call.messages, call.pictures),
        limit: call.reply_tokens_max,
    }
    if call.tools:
        body["tools"] = tools_of(call.tools)
    if call.answer_schema is not None:
        body["response_format"] = response_format(call.answer_schema)
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def messages_of(
    messages: Sequence[ChatMessage], pictures: Mapping[str, PromptPicture] | None = None
) -> list[dict[str, Any]]:
    """Prompt messages as OpenAI and litellm take them."""
    return [_message(message, pictures or {}) for message in messages]


def response_format(schema: str) -> dict[str, Any]:
    """A JSON schema as OpenAI and litellm take it."""
    loaded = orjson.loads(schema)
    wish = {"name": "answer", "schema": loaded, "strict": is_strict(loaded)}
    return {"type": "json_schema", "json_schema": wish}


def shown(message: ChatMessage, pictures: Mapping[str, PromptPicture]) -> list[PromptPicture]:
    """The pictures that a message shows."""
    hashes = (image.sha256 for image in message.images or ())
    return [pictures[sha256] for sha256 in hashes if sha256 in pictures]


def tools_of(tools: Sequence[ToolDefinition]) -> list[dict[str, Any]]:
    """Tool definitions as OpenAI and litellm take them; bad_request if a schema is no JSON."""
    return [{"type": "function", "function": _function(tool)} for tool in tools]


def parameters_of(tool: ToolDefinition) -> Any:
    """The JSON schema of a tool's arguments; bad_request if it is no JSON."""
    try:
        return orjson.loads(tool.parameters)
    except orjson.JSONDecodeError as error:
        raise ModelFailed("bad_request", f"parameters of tool {tool.name}: {error}") from error


def _function(tool: ToolDefinition) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters_of(tool),
    }


def _message(message: ChatMessage, pictures: Mapping[str, PromptPicture]) -> dict[str, Any]:
    content: str | list[dict[str, Any]] | None = message.content
    if message.tool_calls and not content:
        content = None
    if message.images and message.role == "user":
        content = _parts(message, pictures)
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


def _parts(message: ChatMessage, pictures: Mapping[str, PromptPicture]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [
        {
            "type": "image_url",
            "image_url": {"url": f"data:{one.mime_type};base64,{b64encode(one.data).decode()}"},
        }
        for one in shown(message, pictures)
    ]
    return [*parts, {"type": "text", "text": message.content}] if message.content else parts


def read_answer(body: bytes) -> ChatOutcome:
    """Read a whole answer; truncated when its end lacks, a KeyError or the like when it is none."""
    answer = load_object(body)
    if answer.get("error"):
        raise failure_of_event(answer["error"])
    choice = answer["choices"][0]
    if choice.get("finish_reason") is None:
        raise ModelFailed("truncated", "the answer has no finish reason")
    gathered = OpenAIGathered()
    gathered.take_delta(choice["message"])
    gathered.finish = choice["finish_reason"]
    gathered.take_usage(answer.get("usage"))
    return gathered.outcome()


def read_vectors(body: bytes, expected: int) -> tuple[list[Sequence[float]], int | None]:
    """The vectors of an embeddings answer in the order of the texts, and the tokens read."""
    answer = load_object(body)
    try:
        rows = sorted(answer["data"], key=lambda row: row["index"])
        vectors = [_vector(row["embedding"]) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFailed("bad_response", f"no vectors in the answer: {error!r}") from error
    if len(vectors) != expected or not all(map(len, vectors)):
        raise ModelFailed("bad_response", f"{len(vectors)} vectors for {expected} texts")
    tokens = (answer.get("usage") or {}).get("prompt_tokens")
    return vectors, told_count(tokens)


def _vector(value: Any) -> Sequence[float]:
    """A vector as base64 of float32, which was asked for, or as numbers, which some give."""
    if not isinstance(value, str):
        return list(value)
    import numpy as np

    row: Any = np.frombuffer(b64decode(value, validate=True), "<f4")
    return row  # type: ignore[no-any-return]  # a row of numbers, as a list is


class OpenAIGathered(Gathered):
    """An answer as it comes together from messages, deltas and events."""

    __slots__ = ()

    def take_event(self, event: dict[str, Any]) -> str:
        """Add one stream event; gives the new words."""
        if event.get("error"):
            raise failure_of_event(event["error"])
        self.take_usage(event.get("usage"))
        words = ""
        for choice in event.get("choices") or []:
            words += self.take_delta(choice.get("delta") or {})
            self.finish = choice.get("finish_reason") or self.finish
        return words

    def take_delta(self, delta: dict[str, Any]) -> str:
        """Add the text and tool fragments of one delta or message; gives the text."""
        words = self.take_words(delta.get("content"))
        refusal = delta.get("refusal")
        if refusal:
            self.refused = True
            words += self.take_words(refusal)
        for position, fragment in enumerate(delta.get("tool_calls") or []):
            function = fragment.get("function") or {}
            index = fragment.get("index")
            self.take_tool(
                position if index is None else index,
                fragment.get("id"),
                function.get("name"),
                function.get("arguments"),
            )
        return words

    def take_usage(self, usage: dict[str, Any] | None) -> None:
        """Keep the provider's token counts."""
        if usage:
            self.input_tokens = usage.get("prompt_tokens", self.input_tokens)
            self.output_tokens = usage.get("completion_tokens", self.output_tokens)
            details = usage.get("prompt_tokens_details") or {}
            self.cached_tokens = details.get("cached_tokens") or self.cached_tokens
