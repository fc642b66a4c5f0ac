"""The three servers together, in one folder, shared by whoever asks for that folder."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded.postgres_server import PostgresServer
from embedded.rabbitmq_server import RabbitServer
from embedded.redis_server import RedisServer


@dataclass(frozen=True)
class ServerUrls:
    """Administrators' addresses of the running servers."""

    postgres: str
    amqp: str
    management: str
    redis: str


class ServerSet:
    """PostgreSQL, RabbitMQ and Redis under `folder`; `durable=False` for tests."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self.postgres = PostgresServer(self.folder / "postgres", durable=durable)
        self.rabbitmq = RabbitServer(
            self.folder / "rabbitmq", unpack_into=self.folder.parent / "rabbitmq-programs"
        )
        self.redis = RedisServer(self.folder / "redis")

    @property
    def all(self) -> tuple[RabbitServer, RedisServer, PostgresServer]:
        """The servers in the order in which they are stopped."""
        return self.rabbitmq, self.redis, self.postgres

    def start(self) -> ServerUrls:
        """Start what does not run, all at once, and wait until each answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.locked(), ThreadPoolExecutor(len(self.all)) as pool:
            for started in [pool.submit(server.start) for server in self.all]:
                started.result()
            self.rabbitmq.administration().wait_ready()
        return self.urls()

    def urls(self) -> ServerUrls:
        """Return the addresses; the servers must have been started once."""
        return ServerUrls(
            postgres=self.postgres.url(),
            amqp=self.rabbitmq.url(),
            management=self.rabbitmq.management_url(),
            redis=self.redis.url(),
        )

    def stop(self) -> None:
        """Stop all of them; their data stay."""
        with ThreadPoolExecutor(len(self.all)) as pool:
            list(pool.map(lambda server: server.stop(), self.all))

    def forget(self) -> None:
        """Stop all of them and delete their data."""
        with ThreadPoolExecutor(len(self.all)) as pool:
            list(pool.map(lambda server: server.forget(), self.all))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder alone, so that two runs do not start the same server twice."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
