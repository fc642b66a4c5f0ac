"""A bus that keeps what is said instead of sending it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

M = TypeVar("M")


class RecordingBus:
    """Stands where a `Bus` or an `Outbox` would: messages land in lists, questions in a function.

    `answers[RequestClass] = answer | exception | async function of the request`.
    """

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.asked: list[Any] = []
        self.streamed: list[Any] = []
        self.answers: dict[type[Any], Any] = {}

    async def say(self, _transaction: object, *messages: Any, delay_seconds: float = 0) -> None:  # noqa: ARG002
        """Record messages as an outbox would store them; the delay is not kept."""
        self.said.extend(messages)

    async def publish(self, message: Any) -> None:
        """Record one message as a relay would publish it."""
        self.said.append(message)

    async def stream(self, message: Any) -> None:
        """Record one transient message."""
        self.streamed.append(message)

    async def ask(self, request: Any, *, timeout_seconds: float = 0) -> Any:  # noqa: ARG002
        """Record the question and return or raise the prepared answer."""
        self.asked.append(request)
        prepared = self.answers[type(request)]
        if isinstance(prepared, Exception):
            raise prepared
        if callable(prepared):
            answer: Callable[[Any], Awaitable[Any]] = prepared
            return await answer(request)
        return prepared

    def heard(self, message_class: type[M]) -> list[M]:
        """Return what was said, of one class."""
        return [message for message in self.said if isinstance(message, message_class)]
