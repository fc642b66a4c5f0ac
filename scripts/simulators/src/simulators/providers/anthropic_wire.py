"""Anthropic wire format: `/v1/messages` as JSON and as named SSE events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from simulators.providers.answering import Asked, Plan

PROVIDER = "anthropic"
CONTENT_TYPE = "text/event-stream"
_STOP = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def read_chat(body: dict[str, Any]) -> Asked:
    """Read a `/v1/messages` body."""
    messages = body.get("messages") or []
    blocks = [block for m in messages for block in _blocks(m)]
    users = [m for m in messages if m.get("role") == "user"]
    schemas = {tool["name"]: tool.get("input_schema") for tool in body.get("tools") or []}
    forced = (body.get("tool_choice") or {}).get("name")
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
        schema=schemas.get(forced or ""),
        forced_tool=forced,
    )


def complaint(body: dict[str, Any]) -> str | None:
    """What the real API would refuse with a 400."""
    if not isinstance(body.get("max_tokens"), int):
        return "max_tokens: Field required"
    messages = body.get("messages") or []
    if not messages or messages[0].get("role") != "user":
        return "messages: first message must use the user role"
    wanted: set[str] = set()
    for place, message in enumerate(messages):
        if message.get("role") not in ("user", "assistant"):
            return f"messages.{place}.role: Input should be 'user' or 'assistant'"
        blocks = _blocks(message)
        if any(b.get("type") == "text" and not b.get("text", "").strip() for b in blocks):
            return "messages: text content blocks must be non-empty"
        given = {b.get("tool_use_id") for b in blocks if b.get("type") == "tool_result"}
        if given - wanted:
            return f"messages.{place}: unexpected `tool_use_id` found in `tool_result` blocks"
        if wanted - given:
            return f"messages.{place}: `tool_use` ids were found without `tool_result` blocks"
        wanted = {b["id"] for b in blocks if b.get("type") == "tool_use"}
    return None


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
        content += [_tool(plan, place) | {"input": arguments} for place in range(plan.tool_count)]
    elif plan.text:
        content.append({"type": "text", "text": plan.text})
    return _message(plan) | {
        "content": content,
        "stop_reason": _stop(plan),
        "usage": _usage(plan, plan.completion_tokens),
    }


def stream(plan: Plan) -> Iterator[bytes]:
    """The SSE events of a streamed call, without the closing ones."""
    start: dict[str, Any] = {"content": [], "stop_reason": None, "usage": _usage(plan, 1)}
    yield _sse("message_start", {"message": _message(plan) | start})
    for place in range(plan.tool_count if plan.tool else 0):
        if place:
            yield _sse("content_block_stop", {"index": place - 1})
        yield _sse("content_block_start", {"index": place, "content_block": _tool(plan, place)})
        half = len(plan.tool_arguments) // 2
        for part in (plan.tool_arguments[:half], plan.tool_arguments[half:]):
            yield _delta({"type": "input_json_delta", "partial_json": part}, place)
    if plan.tool:
        return
    yield _sse("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
    yield _sse("ping", {})
    for chunk in plan.chunks:
        yield _delta({"type": "text_delta", "text": chunk})


def closing(plan: Plan) -> bytes:
    """The end of the stream."""
    end = _sse("content_block_stop", {"index": plan.tool_count - 1 if plan.tool else 0})
    delta = {"stop_reason": _stop(plan), "stop_sequence": None}
    usage = {"output_tokens": plan.completion_tokens}
    end += _sse("message_delta", {"delta": delta, "usage": usage})
    return end + _sse("message_stop", {})


def error_event(status: int, message: str) -> bytes:
    """An error in the middle of a stream."""
    return _sse("error", error(status, message))


def error(status: int, message: str) -> dict[str, Any]:
    """An error body."""
    kind = _ERRORS.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}}


def _valid(plan: Plan) -> bool:
    try:
        orjson.loads(plan.tool_arguments)
    except orjson.JSONDecodeError:
        return False
    return True


def _stop(plan: Plan) -> str:
    return _STOP.get(plan.finish, plan.finish)


def _tool(plan: Plan, place: int) -> dict[str, Any]:
    call_id = f"toolu_{plan.call_id}" + (f"-{place}" if place else "")
    return {"type": "tool_use", "id": call_id, "name": plan.tool, "input": {}}


def _usage(plan: Plan, written: int) -> dict[str, int]:
    if not plan.usage:
        return {}
    return {
        "input_tokens": max(0, plan.prompt_tokens - plan.cached_tokens - plan.cache_write_tokens),
        "cache_creation_input_tokens": plan.cache_write_tokens,
        "cache_read_input_tokens": plan.cached_tokens,
        "output_tokens": written,
    }


def _message(plan: Plan) -> dict[str, Any]:
    return {
        "id": f"msg_{plan.call_id}",
        "type": "message",
        "role": "assistant",
        "model": plan.model,
        "stop_sequence": None,
    }


def _delta(delta: dict[str, Any], index: int = 0) -> bytes:
    return _sse("content_block_delta", {"index": index, "delta": delta})


def _sse(name: str, value: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps({"type": name} | value) + b"\n\n"
