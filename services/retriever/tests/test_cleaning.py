"""The cleaner never ends: its process would end with it, and every search."""

import asyncio
from typing import Any

from retriever.cleaning import Cleaner


async def test_it_goes_on_after_a_statement_that_failed(monkeypatch: Any) -> None:
    unused: Any = None
    cleaner = Cleaner(unused, unused)
    rounds = 0

    async def clean_piece() -> bool:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise TimeoutError("a statement took too long")
        return False

    monkeypatch.setattr(cleaner, "clean_piece", clean_piece)
    cleaning = asyncio.create_task(cleaner.clean())
    for _ in range(3):
        await asyncio.sleep(0.01)
        cleaner.wake()
    assert not cleaning.done()
    assert rounds >= 2
    cleaning.cancel()
