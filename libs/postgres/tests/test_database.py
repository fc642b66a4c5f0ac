"""Row-level security and transactions against a real Postgres."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from postgres import Database, DatabaseAway, MigrationFailed, Queries, QueryMissing, migrate
from testkit import eventually_async

TABLE = """
create table notes (tenant_id uuid not null, words text not null);
alter table notes enable row level security;
alter table notes force row level security;
create policy by_tenant on notes using (chat_tenant_visible(tenant_id))
    with check (chat_tenant_visible(tenant_id));
"""


@pytest.fixture
async def database(service_database):
    made = service_database("outbox")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute(TABLE)
    await owner.execute(f'grant select, insert on notes to "{made.app_role}"')
    await owner.close()
    opened = await Database.connect(made.url, name="test", size_max=4)
    yield opened
    await opened.close()


async def test_a_transaction_sees_its_tenant_only(database):
    ours, theirs = uuid4(), uuid4()
    for tenant in (ours, theirs):
        async with database.transaction(tenant) as tx:
            await tx.execute("insert into notes values ($1::uuid, $2::text)", tenant, str(tenant))
    async with database.transaction(ours) as tx:
        rows = await tx.fetch("select words from notes")
    assert [row["words"] for row in rows] == [str(ours)]
    async with database.system() as tx:
        assert await tx.fetchval("select count(*) from notes") == 2


async def test_a_row_of_another_tenant_cannot_be_written(database):
    async with database.transaction(uuid4()) as tx:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tx.execute("insert into notes values ($1::uuid, 'x')", uuid4())
        with pytest.raises(asyncpg.InFailedSQLTransactionError):
            await tx.fetch("select 1")


async def test_without_a_scope_there_are_no_rows(database):
    async with database.system() as tx:
        await tx.execute("insert into notes values ($1::uuid, 'x')", uuid4())
    connection = await asyncpg.connect(database.dsn)
    assert await connection.fetchval("select count(*) from notes") == 0
    await connection.close()


async def test_two_tenants_on_one_connection_never_mix(service_database, database):
    one = await Database.connect(database.dsn, name="one", size_max=1)
    ours, theirs = uuid4(), uuid4()
    for turn in range(300):
        tenant = ours if turn % 2 else theirs
        async with one.transaction(tenant) as tx:
            await tx.execute("insert into notes values ($1::uuid, $2::text)", tenant, str(tenant))
            seen = await tx.fetch("select distinct words from notes")
            assert [row["words"] for row in seen] == [str(tenant)]
    await one.close()


async def test_what_follows_a_commit_does_not_follow_a_rollback(database):
    done: list[str] = []
    async with database.transaction(uuid4()) as tx:
        tx.after_commit.append(lambda: done.append("kept"))
        assert done == []
    with pytest.raises(KeyError):
        async with database.transaction(uuid4()) as tx:
            tx.after_commit.append(lambda: done.append("lost"))
            raise KeyError
    assert done == ["kept"]


async def test_a_killed_connection_says_that_the_database_is_away(database, servers):
    admin = await asyncpg.connect(servers.postgres)
    with pytest.raises(DatabaseAway):
        async with database.system() as tx:
            pid = await tx.fetchval("select pg_backend_pid()")
            await admin.execute("select pg_terminate_backend($1::int)", pid)
            await tx.fetchval("select pg_sleep(2)")
    await admin.close()
    await database.check()


async def test_a_connection_killed_between_two_statements_says_so_too(database, servers):
    """The pool takes such a connection back before the next statement is sent."""
    admin = await asyncpg.connect(servers.postgres)
    with pytest.raises(DatabaseAway):
        async with database.system() as tx:
            pid = await tx.fetchval("select pg_backend_pid()")
            taken = tx.connection
            await admin.execute("select pg_terminate_backend($1::int)", pid)
            await eventually_async(lambda: taken._con is None, "the pool taking it back")
            await tx.fetchval("select 1")
    await admin.close()
    await database.check()


async def test_a_server_that_became_a_standby_is_away(database):
    """Not the statement's fault: whoever waits for the database waits for this, too."""
    tenant = uuid4()
    with pytest.raises(DatabaseAway):
        async with database.transaction(tenant) as tx:
            await tx.execute("set transaction read only")
            await tx.execute("insert into notes values ($1::uuid, 'x')", tenant)
    async with database.transaction(tenant) as tx:
        await tx.execute("insert into notes values ($1::uuid, 'y')", tenant)


async def test_an_exhausted_pool_answers_within_seconds(database):
    small = await Database.connect(database.dsn, name="small", size_max=1)
    async with small.system():
        async with asyncio.timeout(4):
            with pytest.raises(DatabaseAway):
                async with small.system():
                    pass
    await small.close()


async def test_an_unreachable_server_is_away():
    with pytest.raises(DatabaseAway):
        await Database.connect("postgresql://nobody@127.0.0.1:1/none", name="test")


async def test_migrations_run_once_even_at_once(service_database):
    made = service_database("outbox")
    applied = await asyncio.gather(
        *(migrate(made.owner_url, ["outbox"], made.app_role) for _ in range(3))
    )
    assert applied == [[], [], []]


async def test_a_role_name_cannot_carry_sql(service_database):
    made = service_database("outbox")
    with pytest.raises(MigrationFailed):
        await migrate(made.owner_url, ["outbox"], "app; drop table outbox")


async def test_a_renumbered_migration_is_refused_by_name(service_database):
    made = service_database("outbox")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("update chat_migrations set file_name = '0001_other.sql' where number = 1")
    await owner.close()
    with pytest.raises(MigrationFailed, match=r"has 0001_other\.sql under this number"):
        await migrate(made.owner_url, ["outbox"], made.app_role)


def test_a_query_that_is_not_there_is_named():
    queries = Queries("outbox")
    assert "for update skip locked" in queries["claim_due"]
    with pytest.raises(QueryMissing, match="nothing_here"):
        queries["nothing_here"]
