"""The fixtures give real servers, fresh places in them, and take them away again."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import aio_pika
import asyncpg
import pytest
import redis

from contracts.topology import queues
from testkit import ServiceDatabase, TcpProxy, Vhost


async def test_app_role_is_no_owner_and_no_superuser(
    service_database: Callable[..., ServiceDatabase],
) -> None:
    database = service_database()
    connection = await asyncpg.connect(database.url)
    row = await connection.fetchrow(
        "select rolsuper, rolbypassrls from pg_roles where rolname = current_user"
    )
    assert row is not None
    assert tuple(row) == (False, False)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("create table mine (id int)")
    await connection.close()


async def test_a_role_is_refused_by_every_other_database(
    service_database: Callable[..., ServiceDatabase],
) -> None:
    mine, other = service_database(), service_database("retriever")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(mine.url.replace(f"/{mine.name}", f"/{other.name}"))


async def test_vhost_holds_the_catalogue(amqp_vhost: Vhost) -> None:
    connection = await aio_pika.connect_robust(amqp_vhost.url)
    async with connection:
        channel = await connection.channel()
        for queue in queues():
            await channel.declare_queue(queue.name, passive=True)


def test_redis_is_empty(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    assert client.dbsize() == 0
    client.set("left", "behind")
    client.close()


async def test_proxy_cuts_and_swallows(postgres_admin_url: str) -> None:
    host, _, port = postgres_admin_url.rpartition("@")[2].partition("/")[0].partition(":")
    async with TcpProxy(host, int(port)) as proxy:
        through = postgres_admin_url.replace(f":{port}/", f":{proxy.port}/")
        connection = await asyncpg.connect(through)
        assert await connection.fetchval("select 1") == 1
        proxy.blackhole = True
        with pytest.raises(TimeoutError):
            await connection.fetchval("select 2", timeout=0.2)
        assert proxy.cut() > 0
        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
            await connection.fetchval("select 3")
        proxy.refuse = True
        with pytest.raises((OSError, asyncpg.PostgresConnectionError)):
            await asyncpg.connect(through, timeout=2.0)


async def test_proxy_delays() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(10))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with TcpProxy("127.0.0.1", port) as proxy:
        proxy.latency_seconds = 0.1
        loop = asyncio.get_running_loop()
        started = loop.time()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"x")
        assert await reader.read(1) == b"x"
        assert loop.time() - started >= 0.2
        writer.close()
    server.close()
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection(("127.0.0.1", proxy.port), 0.5),
    ):
        pass
