"""A database or vhost that a test had before is like new for the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import aiormq
import asyncpg
import pytest

from testkit import ServiceDatabase, Vhost
from testkit.service_databases import ServiceDatabases
from testkit.test_servers import TestServers
from testkit.vhost_pool import VhostPool

PACKAGES = ("outbox", "retriever")
QUEUE = "orchestrator.on.channel-ingress.message-changed.v1"
ROWS = """
insert into quarantine (queue, message_id, address, body, headers, attempts, error)
select 'q', gen_random_uuid(), 'a', 'b', '{}', 1, 'e' from generate_series(1, $1::int)
returning id
"""
NEXT_ID = ROWS.replace("$1::int", "1")


@pytest.fixture(scope="module")
def databases(servers: TestServers) -> Iterator[ServiceDatabases]:
    """Databases for this module alone: here it is known who had which."""
    made = ServiceDatabases(servers.postgres, left_to_rest=0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def vhosts(servers: TestServers) -> Iterator[VhostPool]:
    made = VhostPool(servers.amqp, servers.management, left_to_rest=0)
    yield made
    made.close()


def lent_after(pool: Any, used: Any, *arguments: str) -> Any:
    """Give it back and take what is lent next."""
    pool.give_back(used)
    return pool.lend(*arguments)


@pytest.mark.parametrize("rows", [3, 3_000])
async def test_a_database_lent_again_is_empty_and_its_sequences_start_again(
    databases: ServiceDatabases, rows: int
) -> None:
    used = databases.lend(*PACKAGES)
    connection = await asyncpg.connect(used.url)
    found = await connection.fetch(ROWS, rows)
    assert [row["id"] for row in found] == list(range(1, rows + 1))
    await connection.close()
    again = lent_after(databases, used, *PACKAGES)
    assert again.name == used.name
    connection = await asyncpg.connect(again.url)
    assert await connection.fetchval("select count(*) from quarantine") == 0
    assert await connection.fetchval(NEXT_ID) == 1
    size = await connection.fetchval("select pg_relation_size('quarantine')")
    assert size <= 80 * 1024, "dead rows are felt by whoever counts pages"
    await connection.close()
    databases.give_back(again)


@pytest.mark.parametrize(
    "change",
    [
        "create table left_behind (id int)",
        "alter table quarantine add column more text",
        "drop index quarantine_open",
        "alter table passages disable row level security",
        "alter policy tenant on passages using (true)",
        "create or replace function chat_tenant_visible(row_tenant uuid) returns boolean"
        " language sql stable as 'select true'",
        "grant truncate on quarantine to public",
        "create sequence left_behind",
        "update chat_migrations set file_name = 'other.sql' where number = 1",
        "analyze quarantine",
        "do $$ begin execute format('alter database %I set work_mem = 64', current_database());"
        " end $$",
    ],
)
async def test_what_changes_more_than_rows_does_not_leak(
    databases: ServiceDatabases, change: str
) -> None:
    used = databases.lend(*PACKAGES)
    connection = await asyncpg.connect(used.admin_url)
    await connection.fetch(NEXT_ID)
    await connection.execute(change)
    await connection.close()
    again = lent_after(databases, used, *PACKAGES)
    assert again.name != used.name
    databases.give_back(again)


async def test_a_database_that_somebody_still_uses_is_not_lent(
    databases: ServiceDatabases,
) -> None:
    used = databases.lend(*PACKAGES)
    holder = await asyncpg.connect(used.url)
    again = lent_after(databases, used, *PACKAGES)
    assert again.name != used.name
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await holder.fetchval("select 1")
    databases.give_back(again)


async def test_who_asks_for_a_fresh_database_gets_one_nobody_had(
    service_database: Callable[..., ServiceDatabase],
) -> None:
    names = {service_database("retriever", fresh=True).name for _ in range(2)}
    assert len(names) == 2
    assert service_database("retriever").name not in names


async def test_a_vhost_lent_again_holds_no_message(vhosts: VhostPool) -> None:
    used = vhosts.lend()
    connection = await aiormq.connect(used.url)
    channel = await connection.channel()
    for _ in range(3):
        await channel.basic_publish(b"left behind", exchange="", routing_key=QUEUE)
    await channel.basic_get(QUEUE)  # neither acknowledged nor rejected
    await connection.close()
    again = lent_after(vhosts, used)
    assert again.name == used.name
    assert await messages_in(again) == 0
    vhosts.give_back(again)


async def test_a_vhost_in_which_a_queue_was_made_or_lost_is_not_lent(vhosts: VhostPool) -> None:
    for change in ("queue_declare", "queue_delete"):
        used = vhosts.lend()
        connection = await aiormq.connect(used.url)
        channel = await connection.channel()
        name = QUEUE if change == "queue_delete" else "left behind"
        await getattr(channel, change)(name)
        await connection.close()
        again = lent_after(vhosts, used)
        assert again.name != used.name
        vhosts.give_back(again)


async def test_a_vhost_in_which_somebody_still_listens_is_not_lent(vhosts: VhostPool) -> None:
    used = vhosts.lend()
    connection = await aiormq.connect(used.url)
    channel = await connection.channel()
    await channel.basic_consume(QUEUE, ignore)
    again = await asyncio.to_thread(lent_after, vhosts, used)
    assert again.name != used.name
    vhosts.give_back(again)
    with pytest.raises(aiormq.exceptions.ConnectionClosed):
        await asyncio.wait_for(connection.closing, 20.0)


async def test_two_holders_never_share(databases: ServiceDatabases, vhosts: VhostPool) -> None:
    for _ in range(3):
        lent = [databases.lend(*PACKAGES) for _ in range(3)]
        assert len({database.name for database in lent}) == 3
        for database in lent:
            databases.give_back(database)
    lent_vhosts = [vhosts.lend() for _ in range(2)]
    assert len({vhost.name for vhost in lent_vhosts}) == 2
    for vhost in lent_vhosts:
        vhosts.give_back(vhost)


async def ignore(message: Any) -> None:
    """Hear nothing."""


async def messages_in(vhost: Vhost) -> int:
    connection = await aiormq.connect(vhost.url)
    channel = await connection.channel()
    found = await channel.queue_declare(QUEUE, passive=True)
    await connection.close()
    return int(found.message_count or 0)
