"""How long each step of a search took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Steps:
    """Milliseconds by name; a step that is made again adds up."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure what is done inside."""
        began = time.perf_counter()
        try:
            yield
        finally:
            took = (time.perf_counter() - began) * 1000
            self.milliseconds[name] = self.milliseconds.get(name, 0.0) + took

    def seconds(self) -> float:
        """Since the search began."""
        return time.perf_counter() - self._started
