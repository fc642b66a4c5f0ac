"""A visitor of the chat widget, without a browser: the same session and the same socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp
import socketio

CONNECT_SECONDS = 10


@dataclass
class Said:
    """One thing that the server said: `delta`, `message`, `recorded`, `typing` or `error`."""

    kind: str
    data: dict[str, Any] = field(default_factory=dict)


class WidgetRefused(RuntimeError):
    """The gateway did not take the visitor or the message."""


class WidgetClient:
    """Opens a session for a widget key, sends one text and yields what comes back."""

    def __init__(self, url: str, channel_key: str, visitor_token: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._channel_key = channel_key
        self.visitor_token = visitor_token

    async def open_session(self) -> dict[str, Any]:
        """Ask for a visitor's token, as the widget's frame does."""
        body = {"channel_key": self._channel_key}
        if self.visitor_token:
            body["visitor_token"] = self.visitor_token
        headers = {"Origin": self._url}
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self._url}/widget/sessions", json=body, headers=headers) as answer,
        ):
            said: dict[str, Any] = await answer.json(content_type=None)
            if answer.status >= 400:
                raise WidgetRefused(f"{answer.status} {said.get('code')}: {said.get('detail')}")
        self.visitor_token = said["visitor_token"]
        return said

    async def ask(self, text: str, timeout_seconds: float = 60.0) -> AsyncIterator[Said]:
        """Send one text and yield what is said until somebody's message, which comes last."""
        session = await self.open_session()
        heard: asyncio.Queue[Said] = asyncio.Queue()
        client = socketio.AsyncClient(reconnection=False)
        for kind in ("ready", "recorded", "delta", "message", "typing", "error"):
            client.on(kind, _into(heard, kind))
        await client.connect(
            self._url,
            auth={"token": session["token"]},
            headers={"Origin": self._url},
            transports=["websocket"],
            wait_timeout=CONNECT_SECONDS,
        )
        try:
            message = {"client_message_id": str(uuid4()), "text": text}
            taken = await client.call("message", message, timeout=CONNECT_SECONDS)
            if not taken.get("ok"):
                raise WidgetRefused(f"{taken.get('code')}: {taken.get('detail')}")
            async with asyncio.timeout(timeout_seconds):
                while True:
                    said = await heard.get()
                    yield said
                    if said.kind == "message" and said.data.get("role") != "customer":
                        return
        finally:
            await client.disconnect()


def _into(heard: asyncio.Queue[Said], kind: str) -> Any:
    """Return a handler that puts an event of this kind into the queue."""

    async def handler(data: dict[str, Any] | None = None) -> None:
        await heard.put(Said(kind, data or {}))

    return handler
