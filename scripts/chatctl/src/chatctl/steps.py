"""Showing what is being done, how long it took, and why it did not work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status


class Step:
    """One running step; `detail` is shown behind its name."""

    def __init__(self, name: str, status: Status) -> None:
        self._name = name
        self._status = status
        self.result = ""

    def detail(self, text: str) -> None:
        """Show how far it is."""
        self._status.update(f"{self._name} [dim]{text}[/dim]")

    def count(self, done: int, every: int) -> None:
        """Show how many are done."""
        self.detail(f"{done}/{every}")


class Steps:
    """Prints one line for each step that was done."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.started = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Show `name` while the block runs, then its result and its time."""
        started = time.monotonic()
        with self.console.status(name) as status:
            step = Step(name, status)
            try:
                yield step
            except BaseException:
                self.console.print(f"[red]✗[/red] {name}")
                raise
        seconds = time.monotonic() - started
        result = f" [dim]{step.result}[/dim]" if step.result else ""
        self.console.print(f"[green]✓[/green] {name}{result} [dim]{seconds:.1f} s[/dim]")

    def total_seconds(self) -> float:
        """Return how long all of it took."""
        return time.monotonic() - self.started
