"""Status, delivery, read and echo events that follow a send, after their delays."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import time
from collections import defaultdict
from typing import NamedTuple

from simulators.meta import messenger_bodies, whatsapp_bodies
from simulators.meta.error_codes import known_code
from simulators.meta.faults import LATER_KINDS, Fault
from simulators.meta.message_history import MessageHistory
from simulators.meta.send_log import Send
from simulators.meta.settings import Settings
from simulators.meta.timeline import Timeline
from simulators.meta.webhook_sender import WebhookSender
from simulators.meta.whatsapp_messages import is_business_scoped

BODY_LIMIT = 1000
"""Most updates in one body."""
LONGEST_PAUSE_SECONDS = 0.05
"""So that an event planned meanwhile with a shorter delay is not said late."""
FAILED_SECONDS, OTHER_DEVICE_SECONDS = 0.05, 0.1
"""When a send fails that was accepted, and when another device gets it all the same."""


class Later(NamedTuple):
    """One event of one send."""

    name: str
    send: Send
    code: int = 0
    """The error code of `failed`."""


class LaterEvents:
    """A timetable of events; what falls due together travels in one body per sender."""

    def __init__(
        self,
        settings: Settings,
        whatsapp: WebhookSender | None,
        messenger: WebhookSender | None,
        timeline: Timeline,
        history: MessageHistory,
    ) -> None:
        self._settings, self._whatsapp, self._messenger = settings, whatsapp, messenger
        self._timeline, self._history = timeline, history
        self._due: list[tuple[float, int, Later]] = []
        self._numbers = itertools.count()
        self._changed = asyncio.Event()
        self._posts: set[asyncio.Task[object]] = set()
        self._as_at_start()

    def follow(self, send: Send, fault: Fault | None = None) -> None:
        """Plan the events of one accepted send."""
        if (self._whatsapp if send.platform == "whatsapp" else self._messenger) is None:
            return
        now = time.monotonic()
        if fault is not None and fault.kind in LATER_KINDS and send.platform == "whatsapp":
            self._plan_failure(now, send, fault)
            return
        if send.platform == "messenger" and self._settings.messenger_echoes:
            self._plan(now, Later("echo", send))
        for name, delay in self.delays_seconds.items():
            if name == "played" and not _is_voice(send):
                continue
            if send.platform == "whatsapp" or name in ("delivered", "read"):
                self._plan(now + delay, Later(name, send))

    def clear(self) -> None:
        """Forget what was planned and say statuses with the delays of the start again."""
        self._due.clear()
        self._as_at_start()

    def _as_at_start(self) -> None:
        self.delays_seconds = dict(self._settings.status_delays_seconds)
        self.shuffle, self.copies = self._settings.status_shuffle, 1
        """Disorder, and how often each body of statuses is posted."""

    async def run(self) -> None:
        """Say events as they fall due, until cancelled."""
        while True:
            if not self._due:
                self._changed.clear()
                await self._changed.wait()
            pause = min(max(self._due[0][0] - time.monotonic(), 0.0), LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause + self._settings.status_batch_seconds)
            self._say(self._take_due())

    def _plan_failure(self, now: float, send: Send, fault: Fault) -> None:
        if "sent" in self.delays_seconds:
            self._plan(now + self.delays_seconds["sent"], Later("sent", send))
        failed_at = now + self.delays_seconds.get("delivered", FAILED_SECONDS)
        self._plan(failed_at, Later("failed", send, fault.code))
        if fault.kind == "failed_then_delivered":
            self._plan(failed_at + OTHER_DEVICE_SECONDS, Later("delivered", send))

    def _plan(self, due: float, later: Later) -> None:
        heapq.heappush(self._due, (due, next(self._numbers), later))
        self._changed.set()

    def _take_due(self) -> list[Later]:
        now, taken = time.monotonic(), []
        while self._due and self._due[0][0] <= now:
            taken.append(heapq.heappop(self._due)[2])
        if self.shuffle:
            random.shuffle(taken)
        return taken

    def _say(self, events: list[Later]) -> None:
        by_sender: dict[tuple[str, str], list[Later]] = defaultdict(list)
        for later in events:
            send = later.send
            by_sender[send.platform, send.sender].append(later)
            fields = {"message_id": send.message_id, "sender": send.sender, "code": later.code}
            self._timeline.add("status", send.recipient, status=later.name, **fields)
            self._history.note(send, later.name)
        for (platform, sender), group in by_sender.items():
            for start in range(0, len(group), BODY_LIMIT):
                self._post(platform, sender, group[start : start + BODY_LIMIT])

    def _post(self, platform: str, sender: str, events: list[Later]) -> None:
        if platform == "whatsapp" and self._whatsapp is not None:
            body = whatsapp_bodies.body_of(
                [whatsapp_bodies.statuses_change(sender, [_status(one) for one in events])]
            )
            post = self._whatsapp.send(body, copies=self.copies)
        elif self._messenger is not None:
            items = [_messenger_item(self._settings.app_id, one) for one in events]
            post = self._messenger.send(messenger_bodies.body_of(sender, items), copies=self.copies)
        else:
            return
        task: asyncio.Task[object] = asyncio.create_task(post)
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)


def failed_error(code: int) -> whatsapp_bodies.Json:
    """An element of `errors` in a failed status."""
    title = known_code(code).title
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": title},
        "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
    }


def _status(later: Later) -> whatsapp_bodies.Json:
    send = later.send
    scoped = is_business_scoped(send.recipient)
    return whatsapp_bodies.status(
        send.message_id,
        later.name,
        "" if scoped else send.recipient.lstrip("+"),
        callback_data=send.biz_opaque_callback_data,
        errors=[failed_error(later.code)] if later.code else None,
        user_id=send.recipient if scoped else "",
        template=send.kind == "template",
    )


def _is_voice(send: Send) -> bool:
    return send.kind == "audio"


def _messenger_item(app_id: str, later: Later) -> messenger_bodies.Json:
    send = later.send
    if later.name == "echo":
        return messenger_bodies.echo(
            send.sender,
            send.recipient,
            send.text,
            message_id=send.message_id,
            app_id=app_id,
            metadata=send.biz_opaque_callback_data,
            attachments=_echoed_attachments(send),
        )
    if later.name == "delivered":
        return messenger_bodies.delivery(send.sender, send.recipient, [send.message_id])
    return messenger_bodies.read(send.sender, send.recipient)


def _echoed_attachments(send: Send) -> list[messenger_bodies.Json]:
    if send.kind == "text":
        return []
    attachment = send.body["message"].get("attachment") or {}
    return [{"type": send.kind, "payload": attachment.get("payload") or {}}]
