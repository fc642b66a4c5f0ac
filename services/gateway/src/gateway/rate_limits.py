"""How often somebody may ask: counted in Redis, or in this process while Redis is away."""

import time
from typing import Final

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Counter

import observe
from gateway.problems import Problem

_REFUSED: Final = Counter(
    "chat_gateway_rate_limited_total", "Requests refused because of a limit.", ["limit"]
)
_PAUSE_SECONDS: Final = 5.0
_log = observe.get_logger("rate-limits")


class RateLimits:
    """Sliding windows of a minute; after a failure of Redis it is left alone for some seconds."""

    def __init__(self, redis_url: str) -> None:
        shared = RedisStorage(
            f"async+{redis_url}", implementation="redispy", key_prefix="chat-limits",
            socket_timeout=0.5, socket_connect_timeout=0.5,
        )  # fmt: skip
        self._shared = SlidingWindowCounterRateLimiter(shared)
        self._local = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared_again_at = 0.0

    async def spend(self, limit: str, subject: str, per_minute: int) -> None:
        """Count one request; a 429 problem when the window is full."""
        item = RateLimitItemPerMinute(per_minute)
        if await self._hit(item, limit, subject):
            return
        _REFUSED.labels(limit).inc()
        raise Problem(
            429, "rate_limited", f"At most {per_minute} requests a minute are served here.",
            headers={"Retry-After": str(max(1, 60 // per_minute))},
        )  # fmt: skip

    async def _hit(self, item: RateLimitItemPerMinute, limit: str, subject: str) -> bool:
        if time.monotonic() >= self._shared_again_at:
            try:
                return await self._shared.hit(item, limit, subject)
            except Exception as error:  # noqa: BLE001 - any failure of the cache means: count here
                self._shared_again_at = time.monotonic() + _PAUSE_SECONDS
                _log.warning("counting locally, the cache is away", reason=type(error).__name__)
        return await self._local.hit(item, limit, subject)
