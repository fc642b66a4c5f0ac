"""Replies in the making, kept for seconds in Redis: who reconnects sees what was said so far.

Several gateways take deltas of one reply; each stores its own, under its index.
"""

from typing import Any, Final
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts.v1.turns import ReplyDelta

_KEEP_SECONDS: Final = 120


class StreamingReplies:
    """A hash a visitor: the newest turn, its attempt, its pieces by index."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(self, delta: ReplyDelta) -> bool:
        """Keep a piece; pieces of another turn or attempt live under keys of their own.

        False where the bot is silent: words that were on their way are not shown any more.
        """
        place = _place(delta.channel_id, delta.visitor_id)
        pieces = f"{place}:{delta.turn_id}:{delta.attempt}"
        newest = orjson.dumps({"turn_id": str(delta.turn_id), "attempt": delta.attempt})
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                if delta.index == 0:
                    pipeline.set(place, newest, ex=_KEEP_SECONDS)
                pipeline.hset(pieces, str(delta.index), delta.text)
                pipeline.expire(pieces, _KEEP_SECONDS)
                # Asked last, so that as little as possible lies between the answer and the words.
                pipeline.exists(_silence(delta.channel_id, delta.visitor_id))
                *_, silent = await pipeline.execute()
            if silent:
                await self._redis.delete(place)
                return False
        except (RedisError, OSError):
            return True  # the delta itself still goes out; only a reconnect shows less
        return True

    async def silence(self, channel_id: UUID, visitor_id: str) -> None:
        """Somebody else answers: what the bot said so far is withdrawn, and no more is shown."""
        try:
            await self._redis.set(_silence(channel_id, visitor_id), b"1", ex=_KEEP_SECONDS)
            await self._redis.delete(_place(channel_id, visitor_id))
        except (RedisError, OSError):
            return  # the widget drops what it shows; more comes for a quarter of a second at most

    async def speak(self, channel_id: UUID, visitor_id: str) -> None:
        """The bot answers (again)."""
        try:
            await self._redis.delete(_silence(channel_id, visitor_id))
        except (RedisError, OSError):
            return  # it expires; the final message is shown in any case

    async def end(self, channel_id: UUID, visitor_id: str) -> None:
        """The final message is there."""
        try:
            await self._redis.delete(_place(channel_id, visitor_id))
        except (RedisError, OSError):
            return  # it expires

    async def current(self, channel_id: UUID, visitor_id: str) -> dict[str, Any] | None:
        """`{turn_id, attempt, text, next_index}` of the reply in the making, if there is one."""
        place = _place(channel_id, visitor_id)
        try:
            newest = await self._redis.get(place)
            if newest is None:
                return None
            known = orjson.loads(newest)
            pieces: dict[Any, Any] = await self._redis.hgetall(
                f"{place}:{known['turn_id']}:{known['attempt']}"
            )
        except (RedisError, OSError):
            return None
        return {**known, **_joined(pieces)}


def _joined(pieces: dict[Any, Any]) -> dict[str, Any]:
    """The text without a hole from the start, and the index that comes next."""
    texts, index = [], 0
    while (piece := pieces.get(str(index).encode())) is not None:
        texts.append(piece.decode())
        index += 1
    return {"text": "".join(texts), "next_index": index}


def _place(channel_id: UUID, visitor_id: str) -> str:
    return f"chat-streaming:{channel_id}:{visitor_id}"


def _silence(channel_id: UUID, visitor_id: str) -> str:
    return f"chat-silence:{channel_id}:{visitor_id}"
