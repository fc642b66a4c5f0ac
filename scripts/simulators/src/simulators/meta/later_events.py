"""Status, delivery, read and echo events that follow a send, after their delays."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import time
from collections import defaultdict

from simulators.meta import messenger_bodies, whatsapp_bodies
from simulators.meta.send_log import Send
from simulators.meta.settings import Settings
from simulators.meta.webhook_sender import WebhookSender

BODY_LIMIT = 1000
"""Most updates in one body."""
LONGEST_PAUSE_SECONDS = 0.05
"""So that an event planned meanwhile with a shorter delay is not said late."""


class LaterEvents:
    """A timetable of events; what falls due together travels in one body per sender."""

    def __init__(
        self, settings: Settings, whatsapp: WebhookSender | None, messenger: WebhookSender | None
    ) -> None:
        self._settings, self._whatsapp, self._messenger = settings, whatsapp, messenger
        self._due: list[tuple[float, int, str, Send]] = []
        self._numbers = itertools.count()
        self._changed = asyncio.Event()
        self._posts: set[asyncio.Task[object]] = set()
        self.delays_seconds = dict(settings.status_delays_seconds)

    def follow(self, send: Send) -> None:
        """Plan the events of one accepted send."""
        if (self._whatsapp if send.platform == "whatsapp" else self._messenger) is None:
            return
        now = time.monotonic()
        if send.platform == "messenger" and self._settings.messenger_echoes:
            self._plan(now, "echo", send)
        for name, delay in self.delays_seconds.items():
            if send.platform == "whatsapp" or name in ("delivered", "read"):
                self._plan(now + delay, name, send)

    def clear(self) -> None:
        """Forget what was planned and say statuses with the delays of the start again."""
        self._due.clear()
        self.delays_seconds = dict(self._settings.status_delays_seconds)

    async def run(self) -> None:
        """Say events as they fall due, until cancelled."""
        while True:
            if not self._due:
                self._changed.clear()
                await self._changed.wait()
            pause = min(max(self._due[0][0] - time.monotonic(), 0.0), LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause + self._settings.status_batch_seconds)
            self._say(self._take_due())

    def _plan(self, due: float, name: str, send: Send) -> None:
        heapq.heappush(self._due, (due, next(self._numbers), name, send))
        self._changed.set()

    def _take_due(self) -> list[tuple[str, Send]]:
        now, taken = time.monotonic(), []
        while self._due and self._due[0][0] <= now:
            _, _, name, send = heapq.heappop(self._due)
            taken.append((name, send))
        if self._settings.status_shuffle:
            random.shuffle(taken)
        return taken

    def _say(self, events: list[tuple[str, Send]]) -> None:
        by_sender: dict[tuple[str, str], list[tuple[str, Send]]] = defaultdict(list)
        for name, send in events:
            by_sender[send.platform, send.sender].append((name, send))
        for (platform, sender), group in by_sender.items():
            for start in range(0, len(group), BODY_LIMIT):
                self._post(platform, sender, group[start : start + BODY_LIMIT])

    def _post(self, platform: str, sender: str, events: list[tuple[str, Send]]) -> None:
        if platform == "whatsapp" and self._whatsapp is not None:
            body = whatsapp_bodies.body_of(
                [whatsapp_bodies.statuses_change(sender, [_status(*event) for event in events])]
            )
            post = self._whatsapp.send(body)
        elif self._messenger is not None:
            items = [_messenger_item(self._settings.app_id, *event) for event in events]
            post = self._messenger.send(messenger_bodies.body_of(sender, items))
        else:
            return
        task: asyncio.Task[object] = asyncio.create_task(post)
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)


def _status(name: str, send: Send) -> whatsapp_bodies.Json:
    return whatsapp_bodies.status(
        send.message_id, name, send.recipient, callback_data=send.biz_opaque_callback_data
    )


def _messenger_item(app_id: str, name: str, send: Send) -> messenger_bodies.Json:
    if name == "echo":
        return messenger_bodies.echo(
            send.sender,
            send.recipient,
            send.text,
            message_id=send.message_id,
            app_id=app_id,
            metadata=send.biz_opaque_callback_data,
        )
    if name == "delivered":
        return messenger_bodies.delivery(send.sender, send.recipient, [send.message_id])
    return messenger_bodies.read(send.sender, send.recipient)
