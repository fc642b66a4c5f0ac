"""Databases and login roles on a Postgres server that we administer."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg


@dataclass(frozen=True)
class RolePair:
    """Two login roles: the owner migrates, the app reads and writes under row-level security."""

    owner: str
    owner_password: str
    app: str
    app_password: str


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def url_for(admin_url: str, role: str, password: str, database: str) -> str:
    """Return the address of `database` on the same server, as another role."""
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{quote(role, safe='')}:{quote(password, safe='')}@{host}"
    return urlunsplit((parts.scheme, netloc, f"/{database}", parts.query, ""))


async def ensure_roles(admin: asyncpg.Connection[asyncpg.Record], roles: RolePair) -> None:
    """Create both roles, or set their passwords when they exist."""
    for name, password in ((roles.owner, roles.owner_password), (roles.app, roles.app_password)):
        known = await admin.fetchval("select 1 from pg_roles where rolname = $1", name)
        verb = "alter" if known else "create"
        literal = await admin.fetchval("select quote_literal($1::text)", password)
        await admin.execute(
            f"{verb} role {_quoted(name)} with login nosuperuser nocreatedb nocreaterole "
            f"nobypassrls noreplication password {literal}"
        )


async def create_database(
    admin: asyncpg.Connection[asyncpg.Record],
    name: str,
    roles: RolePair,
    template: str | None = None,
) -> None:
    """Create a database (unless it exists) that only these two roles may connect to."""
    known = await admin.fetchval("select 1 from pg_database where datname = $1", name)
    if not known:
        source = f" template {_quoted(template)}" if template else ""
        await admin.execute(f"create database {_quoted(name)} owner {_quoted(roles.owner)}{source}")
    await admin.execute(f"revoke all on database {_quoted(name)} from public")
    for role in (roles.owner, roles.app):
        await admin.execute(f"grant connect on database {_quoted(name)} to {_quoted(role)}")


async def add_extension(admin_url: str, database: str, extension: str) -> None:
    """Create an extension in a database as superuser: not every build lets the owner do it."""
    parts = urlsplit(admin_url)
    url = urlunsplit((parts.scheme, parts.netloc, f"/{database}", parts.query, ""))
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"create extension if not exists {_quoted(extension)}")
    finally:
        await connection.close()


async def drop_database(admin: asyncpg.Connection[asyncpg.Record], name: str) -> None:
    """Delete a database, cutting whoever is connected to it."""
    await admin.execute(f"drop database if exists {_quoted(name)} with (force)")


async def close_public_databases(admin: asyncpg.Connection[asyncpg.Record]) -> None:
    """Take the right to connect to the server's own databases from everybody but superusers."""
    for name in ("postgres", "template1"):
        await admin.execute(f"revoke connect on database {_quoted(name)} from public")
