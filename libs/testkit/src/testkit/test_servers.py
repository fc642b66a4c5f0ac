"""Finding real servers for tests: given addresses, else containers, else the embedded ones."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from embedded import ServerSet

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

GIVEN = {
    "postgres": "CHAT_TEST_POSTGRES_URL",
    "amqp": "CHAT_TEST_AMQP_URL",
    "management": "CHAT_TEST_RABBITMQ_MANAGEMENT_URL",
    "redis": "CHAT_TEST_REDIS_URL",
}
POSTGRES_IMAGE = "pgvector/pgvector:pg18"
RABBITMQ_IMAGE = "rabbitmq:4-management"
REDIS_IMAGE = "redis:8"
DOCKER_PROBE_SECONDS = 5.0


@dataclass(frozen=True)
class TestServers:
    """Administrators' addresses of the servers that tests use, and where they come from."""

    __test__ = False

    postgres: str
    amqp: str
    management: str
    redis: str
    origin: str


@contextmanager
def test_servers(folder: Path) -> Iterator[TestServers]:
    """Yield servers for one run of tests; embedded ones live under `folder`."""
    given = {key: os.environ.get(variable, "") for key, variable in GIVEN.items()}
    if given["amqp"] and not given["management"]:
        parts = urlsplit(given["amqp"])
        account = parts.netloc.rpartition("@")[0]
        given["management"] = f"http://{account}@{parts.hostname}:15672"
    missing = [key for key, url in given.items() if not url]
    if not missing:
        yield TestServers(**given, origin="given addresses")
        return
    with ExitStack() as stack:
        if docker_answers():
            found = stack.enter_context(_containers(missing))
            origin = "containers"
        else:
            found = stack.enter_context(_embedded(folder))
            origin = "embedded servers"
        urls = {key: given[key] or found[key] for key in given}
        yield TestServers(**urls, origin=origin)


test_servers.__test__ = False  # type: ignore[attr-defined]  # a name pytest would collect


def docker_answers() -> bool:
    """Tell whether a Docker engine answers."""
    try:
        done = subprocess.run(
            ["docker", "info", "--format", "{{.ServerVersion}}"],
            check=False,
            capture_output=True,
            timeout=DOCKER_PROBE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@contextmanager
def _embedded(folder: Path) -> Iterator[dict[str, str]]:
    """Start or share the servers under `folder`; the last run that uses them stops them.

    A file `keep` in the folder leaves them running for the next run.
    """
    servers = ServerSet(folder, durable=False)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users").open("a") as users:
        with servers.locked():
            fcntl.flock(users, fcntl.LOCK_SH)
        urls = servers.start()
        try:
            yield vars(urls)
        finally:
            with servers.locked():
                fcntl.flock(users, fcntl.LOCK_UN)
                if not (folder / "keep").exists() and _nobody_else(users.fileno()):
                    servers.stop()


def _nobody_else(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _containers(missing: list[str]) -> Iterator[dict[str, str]]:
    """Start the containers that are missing, at ports that Docker chooses."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs

    found: dict[str, str] = {}
    with ExitStack() as stack:
        if "postgres" in missing:
            container = DockerContainer(POSTGRES_IMAGE).with_exposed_ports(5432)
            container = container.with_env("POSTGRES_PASSWORD", "test")
            stack.enter_context(container)
            wait_for_logs(container, "ready to accept connections.*ready to accept connections")
            found["postgres"] = f"postgresql://postgres:test@{_address(container, 5432)}/postgres"
        if "amqp" in missing:
            container = DockerContainer(RABBITMQ_IMAGE).with_exposed_ports(5672, 15672)
            stack.enter_context(container)
            wait_for_logs(container, "Server startup complete", timeout=120)
            found["amqp"] = f"amqp://guest:guest@{_address(container, 5672)}/%2F"
            found["management"] = f"http://guest:guest@{_address(container, 15672)}"
        if "redis" in missing:
            container = DockerContainer(REDIS_IMAGE).with_exposed_ports(6379)
            stack.enter_context(container)
            wait_for_logs(container, "Ready to accept connections")
            found["redis"] = f"redis://{_address(container, 6379)}/0"
        yield found


def _address(container: DockerContainer, port: int) -> str:
    return f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}"
