"""Anthropic's Messages format, as far as this service speaks it: bodies out, answers and events in.

The prefix that is the same in every call of a tenant (tools and instructions) is marked for the
provider's prompt cache; the passages that follow it are not.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from contracts.v1.models import ChatMessage, ToolDefinition
from llm_router.domain import ChatCall, ChatOutcome, ModelFailed, PromptPicture
from llm_router.gathering import Gathered, failure_of_event, load_object
from llm_router.openai_wire import parameters_of, shown

VERSION = "2023-06-01"
ANSWER_TOOL = "answer-in-json"
"""Its hyphen keeps it apart from every tool that our contracts can name."""

CACHED_CHARACTERS_MIN = 4_096
"""Shorter prefixes are not cached: no model of Anthropic takes fewer than 1,024 tokens."""

_CACHED = {"cache_control": {"type": "ephemeral"}}
_NOT_OF_AN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_OPENER = "(The conversation begins.)"
_PASSAGE_MARK = "<passage "


class AnthropicWire:
    """`/v1/messages`, as `LeanAdapter` speaks it."""

    def url(self, base: str) -> str:
        """Where a chat is asked for; the version may stand in the base URL or not."""
        base = base.rstrip("/")
        return f"{base}/messages" if base.endswith("/v1") else f"{base}/v1/messages"

    def headers(self, key: str | None) -> Mapping[str, str]:
        """What stands above a body."""
        plain = {"Content-Type": "application/json", "anthropic-version": VERSION}
        return plain | {"x-api-key": key} if key else plain

    def body(self, call: ChatCall, *, stream: bool) -> dict[str, Any]:
        """The JSON body of a call."""
        return messages_body(call, stream=stream)

    def read(self, body: bytes) -> ChatOutcome:
        """Read a whole answer."""
        return read_message(body)

    def gathering(self) -> AnthropicGathered:
        """An answer that will come in events."""
        return AnthropicGathered()


def messages_body(call: ChatCall, *, stream: bool) -> dict[str, Any]:
    """The JSON body of a message."""
    system = "\n\n".join(m.content for m in call.messages if m.role == "system" and m.content)
    body: dict[str, Any] = {
        "model": call.model.name,
        "max_tokens": call.reply_tokens_max,
        "messages": _turns(call.messages, call.pictures),
    }
    tools = [_tool(tool) for tool in call.tools]
    if call.answer_schema is not None:
        # A forced tool holds every model to a schema; output formats are taken by new ones only.
        tools.append(_answer_tool(call.answer_schema))
        body["tool_choice"] = (
            {"type": "any"} if call.tools else {"type": "tool", "name": ANSWER_TOOL}
        )
    blocks = _system_blocks(system, call)
    _mark_for_the_cache(tools, blocks)
    if blocks:
        body["system"] = blocks
    if tools:
        body["tools"] = tools
    if stream:
        body["stream"] = True
    return body


def _tool(tool: ToolDefinition) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "input_schema": parameters_of(tool),
    }


def _answer_tool(schema: str) -> dict[str, Any]:
    return {
        "name": ANSWER_TOOL,
        "description": "Give the answer.",
        "input_schema": {"type": "object"} | orjson.loads(schema),
    }


def _system_blocks(system: str, call: ChatCall) -> list[dict[str, Any]]:
    """The instructions, and apart from them what changes with every question: the passages."""
    if not system.strip():
        return []
    place = system.find(_PASSAGE_MARK)
    if place < 0 and call.passages:
        place = system.find(call.passages[0].text[:200])
    parts = [system] if place <= 0 else [system[:place], system[place:]]
    return [{"type": "text", "text": part} for part in parts if part.strip()]


def _mark_for_the_cache(tools: list[dict[str, Any]], blocks: list[dict[str, Any]]) -> None:
    """Mark the end of the stable prefix: the provider reads tools first, then the system prompt."""
    tools_size = len(orjson.dumps(tools)) if tools else 0
    if blocks and tools_size + len(blocks[0]["text"]) >= CACHED_CHARACTERS_MIN:
        blocks[0] |= _CACHED
    elif tools and tools_size >= CACHED_CHARACTERS_MIN:
        tools[-1] |= _CACHED


def _turns(
    messages: Sequence[ChatMessage], pictures: Mapping[str, PromptPicture]
) -> list[dict[str, Any]]:
    """Messages in turns: what one side said in a row is one message, and the user begins."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        blocks = list(_blocks(message, pictures))
        if message.role == "system" or not blocks:
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if not turns and role == "assistant":
            turns.append({"role": "user", "content": [{"type": "text", "text": _OPENER}]})
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(
    message: ChatMessage, pictures: Mapping[str, PromptPicture]
) -> Iterator[dict[str, Any]]:
    if message.role == "tool":
        yield {
            "type": "tool_result",
            "tool_use_id": _id(message.tool_call_id),
            "content": message.content,
        }
        return
    if message.role == "user":
        for one in shown(message, pictures):
            data = b64encode(one.data).decode()
            source = {"type": "base64", "media_type": one.mime_type, "data": data}
            yield {"type": "image", "source": source}
    if message.content.strip():
        yield {"type": "text", "text": message.content.rstrip()}
    for call in message.tool_calls:
        yield {
            "type": "tool_use",
            "id": _id(call.call_id),
            "name": call.name,
            "input": _object(call.arguments),
        }


def _id(call_id: str | None) -> str:
    """An id of a call as this provider takes it; other providers' ids may come along."""
    return _NOT_OF_AN_ID.sub("_", call_id or "") or "call"


def _object(arguments: str) -> dict[str, Any]:
    """Arguments as an object; what the model wrote wrongly is shown to it as it was."""
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return {"not_json": arguments}
    return value if isinstance(value, dict) else {"not_an_object": value}


def read_message(body: bytes) -> ChatOutcome:
    """Read a whole answer; truncated when its end lacks, a KeyError or the like when it is none."""
    answer = load_object(body)
    if answer.get("type") == "error":
        raise failure_of_event(answer.get("error"))
    if answer["content"] is None or answer.get("stop_reason") is None:
        raise ModelFailed("truncated", "the answer has no reason to stop")
    gathered = AnthropicGathered()
    for index, block in enumerate(answer["content"]):
        gathered.take_block(index, block)
    gathered.finish = answer["stop_reason"]
    gathered.take_usage(answer.get("usage"))
    return gathered.outcome()


class AnthropicGathered(Gathered):
    """An answer as it comes together from content blocks and events."""

    __slots__ = ()

    def outcome(self) -> ChatOutcome:
        """The finished answer; what was given to the answer's own tool is its text."""
        given = [call for call in self.calls.values() if call["name"] == ANSWER_TOOL]
        for place, call in list(self.calls.items()):
            if call["name"] == ANSWER_TOOL:
                del self.calls[place]
        if given and not self.calls:
            self.parts = [given[0]["arguments"] or "{}"]
        return Gathered.outcome(self)

    def take_event(self, event: dict[str, Any]) -> str:
        """Add one stream event; gives the new words. Kinds that we do not know are passed over."""
        match event.get("type"):
            case "content_block_delta":
                return self._take_delta(event["index"], event["delta"])
            case "content_block_start":
                return self.take_block(event["index"], event["content_block"])
            case "message_start":
                self.take_usage(event["message"].get("usage"))
            case "message_delta":
                self.finish = event["delta"].get("stop_reason") or self.finish
                self.take_usage(event.get("usage"))
            case "message_stop":
                self.ended = True
            case "error":
                raise failure_of_event(event.get("error"))
        return ""

    def take_block(self, index: int, block: dict[str, Any]) -> str:
        """Add a content block or its beginning; gives its text."""
        if block["type"] == "text":
            return self.take_words(block["text"])
        if block["type"] == "tool_use":
            given = block.get("input")
            arguments = orjson.dumps(given).decode() if given else None
            self.take_tool(index, block["id"], block["name"], arguments)
        return ""

    def take_usage(self, usage: dict[str, Any] | None) -> None:
        """Keep the provider's counts; those that it read from or put into its cache stand apart."""
        if not usage:
            return
        self.output_tokens = usage.get("output_tokens", self.output_tokens)
        if usage.get("input_tokens") is None:
            return
        self.cached_tokens = usage.get("cache_read_input_tokens") or 0
        self.cache_write_tokens = usage.get("cache_creation_input_tokens") or 0
        self.input_tokens = usage["input_tokens"] + self.cached_tokens + self.cache_write_tokens

    def _take_delta(self, index: int, delta: dict[str, Any]) -> str:
        if delta["type"] == "text_delta":
            return self.take_words(delta["text"])
        if delta["type"] == "input_json_delta":
            self.take_tool(index, None, None, delta["partial_json"])
        return ""
