"""Orchestrator over a real database, with everybody else played by the tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from contracts.v1.knowledge import FoundPassage
from contracts.v1.models import ReplyGenerated
from contracts.v1.tenants import TenantSettings
from postgres import Database

from .desk import Desk, Gate, found_passage, reply


@pytest.fixture
def gate() -> Gate:
    """Return a model that answers only when it is told to."""
    return Gate()


@pytest.fixture
def say_reply() -> Callable[..., ReplyGenerated]:
    """Return the maker of llm-router's answers."""
    return reply


@pytest.fixture
def passage() -> Callable[..., FoundPassage]:
    """Return the maker of retriever's passages."""
    return found_passage


@pytest.fixture
async def orchestrator_database(service_database: Any) -> AsyncIterator[Database]:
    """Return a fresh database of this service."""
    made = service_database("orchestrator")
    database = await Database.connect(made.url, name="orchestrator-test", size_max=12)
    yield database
    await database.close()


@pytest.fixture
async def desk(
    orchestrator_database: Database, recording_bus: Any, tenant_settings: TenantSettings
) -> AsyncIterator[Desk]:
    """Return a configured tenant with one channel and a service over it."""
    made = Desk(orchestrator_database, recording_bus, tenant_settings, lease_seconds=60.0)
    await made.configure()
    yield made
    await made.parts.runner.stop(grace_seconds=0.0)


@pytest.fixture
async def short_lease_desk(
    orchestrator_database: Database, recording_bus: Any, tenant_settings: TenantSettings
) -> AsyncIterator[Desk]:
    """Return a desk whose leases run out after half a second."""
    made = Desk(orchestrator_database, recording_bus, tenant_settings, lease_seconds=0.5)
    await made.configure()
    yield made
    await made.parts.runner.stop(grace_seconds=0.0)
