"""What a running service holds, in the order it was opened; closed in the reverse order."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Final, TypeVar

import observe

T = TypeVar("T")

EXIT_CONFIGURATION: Final = 78
_FIRST_WAIT_SECONDS: Final = 0.2
_LONGEST_WAIT_SECONDS: Final = 5.0

_log = observe.get_logger("process")


class Life:
    """The resources and tasks of one process, and what its readiness is judged by."""

    def __init__(self, migrations: Sequence[str] = ()) -> None:
        self.checks: dict[str, observe.Check] = {}
        self.migrations = tuple(migrations)
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[object]] = set()
        self._stop_wanted = asyncio.Event()
        self._failure: BaseException | None = None
        self._closing = False

    async def reach(
        self,
        name: str,
        connect: Callable[[], Awaitable[T]],
        *,
        retry_on: tuple[type[Exception], ...] = (OSError, TimeoutError),
    ) -> T:
        """Connect to something that may not be up yet: try until it answers or we are stopped.

        An error whose `exit_code` is 78 is not waited out: no retry will help.
        """
        wait_seconds = _FIRST_WAIT_SECONDS
        while True:
            try:
                result = await connect()
            except retry_on as error:
                if getattr(error, "exit_code", None) == EXIT_CONFIGURATION:
                    raise
                _log.warning(
                    "waiting for a dependency",
                    dependency=name,
                    reason=f"{type(error).__name__}: {error}",
                    next_try_seconds=round(wait_seconds, 1),
                )
            else:
                _log.info("dependency reached", dependency=name)
                return result
            await asyncio.sleep(wait_seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            wait_seconds = min(wait_seconds * 2, _LONGEST_WAIT_SECONDS)

    def check(self, name: str, probe: observe.Check) -> None:
        """Make readiness depend on this probe, which raises when something is wrong."""
        self.checks[name] = probe

    def closing(self, close: Callable[[], Awaitable[object]]) -> None:
        """Await `close` at the end: what was registered last is closed first."""
        self._stack.push_async_callback(close)

    async def enter(self, resource: AbstractAsyncContextManager[T]) -> T:
        """Enter a context now and leave it at the end."""
        return await self._stack.enter_async_context(resource)

    def background(self, name: str, work: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
        """Run a task for the whole life: its failure ends the process, the drain cancels it."""
        task: asyncio.Task[object] = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._background_ended)
        self.closing(lambda: _cancelled(task))
        return task

    def stop(self) -> None:
        """Begin to drain, as SIGTERM does."""
        self._stop_wanted.set()

    async def until_stopped(self) -> None:
        """Wait for the signal to stop; raises what a background task died of."""
        await self._stop_wanted.wait()
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Close everything in the reverse order of its opening."""
        self._closing = True
        await self._stack.aclose()

    def _background_ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if self._closing:
            return
        cancelled = RuntimeError(f"{task.get_name()} was cancelled from inside")
        error = cancelled if task.cancelled() else task.exception()
        if error is not None and self._failure is None:
            self._failure = error
        self._stop_wanted.set()


async def _cancelled(task: asyncio.Task[object]) -> None:
    if not task.done():
        task.cancel()
    await asyncio.wait([task])
