"""The widget's sockets: who may connect, what they may say, and how long they may stay."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qs

import socketio
from opentelemetry import trace
from prometheus_client import Counter, Gauge

from bus import AskFailed, Bus
from contracts.v1.conversations import ListVisitorMessages, MessagesListed
from contracts.v1.turns import VisitorTyping
from gateway.domain import normal_origin
from gateway.media_links import MediaLinks
from gateway.widget.ledger import VisitorLedger
from gateway.widget.origins import WidgetOrigins
from gateway.widget.protocol import PROTOCOL, Unfit, read_last_seq, read_message, read_seq, shown
from gateway.widget.streaming import StreamingReplies
from gateway.widget.tokens import InvalidToken, WidgetSession, WidgetTokens
from gateway.widget.visitors import OpenSocket
from observe import get_logger

SOCKET_PATH: Final = "socket.io"
FRAME_BYTES_MAX: Final = 128 * 1024
STRANGER_SECONDS: Final = 15.0
READ_PAUSE_SECONDS: Final = 1.0
_BINARY_PACKETS: Final = frozenset({"5", "6"})
_PAGE: Final = 100
_SEQ_MAX: Final = 2**31 - 1
_ASK_SECONDS: Final = 5.0

_OPEN: Final = Gauge("chat_gateway_sockets", "Sockets of widgets that are open now.")
_HEARD: Final = Counter("chat_gateway_socket_events_total", "Events of widgets.", ["event", "code"])
_tracer = trace.get_tracer("gateway.sockets")
_log = get_logger("sockets")


class WidgetSockets:
    """A Socket.IO server for visitors; `server` is what speaks to their rooms."""

    def __init__(
        self,
        *,
        tokens: WidgetTokens,
        origins: WidgetOrigins,
        ledger: VisitorLedger,
        bus: Bus,
        streaming: StreamingReplies,
        links: MediaLinks,
        redis_url: str,
    ) -> None:
        self._tokens = tokens
        self._origins = origins
        self._ledger = ledger
        self._links = links
        self._bus = bus
        self._streaming = streaming
        self._open: dict[str, OpenSocket] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.server = socketio.AsyncServer(
            async_mode="asgi",
            client_manager=socketio.AsyncRedisManager(
                redis_url,
                channel="chat-widget",
                redis_options={"socket_connect_timeout": 1.0, "socket_timeout": None},
            ),
            cors_allowed_origins=self._is_allowed_origin,
            cors_credentials=False,
            transports=["websocket", "polling"],
            max_http_buffer_size=FRAME_BYTES_MAX,
            ping_interval=25,
            ping_timeout=20,
            http_compression=False,
            logger=False,
            engineio_logger=False,
        )
        for event, handler in self._handlers().items():
            self.server.on(event, handler)
        # Engine.IO hands each frame to one handler: ours looks first.
        self._take_frame = self.server.eio.handlers["message"]
        self.server.eio.on("message", self._frame)
        self.application = socketio.ASGIApp(self.server, socketio_path=SOCKET_PATH)

    async def close(self) -> None:
        """Send everybody away; they come back to another gateway."""
        for sid in list(self._open):
            await self.server.disconnect(sid, ignore_queue=True)
        await self.server.shutdown()

    async def send_strangers_away(self) -> None:
        """Close connections that were opened but never said who they are, as long as we live."""
        before: set[str] = set()
        while True:
            await asyncio.sleep(STRANGER_SECONDS)
            known = self.server.manager.sid_from_eio_sid
            strangers = {sid for sid in list(self.server.eio.sockets) if known(sid, "/") is None}
            for eio_sid in strangers & before:
                _HEARD.labels("connect", "stranger").inc()
                await self.server.eio.disconnect(eio_sid)
            before = strangers

    def _handlers(self) -> dict[str, Callable[..., Awaitable[object]]]:
        return {
            "connect": self._connect,
            "disconnect": self._disconnect,
            "message": self._message,
            "resume": self._resume,
            "typing": self._typing,
            "read": self._read,
            "*": self._unknown,
        }

    def _is_allowed_origin(self, origin: str | None, environ: dict[str, Any]) -> bool:
        """Asked by Engine.IO on polling and on upgrade; a client without Origin is no browser."""
        known = normal_origin(origin) if origin else None
        return known is not None and self._origins.is_known(known, environ.get("HTTP_HOST"))

    async def _connect(self, sid: str, environ: dict[str, Any], auth: object = None) -> None:
        session = self._session(environ, auth)
        socket = OpenSocket(session)
        seconds = max(0.0, session.expires_at - time.time())
        loop = asyncio.get_running_loop()
        socket.expiry = loop.call_later(seconds, self._run, self._expire, sid)
        self._open[sid] = socket
        _OPEN.inc()
        await self.server.enter_room(sid, socket.room)
        # A task begins only after this handler's caller has written the acceptance.
        self._run(self._welcome, sid)

    def _session(self, environ: dict[str, Any], auth: object) -> WidgetSession:
        if "token" in parse_qs(environ.get("QUERY_STRING", "")):
            raise _refused("unauthorized", "The token belongs into `auth`, not into the address.")
        token = auth.get("token") if isinstance(auth, dict) else None
        try:
            session = self._tokens.read_session(token)
        except InvalidToken as error:
            _HEARD.labels("connect", str(error)[:40]).inc()
            raise _refused("unauthorized", "Open a session first.") from None
        header = environ.get("HTTP_ORIGIN")
        if header and session.origin and normal_origin(header) != session.origin:
            raise _refused("origin_not_allowed", "This session belongs to another page.")
        return session

    async def _welcome(self, sid: str) -> None:
        socket = self._open.get(sid)
        if socket is None:
            return
        try:
            last_seq = (await self._messages(socket, _SEQ_MAX, 1)).last_seq
        except AskFailed as error:
            _log.info("the visitor's place is not known yet", code=error.code)
            last_seq = 0
        ready = {
            "protocol": PROTOCOL,
            "visitor_id": socket.session.visitor_id,
            "last_seq": last_seq,
        }
        await self._tell(sid, "ready", ready)

    async def _disconnect(self, sid: str, *_: object) -> None:
        socket = self._open.pop(sid, None)
        if socket is not None:
            socket.end()
            _OPEN.dec()
            self._run(self._write_read, socket)

    async def _message(self, sid: str, data: object = None, *_: object) -> dict[str, Any]:
        try:
            socket = await self._speaking(sid)
            said = read_message(data)
            with _tracer.start_as_current_span("widget message", kind=trace.SpanKind.SERVER):
                delivery_id = await self._ledger.keep_message(socket.session, said)
        except Unfit as unfit:
            _HEARD.labels("message", unfit.code).inc()
            return unfit.ack()
        _HEARD.labels("message", "ok").inc()
        return {"ok": True, "message_id": delivery_id}

    async def _resume(self, sid: str, data: object = None, *_: object) -> dict[str, Any]:
        try:
            socket = await self._speaking(sid)
            answer = await self._messages(socket, read_last_seq(data), _PAGE)
            messages = self._shown(socket, answer)
            while answer.more and len(messages) < 10 * _PAGE:
                answer = await self._messages(socket, messages[-1]["seq"], _PAGE)
                messages += self._shown(socket, answer)
        except Unfit as unfit:
            _HEARD.labels("resume", unfit.code).inc()
            return {**unfit.ack(), "messages": [], "last_seq": 0}
        except AskFailed as error:
            _HEARD.labels("resume", error.code).inc()
            # No acknowledgement at all would hide it; the widget asks again after this error.
            detail = "The conversation cannot be read just now."
            await self._tell(sid, "error", {"code": "unavailable", "detail": detail})
            return {"ok": False, "code": "unavailable", "messages": [], "last_seq": 0}
        _HEARD.labels("resume", "ok").inc()
        session = socket.session
        streaming = await self._streaming.current(session.channel_id, session.visitor_id)
        resumed = {"ok": True, "messages": messages, "last_seq": answer.last_seq}
        return resumed if streaming is None else {**resumed, "streaming": streaming}

    def _shown(self, socket: OpenSocket, answer: MessagesListed) -> list[dict[str, Any]]:
        tenant_id = socket.session.tenant_id
        return [shown(self._links, tenant_id, message) for message in answer.messages]

    async def _typing(self, sid: str, data: object = None, *_: object) -> None:
        """A turn that waits for the rest of what the visitor says waits on."""
        socket = self._signing(sid, "typing")
        if socket is None:
            return
        _HEARD.labels("typing", "ok").inc()
        if isinstance(data, dict) and data.get("on") is True:
            session = socket.session
            await self._bus.stream(
                VisitorTyping.make(
                    tenant_id=session.tenant_id,
                    channel_id=session.channel_id,
                    visitor_id=session.visitor_id,
                )
            )

    async def _read(self, sid: str, data: object = None, *_: object) -> None:
        """Note how far the visitor has read; marks of a second become one."""
        socket = self._signing(sid, "read")
        if socket is None:
            return
        try:
            seq = read_seq(data)
        except Unfit as unfit:
            _HEARD.labels("read", unfit.code).inc()
            return
        _HEARD.labels("read", "ok").inc()
        if seq > socket.read_wanted:
            socket.read_wanted = seq
            if socket.read_due is None:
                loop = asyncio.get_running_loop()
                socket.read_due = loop.call_later(
                    READ_PAUSE_SECONDS, self._run, self._write_read, socket
                )

    async def _write_read(self, socket: OpenSocket) -> None:
        socket.read_due = None
        wanted = socket.read_wanted
        if wanted <= socket.read_written:
            return
        if await self._ledger.keep_read(socket.session, wanted):
            socket.read_written = wanted
        elif socket.read_wanted == wanted:
            socket.read_wanted = socket.read_written

    def _signing(self, sid: str, event: str) -> OpenSocket | None:
        """The socket, if it may give another sign."""
        socket = self._open.get(sid)
        if socket is None:
            return None
        if not socket.may(socket.signs):
            _HEARD.labels(event, "rate_limited").inc()
            self._dismiss_if_abusive(sid, socket)
            return None
        return socket

    async def _frame(self, eio_sid: str, data: object) -> None:
        """Every frame before it is read: the protocol has no binary ones, and no attachments."""
        if isinstance(data, str) and data[:1] not in _BINARY_PACKETS:
            try:
                await self._take_frame(eio_sid, data)
                return
            except (ValueError, TypeError, RecursionError, LookupError) as error:
                code, detail = "invalid_message", "This is no Socket.IO packet."
                _log.info("a widget sent an unreadable frame", reason=type(error).__name__)
        else:
            code, detail = "binary_refused", "The protocol has no binary frames."
        _HEARD.labels("frame", code).inc()
        sid = self.server.manager.sid_from_eio_sid(eio_sid, "/")
        if sid is not None:
            await self._dismiss(sid, code, detail)
        await self.server.eio.disconnect(eio_sid)

    async def _unknown(self, event: str, sid: str, *_: object) -> None:
        """Events that the protocol does not know end the connection."""
        _HEARD.labels("unknown", "unknown_event").inc()
        await self._dismiss(sid, "unknown_event", f"Protocol {PROTOCOL} does not know this event.")
        _log.info("a widget said an unknown event", event_name=event[:64])

    async def _speaking(self, sid: str) -> OpenSocket:
        socket = self._open.get(sid)
        if socket is None:
            raise Unfit("unauthorized", "Connect first.")
        if not socket.may(socket.words):
            self._dismiss_if_abusive(sid, socket)
            raise Unfit("rate_limited", "Too fast. Wait a second and send it again.")
        return socket

    def _dismiss_if_abusive(self, sid: str, socket: OpenSocket) -> None:
        if socket.is_abusive:
            self._run(self._dismiss, sid, "rate_limited", "Much too fast.")

    async def _messages(self, socket: OpenSocket, after_seq: int, limit: int) -> MessagesListed:
        request = ListVisitorMessages.make(
            tenant_id=socket.session.tenant_id,
            channel_id=socket.session.channel_id,
            visitor_id=socket.session.visitor_id,
            after_seq=after_seq,
            limit=limit,
        )
        return await self._bus.ask(request, timeout_seconds=_ASK_SECONDS)

    async def _expire(self, sid: str) -> None:
        await self._dismiss(sid, "token_expired", "Renew the session and connect again.")

    async def _dismiss(self, sid: str, code: str, detail: str) -> None:
        await self._tell(sid, "error", {"code": code, "detail": detail})
        await self.server.disconnect(sid, ignore_queue=True)

    async def _tell(self, sid: str, event: str, data: dict[str, Any]) -> None:
        """To one socket of this process, without the way over Redis."""
        await self.server.emit(event, data, to=sid, ignore_queue=True)

    def _run(self, work: Callable[..., Awaitable[None]], *args: object) -> None:
        task = asyncio.ensure_future(work(*args))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _refused(code: str, detail: str) -> socketio.exceptions.ConnectionRefusedError:
    return socketio.exceptions.ConnectionRefusedError(code, {"code": code, "detail": detail})
