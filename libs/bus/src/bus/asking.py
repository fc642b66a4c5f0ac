"""Request and answer: one reply queue a process, an explicit answer or refusal, a deadline."""

import asyncio
from typing import Any, TypeVar
from uuid import uuid4

import structlog
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustConnection
from pydantic import ValidationError

from bus.speaking import BrokerAway, Outgoing, Speaker, Unroutable
from bus.tracing import trace_headers
from contracts.message import Answer, Refusal, Request
from contracts.topology import ANSWERS

ANSWER_TYPE = "answer"
REFUSAL_TYPE = "refusal"

AnswerType = TypeVar("AnswerType", bound=Answer)

_log = structlog.get_logger()


class AskFailed(Exception):
    """The owner refused, or nobody answers; `code` is stable.

    `retry_after_seconds` is said where the owner knows when asking again may help.
    """

    def __init__(self, code: str, detail: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class AskTimeout(AskFailed):
    """No answer within the deadline; a late one will be dropped."""

    def __init__(self, address: str, seconds: float) -> None:
        super().__init__("timeout", f"{address} did not answer within {seconds:g} s")


class Refused(Exception):
    """Raised by a handler: the request is answered with this refusal."""

    def __init__(self, code: str, detail: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class Asker:
    """Asks, and hands each answer to whoever waits for it."""

    def __init__(self, service: str, speaker: Speaker) -> None:
        self._speaker = speaker
        self._waiting: dict[str, asyncio.Future[AbstractIncomingMessage]] = {}
        self._reply_queue = f"{service}.replies.{uuid4()}"

    async def start(self, connection: AbstractRobustConnection) -> None:
        """Declare this process's reply queue and consume it."""
        channel = await connection.channel(publisher_confirms=False)
        queue = await channel.declare_queue(
            self._reply_queue,
            durable=False,
            exclusive=True,
            auto_delete=True,
            arguments={"x-queue-type": "classic"},
        )
        await queue.bind(ANSWERS, routing_key=self._reply_queue)
        await queue.consume(self._on_reply, no_ack=True)

    async def ask(self, request: Request[AnswerType], timeout_seconds: float) -> AnswerType:
        """Ask and wait. Raises `AskTimeout`, or `AskFailed` with the owner's code."""
        key = str(request.message_id)
        waiting: asyncio.Future[AbstractIncomingMessage] = (
            asyncio.get_running_loop().create_future()
        )
        self._waiting[key] = waiting
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._say(request, timeout_seconds)
                return _read(request, await waiting)
        except TimeoutError:
            raise AskTimeout(request.address, timeout_seconds) from None
        except Unroutable:
            raise AskFailed("no_responder", f"nobody takes {request.address}") from None
        except BrokerAway as error:
            raise AskFailed("broker_away", str(error)) from error
        finally:
            self._waiting.pop(key, None)

    async def _say(self, request: Request[Any], timeout_seconds: float) -> None:
        message = Outgoing(
            exchange=request.exchange,
            routing_key=request.address,
            body=request.said(),
            message_id=request.message_id,
            address=request.address,
            headers=trace_headers(),
        )
        await self._speaker.request(
            message, reply_to=self._reply_queue, expiration_seconds=timeout_seconds
        )

    async def _on_reply(self, reply: AbstractIncomingMessage) -> None:
        waiting = self._waiting.get(reply.correlation_id or "")
        if waiting is None or waiting.done():
            _log.debug("late answer dropped", correlation_id=reply.correlation_id)
            return
        waiting.set_result(reply)


def _read(request: Request[AnswerType], reply: AbstractIncomingMessage) -> AnswerType:
    if reply.type == ANSWER_TYPE:
        try:
            answer = type(request).answer.model_validate_json(reply.body, extra="ignore")
        except ValidationError as error:
            raise AskFailed("bad_answer", f"{request.address}: {error.error_count()}") from error
        return answer  # type: ignore[return-value]  # the class line says which answer it is
    if reply.type == REFUSAL_TYPE:
        refusal = Refusal.model_validate_json(reply.body, extra="ignore")
        raise AskFailed(refusal.code, refusal.detail, refusal.retry_after_seconds)
    # FastStream answers a crashed handler with an empty, untyped body: never take it for one.
    raise AskFailed("bad_answer", f"{request.address}: neither an answer nor a refusal")
