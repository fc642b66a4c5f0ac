"""A fresh, migrated database of one service for each test that asks for it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from embedded import (
    RolePair,
    add_extension,
    create_database,
    drop_database,
    ensure_roles,
    url_for,
)
from postgres import migrate
from testkit.in_thread import in_thread

# The tables of the outbox stand in every service's database.
COMMON_PACKAGES = ("outbox",)


@dataclass(frozen=True)
class ServiceDatabase:
    """Addresses of one database: as the app role, as its owner, and as the superuser."""

    url: str
    owner_url: str
    admin_url: str
    name: str
    app_role: str


class ServiceDatabases:
    """Migrates each service once per run, then clones; `close` deletes all it made."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url
        self._mark = secrets.token_hex(4)
        self._roles: dict[tuple[str, ...], RolePair] = {}
        self._made: list[str] = []

    def fresh(self, *packages: str) -> ServiceDatabase:
        """Return a new database to which the migrations of these packages were applied."""
        return in_thread(self._fresh(packages))

    def drop(self, database: ServiceDatabase) -> None:
        """Delete one database, cutting its connections."""
        in_thread(self._drop([database.name]))
        self._made.remove(database.name)

    def close(self) -> None:
        """Delete every database and role that was made here."""
        in_thread(self._close())

    async def _fresh(self, packages: tuple[str, ...]) -> ServiceDatabase:
        admin = await asyncpg.connect(self._admin_url)
        try:
            if packages not in self._roles:
                await self._make_template(admin, packages)
            roles = self._roles[packages]
            name = f"t{self._mark}_{packages[-1]}_{len(self._made)}"
            await create_database(admin, name, roles, template=self._template(packages))
            self._made.append(name)
        finally:
            await admin.close()
        return self._described(name, roles)

    async def _make_template(
        self, admin: asyncpg.Connection[asyncpg.Record], packages: tuple[str, ...]
    ) -> None:
        stem = self._template(packages)
        roles = RolePair(
            owner=f"{stem}_owner",
            owner_password=secrets.token_hex(8),
            app=f"{stem}_app",
            app_password=secrets.token_hex(8),
        )
        await ensure_roles(admin, roles)
        await create_database(admin, stem, roles)
        await add_extension(self._admin_url, stem, "vector")
        self._made.append(stem)
        migrated = [package for package in packages if _has_migrations(package)]
        await migrate(self._described(stem, roles).owner_url, migrated, roles.app)
        self._roles[packages] = roles

    def _template(self, packages: tuple[str, ...]) -> str:
        return f"t{self._mark}_{'_'.join(packages)}"[:50]

    def _described(self, name: str, roles: RolePair) -> ServiceDatabase:
        return ServiceDatabase(
            url=url_for(self._admin_url, roles.app, roles.app_password, name),
            owner_url=url_for(self._admin_url, roles.owner, roles.owner_password, name),
            admin_url=self._admin_url.rpartition("/")[0] + f"/{name}",
            name=name,
            app_role=roles.app,
        )

    async def _drop(self, names: list[str]) -> None:
        admin = await asyncpg.connect(self._admin_url)
        try:
            for name in names:
                await drop_database(admin, name)
        finally:
            await admin.close()

    async def _close(self) -> None:
        await self._drop(self._made)
        admin = await asyncpg.connect(self._admin_url)
        try:
            for roles in self._roles.values():
                await admin.execute(f'drop role if exists "{roles.owner}", "{roles.app}"')
        finally:
            await admin.close()


def _has_migrations(package: str) -> bool:
    return files(package).joinpath("migrations").is_dir()
