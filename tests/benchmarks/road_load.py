"""Customers on the whole road: each posts a signed webhook and waits for its reply at Graph.

Latency is from writing the webhook to the moment the Meta simulator accepted the send, both by the
wall clock of this machine.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
from http_load import percentile, signed_request, whatsapp_body
from processes_seen import cpu_seconds, family
from whole_platform import WholePlatform

from chatctl.services import SERVICES
from embedded import RecordedProcess

QUESTIONS = (
    "How long do I have to return an item?",
    "What does standard shipping cost?",
    "Is there a warranty on tents?",
)

TURNS_EACH = 20
"""A person is answered 45 times in a burst, then every six seconds: others go on before that."""


@dataclass
class RoadResult:
    """What the customers saw."""

    replies: int = 0
    seconds: float = 0.0
    unanswered: int = 0
    milliseconds: list[float] = field(default_factory=list)
    """From writing the webhook to the send at Graph."""
    accepted_milliseconds: list[float] = field(default_factory=list)
    """From the webhook's 200 to the send at Graph."""

    @property
    def per_second(self) -> float:
        """Replies a second."""
        return self.replies / self.seconds if self.seconds else 0.0

    def p(self, share: float) -> float:
        """A percentile in milliseconds."""
        return percentile(self.milliseconds, share)


class RoadLoad:
    """Keeps so many conversations busy for so long."""

    def __init__(self, webhook_url: str, secret: str, number: str, meta_url: str) -> None:
        self._url = urlsplit(webhook_url)
        self._secret = secret
        self._number = number
        self._meta_url = meta_url
        self._waiting: dict[str, asyncio.Future[float]] = {}
        self._turns_each, self._pause_seconds = TURNS_EACH, 0.0

    async def run(
        self,
        conversations: int,
        seconds: float,
        answer_seconds: float = 30.0,
        *,
        turns_each: int = TURNS_EACH,
        pause_seconds: float = 0.0,
    ) -> RoadResult:
        """Each sends its next message when the last one is answered, after a pause of its own."""
        result = RoadResult()
        self._turns_each, self._pause_seconds = turns_each, pause_seconds
        async with aiohttp.ClientSession() as session:
            watcher = asyncio.create_task(self._watch(session))
            started = time.perf_counter()
            until = started + seconds
            await asyncio.gather(
                *(self._customer(result, until, answer_seconds) for _ in range(conversations))
            )
            result.seconds = time.perf_counter() - started
            watcher.cancel()
        return result

    async def _customer(self, result: RoadResult, until: float, answer_seconds: float) -> None:
        reader, writer = await asyncio.open_connection(self._url.hostname, self._url.port)
        turn, customer = 0, ""
        await self._pause()
        while time.perf_counter() < until:
            if turn % self._turns_each == 0:
                customer = f"385{uuid4().int % 10**9:09d}"
            body = whatsapp_body(self._number, customer, QUESTIONS[turn % len(QUESTIONS)])
            turn += 1
            answered = asyncio.get_running_loop().create_future()
            self._waiting[customer] = answered
            posted = time.time()
            writer.write(signed_request(self._url.netloc, self._url.path, body, self._secret))
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.split(b"\r\n", 1)[0]:
                result.unanswered += 1
                break
            await reader.readexactly(_length(head))
            accepted = time.time()
            try:
                sent = await asyncio.wait_for(answered, answer_seconds)
            except TimeoutError:
                result.unanswered += 1
                break
            result.replies += 1
            result.milliseconds.append((sent - posted) * 1000)
            result.accepted_milliseconds.append((sent - accepted) * 1000)
            await self._pause()
        writer.close()

    async def _pause(self) -> None:
        """Between half and one and a half of the pause, so that nobody speaks in step."""
        if self._pause_seconds:
            await asyncio.sleep(self._pause_seconds * random.uniform(0.5, 1.5))

    async def _watch(self, session: aiohttp.ClientSession) -> None:
        async with session.get(f"{self._meta_url}/_sim/sends") as answer:
            following = (await answer.json())["next"]
        while True:
            query = {"after": following, "wait_seconds": 5}
            async with session.get(f"{self._meta_url}/_sim/sends", params=query) as answer:
                page = await answer.json()
            following = page["next"]
            for send in page["sends"]:
                waiting = self._waiting.pop(send["recipient"], None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(send["at"])


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def cpu_of_each(platform: WholePlatform) -> dict[str, float]:
    """CPU seconds so far of every service, of the database and of the broker."""
    found = {s.name: cpu_seconds(platform.service(s.name).pid) for s in SERVICES}
    for name in ("postgres", "rabbitmq"):
        record = RecordedProcess.load(platform.servers.folder / name / "process.json")
        assert record is not None
        found[name] = sum(map(cpu_seconds, family(record.pid)))
    return found
