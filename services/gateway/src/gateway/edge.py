"""The outermost application: each request to the part that answers it, watched and never bare.

Webhooks and sockets go straight to their own applications; everything else gets a span, metrics, a
log line, security headers, and for the widget's addresses CORS.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from opentelemetry import propagate, trace
from prometheus_client import Histogram

from gateway.domain import normal_origin
from gateway.problems import MEDIA_TYPE, Problem, body_of
from gateway.widget.origins import WidgetOrigins
from observe import get_logger

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]

_SECONDS: Final = Histogram(
    "chat_gateway_request_seconds", "Time to answer.", ["method", "route", "status"]
)
_MAX_AGE: Final = (b"access-control-max-age", b"600")
_WIDGET_PREFLIGHT: Final = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"authorization, content-type"),
    _MAX_AGE,
]
_API_PREFLIGHT: Final = [
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, idempotency-key, x-api-key, traceparent, tus-resumable, "
        b"upload-length, upload-metadata, upload-offset, upload-checksum",
    ),
    _MAX_AGE,
]
_EXPOSED: Final = (
    b"retry-after, idempotency-replayed, location, tus-resumable, tus-version, tus-extension, "
    b"tus-max-size, upload-offset, upload-length, upload-expires, chat-document-id"
)
_tracer = trace.get_tracer("gateway.http")
_log = get_logger("http")


class Edge:
    """ASGI application of the public port."""

    def __init__(
        self,
        *,
        webhooks: Application,
        sockets: Application,
        api: Application,
        origins: WidgetOrigins,
        api_origins: frozenset[str],
        is_https: bool,
    ) -> None:
        self._webhooks = webhooks
        self._sockets = sockets
        self._api = api
        self._origins = origins
        self._api_origins = api_origins
        self._headers = [(b"x-content-type-options", b"nosniff")]
        if is_https:
            self._headers.append((b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        path: str = scope.get("path", "")
        if scope["type"] == "http" and path.startswith("/webhooks/"):
            await self._webhooks(scope, receive, send)
        elif path.startswith("/socket.io"):
            await self._sockets(scope, receive, send)
        elif scope["type"] == "http":
            await self._watched(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(send, self._extra_headers(scope))
        started = time.perf_counter()
        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in {b"traceparent", b"tracestate"}
        }
        with _tracer.start_as_current_span(
            scope["method"],
            context=propagate.extract(carrier),
            kind=trace.SpanKind.SERVER,
        ) as span:
            await self._answered(scope, receive, answer)
            route = getattr(scope.get("route"), "path", "unmatched")
            seconds = time.perf_counter() - started
            span.update_name(f"{scope['method']} {route}")
            span.set_attribute("http.response.status_code", answer.status)
            _SECONDS.labels(scope["method"], route, answer.status).observe(seconds)
            _log.info(
                "request",
                method=scope["method"],
                route=route,
                status=answer.status,
                milliseconds=round(seconds * 1000, 1),
            )

    async def _answered(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        if scope["method"] == "OPTIONS" and scope["path"].startswith("/widget/"):
            await _preflight(answer, _WIDGET_PREFLIGHT)
            return
        if scope["method"] == "OPTIONS" and self._is_api_page(scope):
            await _preflight(answer, _API_PREFLIGHT)
            return
        try:
            await self._api(scope, receive, answer)
        except Exception:  # noqa: BLE001 - the last net: logged, and answered
            _log.exception("a request failed", method=scope["method"], path=scope["path"][:200])
            if answer.status == 0:
                await _send_problem(answer)

    def _extra_headers(self, scope: Scope) -> Callable[[], list[tuple[bytes, bytes]]]:
        """Asked when the answer begins: by then a session may have taught us its origins."""
        path: str = scope["path"]
        if path.startswith(("/widget/", "/media/")):
            return lambda: [*self._headers, *self._cors(scope)]
        if path.startswith("/api/"):
            api_headers = [*self._headers, (b"cache-control", b"no-store")]
            return lambda: [*api_headers, *self._api_cors(scope)]
        return lambda: self._headers

    def _cors(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        given, origin, host = _origin_of(scope)
        vary = (b"vary", b"origin")
        known = origin is not None and (
            self._origins.is_known(origin, host) or origin in self._api_origins
        )
        return [vary, (b"access-control-allow-origin", given)] if known else [vary]

    def _api_cors(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        if not self._api_origins:
            return []
        vary = (b"vary", b"origin")
        if not self._is_api_page(scope):
            return [vary]
        exposed = (b"access-control-expose-headers", _EXPOSED)
        return [vary, (b"access-control-allow-origin", _origin_of(scope)[0]), exposed]

    def _is_api_page(self, scope: Scope) -> bool:
        """Whether a page asks that may call the API."""
        is_api = scope["path"].startswith("/api/")
        return is_api and _origin_of(scope)[1] in self._api_origins


def _origin_of(scope: Scope) -> tuple[bytes, str | None, str]:
    """The Origin as it was given, as we compare it, and the host that was asked."""
    headers = dict(scope["headers"])
    given: bytes = headers.get(b"origin", b"")
    host = headers.get(b"host", b"").decode("latin-1")
    return given, normal_origin(given.decode("latin-1")), host


class _Answer:
    """`send` that remembers the status and adds headers."""

    def __init__(self, send: Send, extra: Callable[[], list[tuple[bytes, bytes]]]) -> None:
        self._send = send
        self._extra = extra
        self.status = 0

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = {name.lower() for name, _ in message["headers"]}
            added = [header for header in self._extra() if header[0] not in given]
            message = {**message, "headers": [*message["headers"], *added]}
        await self._send(message)


async def _preflight(answer: _Answer, headers: list[tuple[bytes, bytes]]) -> None:
    await answer({"type": "http.response.start", "status": 204, "headers": headers})
    await answer({"type": "http.response.body", "body": b""})


async def _send_problem(answer: _Answer) -> None:
    body = body_of(Problem(500, "internal_error", "Something failed on our side."))
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await answer({"type": "http.response.start", "status": 500, "headers": headers})
    await answer({"type": "http.response.body", "body": body})
