"""A worker never ends: its process would end with it, and the other workers' jobs."""

import asyncio
from typing import Any

from rag_indexer.worker import Worker, WorkerRule


async def test_it_goes_on_after_a_round_that_failed(monkeypatch: Any) -> None:
    unused: Any = None
    worker = Worker(unused, unused, unused, unused, WorkerRule(poll_seconds=0.01))
    rounds = 0

    async def work_once() -> bool:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise TimeoutError("a statement took too long")
        return False

    monkeypatch.setattr(worker, "work_once", work_once)
    working = asyncio.create_task(worker.work())
    await asyncio.sleep(0.1)
    assert not working.done()
    assert rounds >= 2
    working.cancel()
