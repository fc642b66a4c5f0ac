"""The door's queue while the database stands still."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from contracts.v1.shapes import PLATFORM
from gateway.domain import Delivery
from gateway.intake import Intake

UNUSED: Any = None


class Stalled:
    @asynccontextmanager
    async def system(self) -> AsyncIterator[None]:
        await asyncio.sleep(30)
        yield


def delivery() -> Delivery:
    return Delivery(
        delivery_id=uuid4(),
        tenant_id=PLATFORM,
        channel_type="whatsapp",
        channel_id=None,
        source="meta",
        received_at=datetime.now(UTC),
        object_kind=None,
        signature="hmac_sha256",
        body=b"{}",
        body_sha256=None,
        client_message_id=None,
    )


async def test_bodies_that_nobody_waits_for_do_not_pile_up() -> None:
    stalled: Any = Stalled()
    queries: Any = {"keep_deliveries": ""}
    intake = Intake(stalled, UNUSED, UNUSED, queries)
    for _ in range(6):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await intake.keep(delivery())
    assert intake._waiting == []
    for task in intake._committing:
        task.cancel()
