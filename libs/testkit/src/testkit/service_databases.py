"""A migrated, empty database of one service for each test that asks for it."""

from __future__ import annotations

import itertools
import secrets
from collections import defaultdict, deque
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
from testkit.emptying import Birthmark, Emptying
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


@dataclass(frozen=True)
class Origin:
    """What a database was cloned from."""

    packages: tuple[str, ...]
    birthmark: Birthmark


class ServiceDatabases:
    """Migrates each service once per run, then clones; `close` deletes all it made.

    A database that was lent and given back is emptied and lent again when it is needed; one whose
    schema, grants or migrated rows a test changed, or that somebody still uses, is deleted instead.
    """

    def __init__(self, admin_url: str, *, left_to_rest: int = 1) -> None:
        self._admin_url = admin_url
        self._left_to_rest = left_to_rest
        self._mark = secrets.token_hex(4)
        self._numbers = itertools.count()
        self._roles: dict[tuple[str, ...], RolePair] = {}
        self._made: list[str] = []
        self._emptying = Emptying()
        self._origins: dict[str, Origin] = {}
        self._resting: defaultdict[tuple[str, ...], deque[ServiceDatabase]] = defaultdict(deque)

    def fresh(self, *packages: str) -> ServiceDatabase:
        """Return a new database to which the migrations of these packages were applied."""
        return in_thread(self._fresh(packages))

    def lend(self, *packages: str) -> ServiceDatabase:
        """Return an empty database with these migrations that nobody else has; it may be used."""
        return in_thread(self._lend(packages))

    def give_back(self, database: ServiceDatabase) -> None:
        """Take back a database that was lent; delete any other."""
        origin = self._origins.get(database.name)
        if origin is None:
            self.drop(database)
        else:
            self._resting[origin.packages].append(database)

    def drop(self, database: ServiceDatabase) -> None:
        """Delete one database, cutting its connections."""
        in_thread(self._drop([database.name]))

    def close(self) -> None:
        """Delete every database and role that was made here."""
        in_thread(self._close())

    async def _lend(self, packages: tuple[str, ...]) -> ServiceDatabase:
        resting = self._resting[packages]
        # The last one rests, so that what its user closed has time to be gone.
        while len(resting) > self._left_to_rest:
            database = resting.popleft()
            birthmark = self._origins[database.name].birthmark
            if await self._emptying.as_new(database.admin_url, birthmark):
                return database
            await self._drop([database.name])
        database = await self._fresh(packages)
        birthmark = await self._emptying.birthmark(database.admin_url)
        self._origins[database.name] = Origin(packages, birthmark)
        return database

    async def _fresh(self, packages: tuple[str, ...]) -> ServiceDatabase:
        admin = await asyncpg.connect(self._admin_url)
        try:
            if packages not in self._roles:
                await self._make_template(admin, packages)
            roles = self._roles[packages]
            name = f"t{self._mark}_{packages[-1]}_{next(self._numbers)}"
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
                self._made.remove(name)
                self._origins.pop(name, None)
        finally:
            await admin.close()

    async def _close(self) -> None:
        await self._drop(list(self._made))
        admin = await asyncpg.connect(self._admin_url)
        try:
            for roles in self._roles.values():
                await admin.execute(f'drop role if exists "{roles.owner}", "{roles.app}"')
        finally:
            await admin.close()


def _has_migrations(package: str) -> bool:
    return files(package).joinpath("migrations").is_dir()
