"""The pytest fixtures, registered by the entry point `chat-testkit`.

Servers: `CHAT_TEST_POSTGRES_URL`, `CHAT_TEST_AMQP_URL` (with `CHAT_TEST_RABBITMQ_MANAGEMENT_URL`)
and `CHAT_TEST_REDIS_URL` where given; else containers where Docker answers; else embedded ones,
started once and shared between runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from testkit.clock import NOON, FakeClock
from testkit.failpoint_plan import FailpointPlan
from testkit.processes import ProcessHarness
from testkit.recording_bus import RecordingBus
from testkit.service_databases import COMMON_PACKAGES, ServiceDatabase, ServiceDatabases
from testkit.test_servers import TestServers, test_servers
from testkit.vhost_pool import VhostPool
from testkit.vhosts import Vhost, fresh_vhost

FOLDER_VARIABLE = "CHAT_TEST_FOLDER"
REAL_SERVERS = frozenset({"servers"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses a real server as `integration`."""
    for item in items:
        if REAL_SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[TestServers]:
    """Return addresses of the real servers, as administrator."""
    folder = os.environ.get(FOLDER_VARIABLE)
    place = Path(folder) if folder else request.config.rootpath / ".chat" / "test-servers"
    with test_servers(place) as found:
        yield found


@pytest.fixture(scope="session")
def postgres_admin_url(servers: TestServers) -> str:
    """Return the superuser's address of the test database server."""
    return servers.postgres


@pytest.fixture(scope="session")
def _databases(servers: TestServers) -> Iterator[ServiceDatabases]:
    databases = ServiceDatabases(servers.postgres)
    yield databases
    databases.close()


@pytest.fixture
def service_database(
    _databases: ServiceDatabases,
) -> Iterator[Callable[..., ServiceDatabase]]:
    """Return a function: `service_database("orchestrator")` -> an empty, migrated database.

    The argument is an import name; more packages may follow. The outbox's tables are always there.
    Another test may have had it before; `fresh=True` gives one that was just made.
    """
    lent: list[ServiceDatabase] = []

    def lend(*packages: str, fresh: bool = False) -> ServiceDatabase:
        every = tuple(dict.fromkeys((*COMMON_PACKAGES, *packages)))
        lent.append(_databases.fresh(*every) if fresh else _databases.lend(*every))
        return lent[-1]

    yield lend
    for database in lent:
        _databases.give_back(database)


@pytest.fixture
def empty_vhost(servers: TestServers) -> Iterator[Vhost]:
    """Return a fresh vhost with nothing in it."""
    vhost = fresh_vhost(servers.amqp, servers.management)
    yield vhost
    vhost.administration.delete_vhost(vhost.name)


@pytest.fixture(scope="session")
def _vhosts(servers: TestServers) -> Iterator[VhostPool]:
    vhosts = VhostPool(servers.amqp, servers.management)
    yield vhosts
    vhosts.close()


@pytest.fixture
def amqp_vhost(_vhosts: VhostPool) -> Iterator[Vhost]:
    """Return a vhost in which the catalogue's exchanges and queues are declared, and empty."""
    vhost = _vhosts.lend()
    yield vhost
    _vhosts.give_back(vhost)


@pytest.fixture
def redis_url(servers: TestServers) -> Iterator[str]:
    """Return the address of an emptied Redis database."""
    import redis

    place, _, _ = servers.redis.rpartition("/")
    url = f"{place}/{_redis_database(servers.redis)}"
    client = redis.Redis.from_url(url)
    client.flushdb()
    yield url
    client.flushdb()
    client.close()


def _redis_database(url: str) -> int:
    """Return a database number for this process, so that two runs share a server in peace."""
    given = urlsplit(url).path.strip("/")
    return os.getpid() % 63 + 1 if given in {"", "0"} else int(given)


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still at noon."""
    return FakeClock(NOON)


@pytest.fixture
def recording_bus() -> RecordingBus:
    """Return a bus that keeps what is said."""
    return RecordingBus()


@pytest.fixture
def failpoints() -> FailpointPlan:
    """Return the means to arm failpoints, here or in a child."""
    return FailpointPlan()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[ProcessHarness]:
    """Return a starter of real service processes; all of them end with the test."""
    harness = ProcessHarness(tmp_path / "processes")
    yield harness
    harness.close()
