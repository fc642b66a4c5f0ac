"""Play a plan on an HTTP connection: whole, streamed, delayed, cut, hanging, endless."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

import orjson
from aiohttp import web

from simulators.providers.answering import Asked, Plan
from simulators.providers.script import Step

JSON = "application/json"


async def play(
    request: web.Request,
    wire: ModuleType,
    asked: Asked,
    plan: Plan,
    step: Step,
    call: dict[str, Any],
) -> web.StreamResponse:
    """Answer one chat call as the step says; `call["ended"]` tells how it ended."""
    if step.delay_ms:
        await asyncio.sleep(step.delay_ms / 1000)
    if step.kind == "error":
        call["ended"] = f"status {step.status}"
        return error_answer(wire, step)
    if step.kind == "hang" and not asked.stream:
        return await _hang(call)
    if step.kind == "wrong_encoding":
        call["ended"] = "wrong encoding"
        return web.Response(body=b'{"id": "\xff\xfe caf\xe9', content_type=JSON)
    if not asked.stream:
        return _answer_whole(request, wire, plan, step, call)
    return await _answer_stream(request, wire, plan, step, call)


def error_answer(wire: ModuleType, step: Step) -> web.Response:
    """An error status with the provider's own error body."""
    headers = {}
    if step.retry_after_seconds is not None:
        headers["Retry-After"] = f"{step.retry_after_seconds:g}"
    body = orjson.dumps(wire.error(step.status, step.message))
    return web.Response(status=step.status, body=body, headers=headers, content_type=JSON)


def _answer_whole(
    request: web.Request, wire: ModuleType, plan: Plan, step: Step, call: dict[str, Any]
) -> web.Response:
    body = orjson.dumps(wire.whole(plan))
    if step.kind == "cut":
        call["ended"] = "cut"
        if step.clean:
            return web.Response(body=body[: len(body) // 2], content_type=JSON)
        _abort(request)
    else:
        call["ended"] = "answered"
    return web.Response(body=body, content_type=JSON)


async def _answer_stream(
    request: web.Request,
    wire: ModuleType,
    plan: Plan,
    step: Step,
    call: dict[str, Any],
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": wire.CONTENT_TYPE})
    response.enable_chunked_encoding()
    try:
        return await _write_stream(request, response, wire, plan, step, call)
    except (ConnectionError, asyncio.CancelledError):
        call["ended"] = "caller left"
        raise


async def _write_stream(
    request: web.Request,
    response: web.StreamResponse,
    wire: ModuleType,
    plan: Plan,
    step: Step,
    call: dict[str, Any],
) -> web.StreamResponse:
    events = list(wire.stream(plan))
    await response.prepare(request)
    if step.kind == "endless":
        await _repeat_forever(request, response, events)
    if step.kind in ("cut", "hang"):
        await _write_events(response, _before_cut(wire, plan, step, events), step.chunk_delay_ms)
        if step.kind == "hang":
            await _hang(call)
        elif not step.clean:
            _abort(request)
        call["ended"] = "cut"
        return response
    end = wire.closing(plan)
    if step.chunk_delay_ms:
        await _write_events(response, events, step.chunk_delay_ms)
        await response.write(end)
    else:
        await response.write(b"".join(events) + end)
    call["ended"] = "answered"
    return response


def _before_cut(wire: ModuleType, plan: Plan, step: Step, events: list[bytes]) -> list[bytes]:
    if not step.after_finish:
        return events[: step.after_chunks]
    finish, end, _ = wire.closing(plan).partition(b"\n\n")
    return [*events, finish + end]


async def _write_events(
    response: web.StreamResponse, events: list[bytes], chunk_delay_ms: int
) -> None:
    for event in events:
        await response.write(event)
        await asyncio.sleep(chunk_delay_ms / 1000)


async def _repeat_forever(
    request: web.Request, response: web.StreamResponse, events: list[bytes]
) -> None:
    for event in events[:-1]:
        await response.write(event)
    while request.transport is not None and not request.transport.is_closing():
        await response.write(events[-1])
        await asyncio.sleep(0.005)
    raise ConnectionResetError("the caller left the endless stream")


async def _hang(call: dict[str, Any]) -> web.Response:
    """Wait until the caller leaves; needs a server with `handler_cancellation`."""
    call["ended"] = "hanging"
    try:
        await asyncio.Event().wait()
    finally:
        call["ended"] = "caller left"
    raise AssertionError("nobody sets the event")


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
