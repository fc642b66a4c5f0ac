"""Numbered plain SQL, applied once, in order, by the owner role.

Every database first gets the platform's own functions; then a package's `migrations/NNNN_words.sql`
run one by one, each in a transaction of its own. Concurrent runs wait for each other on an advisory
lock. The application role gets rights on the tables, never ownership, so that row-level security
binds it.
"""

import re
from importlib.resources import files

import asyncpg
import structlog

_LOCK = 7_240_311
_FILE = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")
_ROLE = re.compile(r"^[a-z_][a-z0-9_]*$")

_GROUND = """
create table if not exists chat_migrations (
    package text not null,
    number int not null,
    file_name text not null,
    applied_at timestamptz not null default now(),
    primary key (package, number)
);
create or replace function chat_tenant_visible(row_tenant uuid) returns boolean
language sql stable parallel safe as $$
    select row_tenant = nullif(current_setting('chat.tenant', true), '')::uuid
        or current_setting('chat.scope', true) = 'platform'
$$;
"""

_log = structlog.get_logger()


class MigrationFailed(Exception):
    """A migration file could not be applied; the database is as it was before that file."""


async def migrate(owner_dsn: str, packages: list[str], app_role: str) -> list[str]:
    """Bring a database up to date; answers the names of the files applied now."""
    if not _ROLE.match(app_role):
        raise MigrationFailed(f"not a role name: {app_role!r}")
    connection = await asyncpg.connect(owner_dsn)
    try:
        await connection.execute("select pg_advisory_lock($1::bigint)", _LOCK)
        await connection.execute(_GROUND)
        applied = [name for package in packages for name in await _apply(connection, package)]
        await _grant(connection, app_role)
        return applied
    finally:
        await connection.close()


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", package: str) -> list[str]:
    done = {
        row["number"]: row["file_name"]
        for row in await connection.fetch(
            "select number, file_name from chat_migrations where package = $1::text", package
        )
    }
    applied = []
    for number, name, sql in _due(package, done):
        try:
            async with connection.transaction():
                await connection.execute(sql)
                await connection.execute(
                    "insert into chat_migrations (package, number, file_name)"
                    " values ($1::text, $2::int, $3::text)",
                    package,
                    number,
                    name,
                )
        except asyncpg.PostgresError as error:
            raise MigrationFailed(f"{package}/{name}: {error}") from error
        _log.info("migration applied", package=package, file=name)
        applied.append(f"{package}/{name}")
    return applied


def _due(package: str, done: dict[int, str]) -> list[tuple[int, str, str]]:
    """The files that are not applied yet; one under a taken number would never be."""
    files_now = _files(package)
    for number, name, _ in files_now:
        if done.get(number, name) != name:
            raise MigrationFailed(
                f"{package}/{name}: the database has {done[number]} under this number; "
                "a file that was applied somewhere keeps its number and name"
            )
    return [one for one in files_now if one[0] not in done]


def _files(package: str) -> list[tuple[int, str, str]]:
    found = [
        (int(match.group(1)), entry.name, entry.read_text("utf-8"))
        for entry in files(package).joinpath("migrations").iterdir()
        if (match := _FILE.match(entry.name))
    ]
    numbers = [number for number, _, _ in found]
    if len(set(numbers)) != len(numbers):
        raise MigrationFailed(f"{package}: two migrations share a number")
    return sorted(found)


async def _grant(connection: "asyncpg.Connection[asyncpg.Record]", role: str) -> None:
    await connection.execute(
        f"""
        grant usage on schema public to {role};
        grant select, insert, update, delete on all tables in schema public to {role};
        grant usage on all sequences in schema public to {role};
        revoke all on chat_migrations from {role};
        grant select on chat_migrations to {role};
        """
    )
