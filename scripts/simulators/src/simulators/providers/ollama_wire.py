"""Ollama wire format: `/api/chat` as JSON and NDJSON, `/api/embed`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from simulators.providers.answering import Asked, Plan, embed

PROVIDER = "ollama"
CONTENT_TYPE = "application/x-ndjson"
_AT = "2026-01-01T00:00:00Z"


def read_chat(body: dict[str, Any]) -> Asked:
    """Read an `/api/chat` body; Ollama streams unless told not to."""
    messages = body.get("messages") or []
    users = [m for m in messages if m.get("role") == "user"]
    return Asked(
        provider=PROVIDER,
        model=str(body.get("model", "")),
        stream=bool(body.get("stream", True)),
        include_usage=True,
        prompt="\n".join(str(m.get("content") or "") for m in messages),
        last_user_text=str(users[-1].get("content") or "") if users else "",
        tools=tuple(t["function"]["name"] for t in body.get("tools") or []),
        has_tool_result=any(m.get("role") == "tool" for m in messages),
        schema=body["format"] if isinstance(body.get("format"), dict) else None,
    )


def whole(plan: Plan) -> dict[str, Any]:
    """The body of a call without streaming."""
    message: dict[str, Any] = {"role": "assistant", "content": plan.text}
    if plan.tool:
        message["tool_calls"] = [_tool(plan)] * plan.tool_count
    return _line(plan, message) | _done(plan)


def stream(plan: Plan) -> Iterator[bytes]:
    """The NDJSON lines of a streamed call, without the closing one."""
    if plan.tool:
        message: dict[str, Any] = {"role": "assistant", "content": ""}
        message["tool_calls"] = [_tool(plan)] * plan.tool_count
        yield _ndjson(_line(plan, message) | {"done": False})
    for chunk in plan.chunks:
        yield _ndjson(_line(plan, {"role": "assistant", "content": chunk}) | {"done": False})


def closing(plan: Plan) -> bytes:
    """The end of the stream."""
    return _ndjson(_line(plan, {"role": "assistant", "content": ""}) | _done(plan))


def error_event(status: int, message: str) -> bytes:
    """An error in the middle of a stream."""
    return _ndjson(error(status, message))


def error(_status: int, message: str) -> dict[str, Any]:
    """An error body."""
    return {"error": message}


def embeddings(body: dict[str, Any]) -> dict[str, Any]:
    """The answer to `/api/embed`."""
    given = body.get("input", "")
    texts = [given] if isinstance(given, str) else [str(text) for text in given]
    dimensions = int(body.get("dimensions") or 384)
    return {
        "model": body.get("model", ""),
        "embeddings": [embed(text, dimensions) for text in texts],
        "total_duration": 1,
        "load_duration": 1,
        "prompt_eval_count": sum(max(1, len(text) // 4) for text in texts),
    }


def _tool(plan: Plan) -> dict[str, Any]:
    try:
        arguments = orjson.loads(plan.tool_arguments)
    except orjson.JSONDecodeError:
        arguments = plan.tool_arguments
    return {"function": {"name": plan.tool, "arguments": arguments}}


def _line(plan: Plan, message: dict[str, Any]) -> dict[str, Any]:
    return {"model": plan.model, "created_at": _AT, "message": message}


def _done(plan: Plan) -> dict[str, Any]:
    done: dict[str, Any] = {
        "done": True,
        "done_reason": "stop" if plan.finish == "tool_calls" else plan.finish,
        "total_duration": 1,
        "load_duration": 1,
        "eval_duration": 1,
    }
    if plan.usage:
        done |= {"prompt_eval_count": plan.prompt_tokens, "eval_count": plan.completion_tokens}
    return done


def _ndjson(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value) + b"\n"
