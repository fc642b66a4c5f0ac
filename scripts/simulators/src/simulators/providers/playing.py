"""Play a plan on an HTTP connection: whole, streamed, delayed, cut, hanging, endless, dripping."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import ModuleType
from typing import Any

import orjson
from aiohttp import web

from simulators.providers.answering import Asked, Plan
from simulators.providers.script import Step

JSON = "application/json"
_PAGE = b"<!doctype html><title>502</title><h1>Bad gateway</h1>"
_DRIP_SECONDS = 0.05
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def play(
    request: web.Request,
    wire: ModuleType,
    asked: Asked,
    plan: Plan,
    step: Step,
    call: dict[str, Any],
) -> web.StreamResponse:
    """Answer one chat call as the step says; `call["ended"]` tells how it ended.

    `call["first_chunk_at"]` is the wall clock just before a stream's first event.
    """
    try:
        return await _play(request, wire, asked, plan, step, call)
    except (ConnectionError, asyncio.CancelledError):
        call["ended"] = "caller left"
        raise


async def _play(
    request: web.Request,
    wire: ModuleType,
    asked: Asked,
    plan: Plan,
    step: Step,
    call: dict[str, Any],
) -> web.StreamResponse:
    if step.delay_ms:
        await asyncio.sleep(step.delay_ms / 1000)
    if step.kind == "error":
        call["ended"] = f"status {step.status}"
        return error_answer(wire, step)
    if step.kind == "html":
        call["ended"] = "html"
        return web.Response(body=_PAGE, content_type="text/html")
    if step.kind == "reset":
        call["ended"] = "reset"
        _abort(request, reset=True)
        return web.Response()
    if step.kind == "hang" and not asked.stream:
        return await hang(call)
    if not asked.stream:
        return await _answer_whole(request, wire, plan, step, call)
    return await _answer_stream(request, wire, plan, step, call)


def error_answer(wire: ModuleType, step: Step) -> web.Response:
    """An error status with the provider's own error body."""
    headers = {}
    if step.retry_after_seconds is not None:
        headers["Retry-After"] = f"{step.retry_after_seconds:g}"
        if step.retry_after_date:
            moment = datetime.now(UTC) + timedelta(seconds=step.retry_after_seconds)
            headers["Retry-After"] = format_datetime(moment, usegmt=True)
    body = orjson.dumps(wire.error(step.status, step.message))
    return web.Response(status=step.status, body=body, headers=headers, content_type=JSON)


async def _answer_whole(
    request: web.Request, wire: ModuleType, plan: Plan, step: Step, call: dict[str, Any]
) -> web.StreamResponse:
    body = _encoded(orjson.dumps(wire.whole(plan)), step)
    if step.kind == "stream_error":
        call["ended"] = "error in a 200"
        return web.Response(
            body=orjson.dumps(wire.error(step.status, step.message)), content_type=JSON
        )
    if step.kind == "drip":
        return await _drip(request, JSON, body, step)
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
    events = list(wire.stream(plan))
    if step.kind == "drip":
        return await _drip(request, wire.CONTENT_TYPE, b"".join(events) + wire.closing(plan), step)
    response = web.StreamResponse(headers={"Content-Type": wire.CONTENT_TYPE})
    response.enable_chunked_encoding()
    await response.prepare(request)
    if step.kind == "endless":
        await _repeat_forever(request, response, events)
    if step.kind in ("cut", "hang", "stream_error"):
        await _write_events(response, _before_cut(wire, plan, step, events), step.chunk_delay_ms)
        return await _break_off(request, response, wire, step, call)
    end = wire.closing(plan)
    call["first_chunk_at"] = time.time()
    if step.chunk_delay_ms:
        await _write_events(response, events, step.chunk_delay_ms)
        await response.write(end)
    else:
        await response.write(_encoded(b"".join(events) + end, step))
    call["ended"] = "answered"
    return response


async def _break_off(
    request: web.Request,
    response: web.StreamResponse,
    wire: ModuleType,
    step: Step,
    call: dict[str, Any],
) -> web.StreamResponse:
    """End a stream in its middle: by an error, by silence, or by the end of the connection."""
    call["ended"] = "cut"
    if step.kind == "stream_error":
        await response.write(wire.error_event(step.status, step.message))
    elif step.kind == "hang":
        await hang(call)
    elif not step.clean:
        _abort(request)
    return response


def _encoded(body: bytes, step: Step) -> bytes:
    """The bytes as `kind=wrong_encoding` has them."""
    if step.kind != "wrong_encoding":
        return body
    if step.encoding == "bom":
        return b"\xef\xbb\xbf" + body
    if step.encoding == "latin-1":
        return body.decode().encode("latin-1", "replace")
    return body.replace("é".encode(), b"\xff\xfe")


def _before_cut(wire: ModuleType, plan: Plan, step: Step, events: list[bytes]) -> list[bytes]:
    if not step.after_finish:
        return events[: step.after_chunks]
    ends: list[bytes] = []
    for event in wire.closing(plan).splitlines(keepends=True):
        ends.append(event)
        if b"finish_reason" in event or b"stop_reason" in event or b'"done":true' in event:
            break
    return [*events, b"".join(ends) + b"\n"]


async def _write_events(
    response: web.StreamResponse, events: list[bytes], chunk_delay_ms: int
) -> None:
    for event in events:
        await response.write(event)
        await asyncio.sleep(chunk_delay_ms / 1000)


async def _drip(
    request: web.Request, content_type: str, body: bytes, step: Step
) -> web.StreamResponse:
    """Send the answer byte by byte."""
    response = web.StreamResponse(headers={"Content-Type": content_type})
    response.enable_chunked_encoding()
    await response.prepare(request)
    for place in range(len(body)):
        await response.write(body[place : place + 1])
        await asyncio.sleep(step.chunk_delay_ms / 1000 or _DRIP_SECONDS)
    return response


async def _repeat_forever(
    request: web.Request, response: web.StreamResponse, events: list[bytes]
) -> None:
    for event in events[:-1]:
        await response.write(event)
    while request.transport is not None and not request.transport.is_closing():
        await response.write(events[-1])
        await asyncio.sleep(0.005)
    raise ConnectionResetError("the caller left the endless stream")


async def hang(call: dict[str, Any]) -> web.Response:
    """Wait until the caller leaves; needs a server with `handler_cancellation`."""
    call["ended"] = "hanging"
    try:
        await asyncio.Event().wait()
    finally:
        call["ended"] = "caller left"
    raise AssertionError("nobody sets the event")


def _abort(request: web.Request, *, reset: bool = False) -> None:
    if request.transport is None:
        return
    if reset:
        connection: socket.socket = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    request.transport.abort()
