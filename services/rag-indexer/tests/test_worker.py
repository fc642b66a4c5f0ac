"""A worker never ends: its process would end with it, and the other workers' jobs."""

import asyncio
from typing import Any

from rag_indexer.worker import Worker, WorkerRule


async def test_it_goes_on_after_a_round_that_failed(monkeypatch: Any) -> None:
    unused: Any = None
    worker = Worker(*[unused] * 7, WorkerRule(poll_seconds=0.01))
    rounds, went_on = 0, asyncio.Event()

    async def work_once() -> bool:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise TimeoutError("a statement took too long")
        went_on.set()
        return False

    monkeypatch.setattr(worker, "work_once", work_once)
    working = asyncio.create_task(worker.work())
    await asyncio.wait_for(went_on.wait(), 20)
    assert not working.done()
    working.cancel()
