"""A program that speaks the widget's protocol."""

from typing import Any
from uuid import uuid4

import aiohttp
import socketio
from channel_desk import ChannelDesk

from testkit import eventually_async

ORIGIN = {"Origin": "http://127.0.0.1"}


class Visitor:
    """A visitor's session, its socket, and what was heard on it."""

    def __init__(self, desk: ChannelDesk, http: aiohttp.ClientSession) -> None:
        self.desk, self.http = desk, http
        self.url = desk.shop.platform.url
        self.heard: list[dict[str, Any]] = []
        """Messages, in order."""
        self.stream: list[tuple[str, dict[str, Any]]] = []
        """Words in the making and what took them back, with messages, in order."""
        self.socket = socketio.AsyncClient(reconnection=False)
        self.socket.on("message", self._listen)
        self.socket.on("delta", self._delta)
        self.socket.on("withdrawn", self._withdrawn)

    async def _listen(self, message: dict[str, Any]) -> None:
        self.heard.append(message)
        self.stream.append((message["role"], message))

    async def _delta(self, words: dict[str, Any]) -> None:
        self.stream.append(("delta", words))

    async def _withdrawn(self, which: dict[str, Any]) -> None:
        self.stream.append(("withdrawn", which))

    async def connect(self) -> None:
        """Open a session and its socket."""
        key = {"channel_key": self.desk.shop.channels["webchat"]["external_id"]}
        async with self.http.post(
            f"{self.url}/widget/sessions", json=key, headers=ORIGIN
        ) as answer:
            assert answer.status == 200, await answer.text()
            opened = await answer.json()
        self.key, self.token = opened["visitor_id"], opened["token"]
        await self.socket.connect(
            self.url, auth={"token": self.token}, headers=ORIGIN, transports=["websocket"]
        )

    async def upload(self, data: bytes) -> str:
        """Upload a file; its media id."""
        form = aiohttp.FormData()
        form.add_field("file", data, filename="file.bin")
        headers = {**ORIGIN, "Authorization": f"Bearer {self.token}"}
        url = f"{self.url}/widget/uploads"
        async with self.http.post(url, data=form, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
            return str((await answer.json())["media_id"])

    async def say(self, **message: Any) -> None:
        """Send a message and have it acknowledged."""
        said = {"client_message_id": str(uuid4()), "text": "", **message}
        acknowledged = await self.socket.call("message", said, timeout=10)
        assert acknowledged["ok"], acknowledged

    async def hears(self, role: str, count: int = 1) -> dict[str, Any]:
        """Wait for the message of this role that has this place among its like."""

        def look() -> dict[str, Any] | None:
            found = [one for one in self.heard if one["role"] == role]
            return found[count - 1] if len(found) >= count else None

        found = await eventually_async(look, f"message {count} of the {role}", 30)
        assert found is not None
        return found

    async def sees(self, kind: str) -> dict[str, Any]:
        """Wait for the first event of this kind: delta, withdrawn."""

        def look() -> list[dict[str, Any]]:
            return [data for name, data in self.stream if name == kind]

        return (await eventually_async(look, kind, 30))[0]
