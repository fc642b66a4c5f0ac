"""A service on a real database and broker that come late, and its migrations."""

import asyncio
from collections.abc import Callable

import pytest
from pydantic_settings import SettingsConfigDict

from bus import BrokerAway
from process import Life, ServiceSettings, wire
from process.migrations import apply_migrations
from testkit.service_databases import ServiceDatabase
from testkit.vhosts import Vhost


class Settings(ServiceSettings):
    """The settings of a small service."""

    model_config = SettingsConfigDict(env_prefix="CHAT_SMALL_")


@pytest.fixture
def settings(service_database: Callable[..., ServiceDatabase], amqp_vhost: Vhost) -> Settings:
    database = service_database("outbox")
    return Settings(
        database_url=database.url, owner_database_url=database.owner_url, amqp_url=amqp_vhost.url
    )


async def test_wired_service_is_ready_and_closes(settings: Settings) -> None:
    life = Life()
    async with asyncio.timeout(60):
        wiring = await wire(life, settings, "webhook-dispatcher")
        await wiring.start(life)
        assert set(life.checks) == {"postgres", "rabbitmq"}
        await wiring.bus.until_can_say()
        await life.checks["postgres"]()
        await life.checks["rabbitmq"]()
        await life.close()
    with pytest.raises(BrokerAway):
        await life.checks["rabbitmq"]()


async def test_a_service_waits_for_its_migrations(settings: Settings) -> None:
    life = Life(["outbox", "webhook_dispatcher"])
    async with asyncio.timeout(60):
        waiting = asyncio.create_task(wire(life, settings, "webhook-dispatcher"))
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        assert not done
        await apply_migrations(settings, ["outbox", "webhook_dispatcher"])
        await waiting
        await life.close()


async def test_migrating_twice_changes_nothing(settings: Settings) -> None:
    assert await apply_migrations(settings, ["outbox"]) == 0
    assert await apply_migrations(settings, ["outbox"]) == 0
