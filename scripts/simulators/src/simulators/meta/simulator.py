"""The Meta simulator as one object: build it, start it, ask it, close it."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from simulators.meta.control import Control
from simulators.meta.faults import Faults
from simulators.meta.graph_calls import graph_errors
from simulators.meta.later_events import LaterEvents
from simulators.meta.media_endpoint import MediaEndpoint
from simulators.meta.message_endpoint import MessageEndpoint
from simulators.meta.send_log import SendLog
from simulators.meta.settings import Settings
from simulators.meta.webhook_sender import RetryPolicy, WebhookSender

LARGEST_UPLOAD_BYTES = 101 * 1024 * 1024


class MetaSimulator:
    """A running server; `async with MetaSimulator(settings) as meta: meta.url`."""

    def __init__(
        self, settings: Settings | None = None, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.settings = settings or Settings()
        self.sends = SendLog(self.settings.kept_sends)
        self.faults = Faults()
        self._host, self._port = host, port
        self._stack = contextlib.AsyncExitStack()
        self._whatsapp: WebhookSender | None = None
        self._messenger: WebhookSender | None = None
        self.url = ""
        """`http://host:port` once started: the Graph URL for the product."""

    async def start(self) -> None:
        """Listen; the port is known afterwards."""
        connector = aiohttp.TCPConnector(limit=200)
        session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        await self._stack.enter_async_context(session)
        self._make_senders(session)
        self.later = LaterEvents(self.settings, self._whatsapp, self._messenger)
        self.messages = MessageEndpoint(self.settings, self.sends, self.faults, self.later)
        self.media = MediaEndpoint(self.settings, self.faults)
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, self._host, self._port)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        timetable = asyncio.create_task(self.later.run())
        self._stack.push_async_callback(_cancelled, timetable)

    async def close(self) -> None:
        """Stop listening and forget the connections."""
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def sender(self, platform: str) -> WebhookSender | None:
        """The signed webhook sender of `whatsapp` or `messenger`; None without a URL."""
        return self._whatsapp if platform == "whatsapp" else self._messenger

    def reset(self) -> None:
        """Forget sends, actions, faults, media and planned statuses."""
        self.sends.clear()
        self.messages.actions.clear()
        self.faults.waiting.clear()
        self.media.clear()
        self.later.clear()

    def _make_senders(self, session: aiohttp.ClientSession) -> None:
        s = self.settings
        retry = RetryPolicy(
            s.webhook_attempts, s.webhook_backoff_seconds, s.webhook_timeout_seconds
        )
        if s.whatsapp_webhook_url:
            self._whatsapp = WebhookSender(
                session, s.whatsapp_webhook_url, s.whatsapp_app_secret, retry
            )
        if s.messenger_webhook_url:
            self._messenger = WebhookSender(
                session, s.messenger_webhook_url, s.messenger_app_secret, retry
            )

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[graph_errors], client_max_size=LARGEST_UPLOAD_BYTES)
        app.add_routes(Control(self).routes())
        version = r"/{version:v\d+\.\d+}"
        app.add_routes(
            [
                web.post(version + r"/{sender:\d+}/messages", self.messages.post),
                web.post(version + r"/{sender:\d+}/media", self.media.upload),
                web.get(version + "/_media/{link}", self.media.download),
                web.get(version + r"/{media:\d+}", self.media.look_up),
                web.delete(version + r"/{media:\d+}", self.media.delete),
            ]
        )
        return app


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
