"""A running Meta simulator, a receiver of its webhooks and a caller with a token."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from simulators.meta import MetaSimulator, Settings
from simulators.webhook_receiver import WebhookReceiver


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture
async def quick(receiver: WebhookReceiver) -> AsyncIterator[MetaSimulator]:
    """Judges itself where Meta's file is at hand, says webhooks, and waits for nothing."""
    settings = Settings(
        whatsapp_webhook_url=receiver.url + "/whatsapp",
        messenger_webhook_url=receiver.url + "/messenger",
        status_delays_seconds={},
        webhook_backoff_seconds=0.01,
        template_review_seconds=0.0,
        judge=True,
    )
    async with MetaSimulator(settings) as simulator:
        yield simulator
        assert simulator.findings.found == []


@pytest.fixture
async def graph(quick: MetaSimulator) -> AsyncIterator[aiohttp.ClientSession]:
    """Calls the simulator with a token."""
    headers = {"Authorization": "Bearer a-token"}
    async with aiohttp.ClientSession(quick.url, headers=headers) as session:
        yield session
