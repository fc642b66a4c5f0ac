"""Says webhooks as Meta does: signed, retried with back-off, duplicated, batched, reordered."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from simulators.meta.signing import Signature, signature_headers


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one body."""

    status: int
    """The last answer's HTTP status; 0 = none came."""
    attempts: int
    seconds: float
    """From the first byte of the first attempt to the last answer."""

    @property
    def accepted(self) -> bool:
        """Whether the receiver took it."""
        return self.status == 200


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a body that is not answered by 200 is tried again."""

    attempts: int = 6
    backoff_seconds: float = 0.2
    timeout_seconds: float = 20.0

    def pause_seconds(self, attempt: int) -> float:
        """The pause after failed attempt number `attempt` (from 1)."""
        return min(10.0, self.backoff_seconds * 2.0 ** (attempt - 1))


ONCE = RetryPolicy(attempts=1)
"""No retry: for tests of refusals."""


class WebhookSender:
    """Posts bodies to one webhook URL with one app secret."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        app_secret: str,
        retry: RetryPolicy | None = None,
        look: Callable[[bytes], None] | None = None,
        done: Callable[[Delivery], None] | None = None,
    ) -> None:
        self._session, self._url, self._secret = session, url, app_secret
        self._retry, self._look, self._done = retry or RetryPolicy(), look, done

    async def send(
        self,
        body: dict[str, Any],
        *,
        copies: int = 1,
        signature: Signature = "valid",
        retry: RetryPolicy | None = None,
    ) -> list[Delivery]:
        """Post a JSON body, `copies` times in parallel."""
        raw = orjson.dumps(body)
        if self._look is not None:
            self._look(raw)
        return await self.send_raw(raw, copies=copies, signature=signature, retry=retry)

    async def send_raw(
        self,
        raw: bytes,
        *,
        copies: int = 1,
        signature: Signature = "valid",
        retry: RetryPolicy | None = None,
    ) -> list[Delivery]:
        """Post exactly these bytes, `copies` times in parallel, each with its own retries."""
        headers = {"Content-Type": "application/json", "User-Agent": "facebookexternalua"}
        headers |= signature_headers(raw, self._secret, signature)
        policy = retry or self._retry
        if copies == 1:
            return [await self._deliver(raw, headers, policy)]
        posts = [self._deliver(raw, headers, policy) for _ in range(copies)]
        return list(await asyncio.gather(*posts))

    async def send_reordered(
        self, bodies: list[dict[str, Any]], *, seed: int | None = None
    ) -> list[Delivery]:
        """Post several bodies in a random order, all in parallel."""
        order = list(bodies)
        random.Random(seed).shuffle(order)  # noqa: S311 - disorder, not secrecy
        answers = await asyncio.gather(*(self.send(body) for body in order))
        return [delivery for deliveries in answers for delivery in deliveries]

    async def _deliver(self, raw: bytes, headers: dict[str, str], policy: RetryPolicy) -> Delivery:
        started = time.perf_counter()
        attempt, status = 0, 0
        while attempt < policy.attempts:
            attempt += 1
            status = await self._attempt(raw, headers, policy.timeout_seconds)
            if status == 200:
                break
            if attempt < policy.attempts:
                await asyncio.sleep(policy.pause_seconds(attempt))
        delivery = Delivery(status, attempt, time.perf_counter() - started)
        if self._done is not None:
            self._done(delivery)
        return delivery

    async def _attempt(self, raw: bytes, headers: dict[str, str], timeout_seconds: float) -> int:
        timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        try:
            async with self._session.post(
                self._url, data=raw, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0
