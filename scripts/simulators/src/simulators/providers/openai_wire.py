"""OpenAI wire format: chat completions (JSON and SSE), embeddings, models."""

from __future__ import annotations

import base64
import struct
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson
from aiohttp import BodyPartReader, MultipartReader

from simulators.providers.answering import Asked, Plan, embed

PROVIDER = "openai"
CONTENT_TYPE = "text/event-stream"
_CREATED = 1_700_000_000
_HEARD = {"flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm"}


def read_chat(body: dict[str, Any]) -> Asked:
    """Read a `/v1/chat/completions` body."""
    messages = body.get("messages") or []
    users = [m for m in messages if m.get("role") == "user"]
    wish = body.get("response_format") or {}
    return Asked(
        provider=PROVIDER,
        model=str(body.get("model", "")),
        stream=bool(body.get("stream")),
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        prompt="\n".join(text_of(m.get("content")) for m in messages),
        last_user_text=text_of(users[-1].get("content")) if users else "",
        tools=tuple(t["function"]["name"] for t in body.get("tools") or []),
        has_tool_result=any(m.get("role") == "tool" for m in messages),
        schema=(wish.get("json_schema") or {}).get("schema"),
    )


def text_of(content: Any) -> str:
    """Text of a content field, which is a string or a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or [])


def whole(plan: Plan) -> dict[str, Any]:
    """The body of a call without streaming."""
    message: dict[str, Any] = {"role": "assistant", "content": plan.text or None, "refusal": None}
    if plan.refusal_field:
        message |= {"content": None, "refusal": plan.text}
    if plan.tool:
        message["tool_calls"] = [_tool(plan, place) for place in range(plan.tool_count)]
    body: dict[str, Any] = {
        "id": f"chatcmpl-{plan.call_id}",
        "object": "chat.completion",
        "created": _CREATED,
        "model": plan.model,
        "choices": [{"index": 0, "message": message, "finish_reason": plan.finish}],
    }
    if plan.usage:
        body["usage"] = _usage(plan)
    return body


def stream(plan: Plan) -> Iterator[bytes]:
    """The SSE events of a streamed call, without the closing ones."""
    yield _event(plan, {"role": "assistant", "content": ""}, None)
    for chunk in plan.chunks:
        yield _event(plan, {"refusal" if plan.refusal_field else "content": chunk}, None)
    for place in range(plan.tool_count if plan.tool else 0):
        half = len(plan.tool_arguments) // 2
        named = _tool(plan, place) | {"index": place} | _named(plan)
        yield _event(plan, {"tool_calls": [named]}, None)
        for part in (plan.tool_arguments[:half], plan.tool_arguments[half:]):
            fragment = {"index": place, "function": {"arguments": part}}
            yield _event(plan, {"tool_calls": [fragment]}, None)


def closing(plan: Plan) -> bytes:
    """The end of the stream: finish reason, usage when asked for, `[DONE]`."""
    end = _event(plan, {}, plan.finish)
    if plan.usage:
        end += _sse(_chunk(plan) | {"choices": [], "usage": _usage(plan)})
    return end + b"data: [DONE]\n\n"


def error_event(status: int, message: str) -> bytes:
    """An error in the middle of a stream."""
    return _sse(error(status, message))


def error(status: int, message: str) -> dict[str, Any]:
    """An error body."""
    kinds = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "server_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def embeddings(body: dict[str, Any]) -> dict[str, Any]:
    """The answer to `/v1/embeddings`; 384 numbers unless `dimensions` is given."""
    given = body.get("input", "")
    texts = [given] if isinstance(given, str) else [str(text) for text in given]
    vectors = [embed(text, int(body.get("dimensions") or 384)) for text in texts]
    packed = body.get("encoding_format") == "base64"
    tokens = sum(max(1, len(text) // 4) for text in texts)
    return {
        "object": "list",
        "model": body.get("model", ""),
        "data": [
            {"object": "embedding", "index": i, "embedding": _pack(v) if packed else v}
            for i, v in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


async def read_form(reader: MultipartReader) -> AsyncIterator[tuple[str, Any]]:
    """The fields of a transcription; of the file its name, type and bytes in hex."""
    async for part in reader:
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        if part.filename is None:
            yield part.name, await part.text()
            continue
        data = bytes(await part.read())
        yield (
            part.name,
            {
                "name": part.filename,
                "type": part.headers.get("Content-Type", ""),
                "size": len(data),
                "begin": data[:64].hex(),
            },
        )


def recording_complaint(form: dict[str, Any]) -> str | None:
    """What the real API would refuse with a 400."""
    file = form.get("file")
    if not isinstance(file, dict):
        return "file: Field required"
    if file["name"].rpartition(".")[2] not in _HEARD:
        return f"Invalid file format. Supported formats: {sorted(_HEARD)}"
    if "whisper" not in form.get("model", "") and form.get("response_format", "json") != "json":
        return "response_format is not compatible with this model. Use 'json' instead."
    return None


def transcribed(
    form: dict[str, Any], text: str | None, *, tells_length: bool = True
) -> dict[str, Any]:
    """The answer to `/v1/audio/transcriptions`; 2,000 bytes are a second."""
    seconds = max(1, form["file"]["size"] // 2_000)
    said = "What are your opening hours?" if text is None else text
    if not tells_length:
        return {"text": said}
    if form.get("response_format") == "verbose_json":
        plain = {"task": "transcribe", "language": "english", "duration": float(seconds)}
        return plain | {"text": said, "segments": []}
    return {"text": said, "usage": {"type": "duration", "seconds": seconds}}


def models(names: list[str]) -> dict[str, Any]:
    """The answer to `/v1/models`."""
    return {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": _CREATED, "owned_by": "simulator"}
            for name in names
        ],
    }


def _pack(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _tool(plan: Plan, place: int) -> dict[str, Any]:
    function = {"name": plan.tool, "arguments": plan.tool_arguments}
    call_id = f"call_{plan.call_id}" + (f"-{place}" if place else "")
    return {"id": call_id, "type": "function", "function": function}


def _named(plan: Plan) -> dict[str, Any]:
    return {"function": {"name": plan.tool, "arguments": ""}}


def _usage(plan: Plan) -> dict[str, Any]:
    return {
        "prompt_tokens": plan.prompt_tokens,
        "completion_tokens": plan.completion_tokens,
        "total_tokens": plan.prompt_tokens + plan.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": plan.cached_tokens, "audio_tokens": 0},
    }


def _chunk(plan: Plan) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{plan.call_id}",
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": plan.model,
    }


def _event(plan: Plan, delta: dict[str, Any], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _sse(_chunk(plan) | {"choices": [choice]})


def _sse(value: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"
