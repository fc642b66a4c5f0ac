"""Customers on the whole road: each posts a signed webhook and waits for its reply at Graph.

Latency is from writing the webhook to the moment the Meta simulator accepted the send, both by the
wall clock of this machine.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
from http_load import percentile, signed_request, whatsapp_body

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

    async def run(
        self, conversations: int, seconds: float, answer_seconds: float = 30.0
    ) -> RoadResult:
        """Each conversation sends its next message when the last one is answered."""
        result = RoadResult()
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
        while time.perf_counter() < until:
            if turn % TURNS_EACH == 0:
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
            try:
                sent = await asyncio.wait_for(answered, answer_seconds)
            except TimeoutError:
                result.unanswered += 1
                break
            result.replies += 1
            result.milliseconds.append((sent - posted) * 1000)
        writer.close()

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
