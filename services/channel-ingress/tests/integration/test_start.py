"""The process begins only when there is something to work with."""

from __future__ import annotations

import asyncio

import asyncpg

from channel_ingress.__main__ import start
from channel_ingress.config import Settings
from process import Life

from .world import Neighbours

PACKAGE = "channel_ingress"
MARK = "update chat_migrations set number = number + $2::int where package = $1::text"


async def test_it_waits_for_its_migrations(settings: Settings, neighbours: Neighbours) -> None:
    """Heard without tables, a message would be thrown back twenty times, into the dead letters."""
    owner = await asyncpg.connect(settings.owner_database_url)
    await owner.execute(MARK, PACKAGE, -1000)
    life = Life(("outbox", PACKAGE))
    starting = asyncio.create_task(start(settings, life))
    try:
        early, _ = await asyncio.wait([starting], timeout=1.5)
        assert not early
        await owner.execute(MARK, PACKAGE, 1000)
        await asyncio.wait_for(starting, 20)
    finally:
        starting.cancel()
        await life.close()
        await owner.close()
