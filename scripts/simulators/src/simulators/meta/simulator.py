"""The Meta simulator as one object: build it, start it, ask it, close it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import asdict
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from simulators.meta.application import application
from simulators.meta.attachment_endpoint import AttachmentEndpoint
from simulators.meta.clock import SimulatedClock
from simulators.meta.faults import Faults
from simulators.meta.findings import Findings
from simulators.meta.inbound_bodies import Customers
from simulators.meta.later_events import LaterEvents
from simulators.meta.media_endpoint import MediaEndpoint
from simulators.meta.media_store import MediaStore
from simulators.meta.message_endpoint import MessageEndpoint, World
from simulators.meta.message_history import MessageHistory
from simulators.meta.node_book import NodeBook
from simulators.meta.node_endpoint import NodeEndpoint
from simulators.meta.notices import Notices
from simulators.meta.send_log import SendLog
from simulators.meta.sending_rules import SendingRules
from simulators.meta.settings import Settings
from simulators.meta.template_endpoint import TemplateEndpoint
from simulators.meta.template_store import TemplateStore
from simulators.meta.timeline import Timeline
from simulators.meta.tokens import TokenBook
from simulators.meta.webhook_sender import Delivery, RetryPolicy, WebhookSender


class MetaSimulator:
    """A running server; `async with MetaSimulator(settings) as meta: meta.url`."""

    def __init__(
        self, settings: Settings | None = None, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.settings = settings or Settings()
        self.clock = SimulatedClock()
        self.sends = SendLog(self.settings.kept_sends)
        self.faults = Faults()
        self.timeline = Timeline()
        self.history = MessageHistory()
        self.nodes = NodeBook()
        self.findings = Findings(enabled=self.settings.judge)
        self.tokens = TokenBook(self.settings, self.clock)
        self.rules = SendingRules(self.settings, self.clock)
        self.media = MediaStore(self.settings, self.clock)
        self.templates = TemplateStore(self.settings, self.nodes.account_of)
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
        self.session = await self._stack.enter_async_context(session)
        self._make_senders(session)
        self._make_endpoints()
        runner = web.AppRunner(application(self), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, self._host, self._port)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        timetable = asyncio.create_task(self.later.run())
        self._stack.push_async_callback(_cancelled, timetable)
        self._stack.push_async_callback(self.template_calls.close)

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
        """Forget everything that happened or was programmed; time stays where it is."""
        self.messages.actions.clear()
        self.faults.waiting.clear()
        for part in (
            self.sends,
            self.media,
            self.later,
            self.timeline,
            self.history,
            self.nodes,
            self.tokens,
            self.rules,
            self.templates,
            self.findings,
        ):
            part.clear()

    def _make_senders(self, session: aiohttp.ClientSession) -> None:
        s = self.settings
        retry = RetryPolicy(
            s.webhook_attempts, s.webhook_backoff_seconds, s.webhook_timeout_seconds
        )

        def noted(platform: str) -> Callable[[Delivery], None]:
            return lambda delivery: self.timeline.add(
                "webhook", platform=platform, **asdict(delivery)
            )

        judged = self.findings.webhook if self.findings.enabled else None
        if s.whatsapp_webhook_url:
            self._whatsapp = WebhookSender(
                session,
                s.whatsapp_webhook_url,
                s.whatsapp_app_secret,
                retry,
                judged,
                noted("whatsapp"),
            )
        if s.messenger_webhook_url:
            self._messenger = WebhookSender(
                session,
                s.messenger_webhook_url,
                s.messenger_app_secret,
                retry,
                None,
                noted("messenger"),
            )

    def _make_endpoints(self) -> None:
        self.notices = Notices(self._whatsapp, self.timeline)
        self.later = LaterEvents(
            self.settings, self._whatsapp, self._messenger, self.timeline, self.history
        )
        self.attachment_calls = AttachmentEndpoint(self.media, self.faults, self.tokens)
        self.media_calls = MediaEndpoint(self.media, self.faults, self.tokens)
        self.template_calls = TemplateEndpoint(
            self.settings, self.templates, self.faults, self.tokens, self.notices
        )
        world = World(
            self.settings,
            self.sends,
            self.faults,
            self.later,
            self.tokens,
            self.media,
            self.rules,
            self.templates,
            self.timeline,
            self.history,
        )
        self.messages = MessageEndpoint(world, self.attachment_calls)
        self.node_calls = NodeEndpoint(
            self.settings, self.faults, self.tokens, self.nodes, self.history
        )
        self.node_calls.attach(self.media_calls, self.media, self.template_calls, self.templates)
        self.customers = Customers(self.media, self.rules, self.timeline, lambda: self.url)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
