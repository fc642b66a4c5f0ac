"""Documents on their way, a bar each: what is being done, how far it is, and why it failed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from chatctl.gateway_api import ApiProblem, GatewayApi, patiently

LOOK_SECONDS = 0.5
ASKED_AT_ONCE = 10
SECONDS_MAX = 3600.0
WORDS = {
    "queued": "waiting",
    "reading": "reading",
    "splitting": "splitting",
    "embedding": "embedding",
    "storing": "storing",
    "ready": "ready",
    "failed": "failed",
}


@dataclass
class Outcome:
    """What became of the documents."""

    ready: int = 0
    failed: int = 0
    problems: list[str] = field(default_factory=list)


class DocumentBars:
    """`with DocumentBars(console) as bars:` a bar for each document, in the order of `begin`."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[words]}"),
            console=console,
        )
        self._console = console
        self._bars: dict[str, TaskID] = {}
        self._names: dict[str, str] = {}
        self.outcome = Outcome()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def begin(self, key: str, name: str) -> None:
        """A document under a name of ours, until it has an id."""
        self._names[key] = name
        shown = escape(name if len(name) <= 40 else name[:39] + "…")
        self._bars[key] = self._progress.add_task(shown, total=100, words="waiting")

    def sending(self, key: str, done: int, total: int) -> None:
        """Bytes on their way."""
        percent = 100 * done / total if total else 100
        self._progress.update(self._bars[key], completed=percent, words="sending")

    def show(self, key: str, document: Mapping[str, Any]) -> bool:
        """Its state; True when nothing more will become of it."""
        stage = str(document["stage"])
        self._progress.update(
            self._bars[key], completed=document["percent"], words=stage_words(document)
        )
        if stage == "ready":
            self.outcome.ready += 1
            passages = f"{document['passages']} passages"
            self._line(f"[green]✓[/green] {self._name(key)}  {document['document_id']}  {passages}")
        elif stage == "failed":
            self.fail(key, f"{document.get('code')}: {document.get('detail')}")
        return stage in {"ready", "failed"}

    def sent(self, key: str, document_id: str) -> None:
        """It has an id, and nobody waits for more."""
        self._progress.update(self._bars[key], completed=100, words="sent")
        self._line(f"{document_id}  {self._name(key)}")

    def fail(self, key: str, reason: str) -> None:
        """It will not be found, and why."""
        self.outcome.failed += 1
        self.outcome.problems.append(f"{self._names[key]}: {reason}")
        self._progress.update(self._bars[key], words="[red]failed[/red]")
        self._line(f"[red]✗[/red] {self._name(key)}  {escape(reason)}")

    def _name(self, key: str) -> str:
        return escape(self._names[key])

    def _line(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, soft_wrap=True)


def stage_words(document: Mapping[str, Any]) -> str:
    """Its stage in words, with what is counted there."""
    stage = str(document["stage"])
    words = WORDS.get(stage, stage)
    work = document.get("work") or {}
    for unit, stages in (("pages", {"reading"}), ("passages", {"embedding", "storing"})):
        total = work.get(f"{unit}_total")
        if stage in stages and total:
            return f"{words} {work.get(f'{unit}_done') or 0} of {total} {unit}"
    if document.get("detail") and stage != "failed":
        return f"{words}: {escape(str(document['detail']))}"
    return words


async def watch(
    api: GatewayApi, documents: str, keys: Mapping[str, str], bars: DocumentBars
) -> None:
    """Show documents (id by key) until each is ready or failed."""
    waiting = dict(keys)
    deadline = time.monotonic() + SECONDS_MAX
    while waiting:
        looked_at = list(waiting.items())[:ASKED_AT_ONCE]
        found = await asyncio.gather(*(_look(api, documents, each) for _, each in looked_at))
        for (key, _), document in zip(looked_at, found, strict=True):
            if document is None:
                bars.fail(key, "it was deleted meanwhile")
            document_id = waiting.pop(key)
            if document is not None and not bars.show(key, document):
                waiting[key] = document_id  # behind those that were not looked at
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(waiting)} documents are not searchable yet")
        if waiting:
            await asyncio.sleep(LOOK_SECONDS)


async def _look(api: GatewayApi, documents: str, document_id: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = await patiently(partial(api.get, f"{documents}/{document_id}"))
    except ApiProblem as problem:
        if problem.status == 404:
            return None
        raise
    return found
