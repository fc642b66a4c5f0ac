"""Meta's webhooks: the hottest door, so a bare ASGI application without a framework.

`GET` is Meta's handshake; `POST` is answered 200 only when the raw body is committed. A signed body
that nobody can parse is kept and answered 200 as well: an error would make Meta repeat the batch.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID

from opentelemetry import propagate, trace
from prometheus_client import Counter
from uuid_utils.compat import uuid7

import observe
from contracts.v1.shapes import PLATFORM, ChannelType
from gateway.domain import Delivery
from gateway.intake import Intake
from gateway.problems import MEDIA_TYPE, Problem, body_of, not_found, unavailable
from gateway.signatures import is_handshake, is_signed
from postgres import DatabaseAway

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

BODY_BYTES_MAX: Final = 4 * 1024 * 1024
READ_SECONDS_MAX: Final = 30.0
KEEP_SECONDS_MAX: Final = 8.0
_PREFIX: Final = "/webhooks/"
_OBJECT: Final = re.compile(rb'"object"\s*:\s*"([a-z_]{1,64})"')
_REFUSALS_LOGGED_EVERY_SECONDS: Final = 10.0

_ANSWERS: Final = Counter(
    "chat_gateway_webhooks_total", "Answers to Meta's webhooks.", ["channel_type", "status"]
)
_tracer = trace.get_tracer("gateway.webhooks")
_log = observe.get_logger("webhooks")


@dataclass(frozen=True, slots=True)
class MetaApp:
    """Whose secret signs what comes to an address, and which channel the address names."""

    channel_type: ChannelType
    app_secret: bytes
    verify_token: str
    tenant_id: UUID = PLATFORM
    channel_id: UUID | None = None


class _Gone(Exception):
    """The sender hung up in the middle of the body."""


class MetaWebhooks:
    """ASGI application of `/webhooks/{whatsapp|messenger|channel id}`."""

    def __init__(
        self,
        intake: Intake,
        apps: Mapping[str, MetaApp],
        app_of_channel: Callable[[UUID], Awaitable[MetaApp | None]],
    ) -> None:
        self._intake = intake
        self._apps = apps
        self._app_of_channel = app_of_channel
        self._refusal_logged_at = 0.0

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request."""
        kind = "unknown"
        try:
            app = await self._app(scope["path"])
            kind = app.channel_type
            if scope["method"] == "POST":
                await self._accept(app, scope, receive)
                status, body, media_type = 200, b"", "text/plain"
            else:
                status, body, media_type = 200, _challenge(app, scope), "text/plain"
            headers: Mapping[str, str] = {}
        except Problem as problem:
            status, body, media_type = problem.status_code, _told(problem), MEDIA_TYPE
            headers = problem.headers or {}
        except _Gone:
            return
        _ANSWERS.labels(kind, status).inc()
        await _send(send, status, body, media_type, headers)

    async def _app(self, path: str) -> MetaApp:
        name = path[len(_PREFIX) :].rstrip("/")
        app = self._apps.get(name)
        if app is not None:
            return app
        try:
            channel_id = UUID(name)
        except ValueError:
            raise not_found() from None
        try:
            app = await self._app_of_channel(channel_id)
        except DatabaseAway:
            raise unavailable() from None
        if app is None:
            raise not_found()
        return app

    async def _accept(self, app: MetaApp, scope: Any, receive: Receive) -> None:
        signatures, parent = _look_at_headers(scope["headers"])
        raw = await _read(receive)
        if not is_signed(app.app_secret, raw, signatures):
            self._note_refusal(app, len(signatures))
            raise Problem(401, "invalid_signature", "The signature does not fit the body.")
        match = _OBJECT.search(raw[:4096])
        delivery = Delivery(
            delivery_id=uuid7(),
            tenant_id=app.tenant_id,
            channel_type=app.channel_type,
            channel_id=app.channel_id,
            source="meta",
            received_at=datetime.now(UTC),
            object_kind=match.group(1).decode() if match else None,
            signature="hmac_sha256",
            body=raw,
            body_sha256=None,
            client_message_id=None,
        )
        with _tracer.start_as_current_span(
            "POST /webhooks", context=parent, kind=trace.SpanKind.SERVER
        ):
            await self._keep(delivery)

    async def _keep(self, delivery: Delivery) -> None:
        try:
            async with asyncio.timeout(KEEP_SECONDS_MAX):
                await self._intake.keep(delivery)
        except (DatabaseAway, OSError, TimeoutError):
            raise unavailable("It could not be kept just now. Send it again.") from None
        except Exception:  # noqa: BLE001 - logged; Meta sends it again
            _log.exception("a webhook was not kept")
            raise Problem(500, "internal_error", "It was not kept. Send it again.") from None

    def _note_refusal(self, app: MetaApp, signatures: int) -> None:
        """A line every ten seconds at most; neither signature is ever written."""
        now = time.monotonic()
        if now - self._refusal_logged_at >= _REFUSALS_LOGGED_EVERY_SECONDS:
            self._refusal_logged_at = now
            _log.warning(
                "a webhook had no fitting signature",
                channel_type=app.channel_type,
                channel_id=str(app.channel_id or ""),
                headers_seen=signatures,
                app_configured=bool(app.app_secret),
            )


def _told(problem: Problem) -> bytes:
    """The problem with a trace id, also when nothing had begun that would have one."""
    if problem.trace_id:
        return body_of(problem)
    with _tracer.start_as_current_span("refused webhook", kind=trace.SpanKind.SERVER):
        return body_of(problem)


def _look_at_headers(headers: list[tuple[bytes, bytes]]) -> tuple[list[bytes], Any]:
    """The signatures and the trace parent; refuses encodings and declared sizes we do not read."""
    signatures, parent = [], None
    for name, value in headers:
        if name == b"x-hub-signature-256":
            signatures.append(value)
        elif name == b"content-length":
            if value.isdigit() and int(value) > BODY_BYTES_MAX:
                raise _too_large()
        elif name == b"content-encoding" and value.strip().lower() != b"identity":
            raise Problem(415, "unsupported_encoding", "Send the body without content encoding.")
        elif name == b"traceparent":
            parent = propagate.extract({"traceparent": value.decode("latin-1")})
    return signatures, parent


async def _read(receive: Receive) -> bytes:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise _Gone
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        if len(body) > BODY_BYTES_MAX:
            raise _too_large()
        return body
    try:
        async with asyncio.timeout(READ_SECONDS_MAX):
            return await _read_on(body, receive)
    except TimeoutError:
        raise Problem(408, "request_timeout", "The body did not arrive in time.") from None


async def _read_on(first: bytes, receive: Receive) -> bytes:
    chunks, size, more = [first], len(first), True
    while more:
        if size > BODY_BYTES_MAX:
            raise _too_large()
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        chunk = message.get("body", b"")
        size += len(chunk)
        chunks.append(chunk)
        more = message.get("more_body", False)
    if size > BODY_BYTES_MAX:
        raise _too_large()
    return b"".join(chunks)


def _challenge(app: MetaApp, scope: Any) -> bytes:
    if scope["method"] != "GET":
        raise Problem(
            405, "method_not_allowed", "GET and POST are answered here.",
            headers={"Allow": "GET, POST"},
        )  # fmt: skip
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    mode, token, challenge = (
        str(query.get(f"hub.{name}", [""])[0]) for name in ("mode", "verify_token", "challenge")
    )
    if not is_handshake(app.verify_token, mode, token, challenge):
        raise Problem(403, "invalid_handshake", "Mode, verify token or challenge are not right.")
    return challenge.encode()


def _too_large() -> Problem:
    return Problem(413, "too_large", "At most 4 MiB are accepted here.")


async def _send(
    send: Send, status: int, body: bytes, media_type: str, headers: Mapping[str, str]
) -> None:
    start_headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        *((name.lower().encode(), value.encode()) for name, value in headers.items()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": start_headers})
    await send({"type": "http.response.body", "body": body})
