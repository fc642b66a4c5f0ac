"""What every Graph call has in common: programmed faults and the error envelope."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from simulators.meta.envelope import GraphError, json_answer
from simulators.meta.faults import Fault

HTML_502 = (
    "<html><head><title>502 Bad Gateway</title></head>"
    "<body><center><h1>502 Bad Gateway</h1></center></body></html>"
)


async def answer_with_fault(
    request: web.Request,
    fault: Fault | None,
    accept: Callable[[bool], Awaitable[web.Response]],
) -> web.StreamResponse:
    """Answer a call by `accept(answered)`, or let it go wrong as programmed."""
    if fault is None:
        return await accept(True)
    _refuse(fault)
    match fault.kind:
        case "html_502":
            return web.Response(
                text=HTML_502, status=fault.http_status or 502, content_type="text/html"
            )
        case "hang":
            await asyncio.sleep(fault.seconds)
            return hang_up(request)
        case "drop":
            return hang_up(request)
        case "unread_answer":
            await accept(False)
            return hang_up(request)
        case "cut":
            return await _cut(request, await accept(False))
        case "slow":
            await asyncio.sleep(fault.milliseconds / 1000)
            return await accept(True)
        case _:
            return await accept(True)


def _refuse(fault: Fault) -> None:
    if fault.kind == "json_500":
        raise GraphError(2, status=fault.http_status or 500)
    if fault.kind == "error_code":
        raise GraphError(
            fault.code,
            fault.details,
            subcode=fault.subcode,
            status=fault.http_status,
            title=fault.title,
        )


async def _cut(request: web.Request, answer: web.Response) -> web.StreamResponse:
    """Send the head and the first half of the answer, then close the connection."""
    body = bytes(answer.body) if isinstance(answer.body, bytes | bytearray) else b"{}"
    half = web.StreamResponse(status=answer.status, headers={"Content-Length": str(len(body))})
    half.content_type = answer.content_type
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    hang_up(request)
    return half


def hang_up(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)


@web.middleware
async def graph_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer a GraphError with its envelope."""
    try:
        return await handler(request)
    except GraphError as error:
        return json_answer(error.body(), error.status)
