"""One line that says how far it is; on a terminal it moves, elsewhere it is said now and then."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

_SAID_EVERY_SECONDS = 10.0


class ProgressLine:
    """`with ProgressLine(console) as line: line("indexing", 3, 10)`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._said_at = 0.0
        self._step = ""

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status("")
            self._status.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, step: str, done: int, total: int) -> None:
        """Say it, not too often."""
        words = f"{step}: {done} of {total}"
        if self._status is not None:
            self._status.update(words)
            return
        now = time.monotonic()
        if step != self._step or done >= total or now - self._said_at > _SAID_EVERY_SECONDS:
            if (step, done) != (self._step, total) or self._said_at == 0.0:
                self._console.print(words)
            self._step, self._said_at = step, now
