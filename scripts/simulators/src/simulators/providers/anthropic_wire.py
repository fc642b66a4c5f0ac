"""Anthropic wire format: `/v1/messages` as JSON and as named SSE events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from simulators.providers.answering import Asked, Plan

PROVIDER = "anthropic"
CONTENT_TYPE = "text/event-stream"
_STOP = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}


def read_chat(body: dict[str, Any]) -> Asked:
    """Read a `/v1/messages` body."""
    messages = body.get("messages") or []
    blocks = [block for m in messages for block in _blocks(m)]
    users = [m for m in messages if m.get("role") == "user"]
    system = _text({"content": body.get("system") or ""})
    return Asked(
        provider=PROVIDER,
        model=str(body.get("model", "")),
        stream=bool(body.get("stream")),
        include_usage=True,
        prompt="\n".join([system, *(_text(m) for m in messages)]),
        last_user_text=_text(users[-1]) if users else "",
        tools=tuple(t["name"] for t in body.get("tools") or []),
        has_tool_result=any(block.get("type") == "tool_result" for block in blocks),
    )


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content or [])


def _text(message: dict[str, Any]) -> str:
    parts = []
    for block in _blocks(message):
        if block.get("type") == "tool_result":
            parts.append(_text(block))
        else:
            parts.append(str(block.get("text", "")))
    return "".join(parts)


def whole(plan: Plan) -> dict[str, Any]:
    """The body of a call without streaming."""
    content: list[dict[str, Any]] = []
    if plan.tool:
        arguments = orjson.loads(plan.tool_arguments) if _valid(plan) else {}
        content.append(_tool(plan) | {"input": arguments})
    elif plan.text:
        content.append({"type": "text", "text": plan.text})
    return _message(plan) | {
        "content": content,
        "stop_reason": _stop(plan),
        "usage": {"input_tokens": plan.prompt_tokens, "output_tokens": plan.completion_tokens},
    }


def stream(plan: Plan) -> Iterator[bytes]:
    """The SSE events of a streamed call, without the closing ones."""
    start = _message(plan) | {
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": plan.prompt_tokens, "output_tokens": 1},
    }
    yield _sse("message_start", {"message": start})
    if plan.tool:
        yield _sse("content_block_start", {"index": 0, "content_block": _tool(plan)})
        half = len(plan.tool_arguments) // 2
        for part in (plan.tool_arguments[:half], plan.tool_arguments[half:]):
            yield _delta({"type": "input_json_delta", "partial_json": part})
        return
    yield _sse("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
    for chunk in plan.chunks:
        yield _delta({"type": "text_delta", "text": chunk})


def closing(plan: Plan) -> bytes:
    """The end of the stream."""
    end = _sse("content_block_stop", {"index": 0})
    delta = {"stop_reason": _stop(plan), "stop_sequence": None}
    usage = {"output_tokens": plan.completion_tokens}
    end += _sse("message_delta", {"delta": delta, "usage": usage})
    return end + _sse("message_stop", {})


def error(status: int, message: str) -> dict[str, Any]:
    """An error body."""
    kinds = {429: "rate_limit_error", 529: "overloaded_error"}
    return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}}


def _valid(plan: Plan) -> bool:
    try:
        orjson.loads(plan.tool_arguments)
    except orjson.JSONDecodeError:
        return False
    return True


def _stop(plan: Plan) -> str:
    return _STOP.get(plan.finish, "refusal" if plan.finish == "content_filter" else plan.finish)


def _tool(plan: Plan) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{plan.call_id}", "name": plan.tool, "input": {}}


def _message(plan: Plan) -> dict[str, Any]:
    return {
        "id": f"msg_{plan.call_id}",
        "type": "message",
        "role": "assistant",
        "model": plan.model,
        "stop_sequence": None,
    }


def _delta(delta: dict[str, Any]) -> bytes:
    return _sse("content_block_delta", {"index": 0, "delta": delta})


def _sse(name: str, value: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps({"type": name} | value) + b"\n\n"
