"""What every Graph call has in common: the bearer token check and programmed faults."""

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


def check_token(request: web.Request, accepted: frozenset[str]) -> None:
    """Refuse with code 190 when the bearer token is absent or not one that is accepted."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind != "Bearer" or not token:
        token = request.query.get("access_token", "")
    if not token or (accepted and token not in accepted):
        raise GraphError(190, "Invalid OAuth access token - Cannot parse access token")


async def answer_with_fault(
    request: web.Request,
    fault: Fault | None,
    accept: Callable[[bool], Awaitable[web.Response]],
) -> web.StreamResponse:
    """Answer a call by `accept(answered)`, or let it go wrong as programmed."""
    if fault is None:
        return await accept(True)
    match fault.kind:
        case "error_code":
            raise GraphError(fault.code, subcode=fault.subcode, status=fault.http_status)
        case "json_500":
            raise GraphError(2, status=fault.http_status or 500)
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
        case "slow":
            await asyncio.sleep(fault.milliseconds / 1000)
            return await accept(True)


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
