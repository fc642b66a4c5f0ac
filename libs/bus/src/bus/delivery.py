"""What a listener is given: the bytes, and the one decision it has to make about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

ATTEMPT_HEADER = "chat-attempt"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it came off a queue; settled exactly once."""

    raw: AbstractIncomingMessage
    queue: str

    @property
    def body(self) -> bytes:
        """The bytes."""
        return self.raw.body

    @property
    def headers(self) -> Mapping[str, Any]:
        """AMQP headers, `traceparent` among them."""
        return self.raw.headers

    @property
    def redelivered(self) -> bool:
        """Whether the broker gave it to somebody before."""
        return bool(self.raw.redelivered)

    @property
    def attempt(self) -> int:
        """Which try of ours this is, from 1; delayed retries carry it in a header."""
        value = self.raw.headers.get(ATTEMPT_HEADER, 1)
        return value if isinstance(value, int) and value >= 1 else 1

    @property
    def message_id(self) -> UUID | None:
        """The message's identity, None when it has none that can be read."""
        try:
            return UUID(self.raw.message_id or "")
        except ValueError:
            return None

    async def done(self, *, and_all_before: bool = False) -> None:
        """It is settled, or kept elsewhere: take it off the queue."""
        try:
            await self.raw.ack(multiple=and_all_before)
        except (AMQPError, ChannelInvalidStateError, RuntimeError) as error:
            # The channel is gone: the broker delivers it again and the inbox knows it.
            _log.info("acknowledgement came too late", queue=self.queue, error=str(error))

    async def give_back(self) -> None:
        """We stop: let another process have it."""
        try:
            await self.raw.nack(requeue=True)
        except (AMQPError, ChannelInvalidStateError, RuntimeError) as error:
            _log.info("return came too late", queue=self.queue, error=str(error))
