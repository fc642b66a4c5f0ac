"""`python -m <service> migrate`: bring the service's database up to date, as its owner.

A service that starts first waits until the migrations it was written for are applied; newer ones
are welcome, because yesterday's code runs on today's schema.
"""

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Final
from urllib.parse import unquote, urlsplit

import asyncpg

from postgres import Database, MigrationFailed, migrate
from process.settings import ConfigurationError, ServiceSettings, variable_name

_NUMBER: Final = re.compile(r"^(\d{4})_.*\.sql$")
_APPLIED: Final = "select package, max(number) from chat_migrations group by package"


class NotMigrated(Exception):
    """The database is older than this code."""


async def check_migrated(database: Database, packages: Sequence[str]) -> None:
    """Raise NotMigrated while a package's newest migration is not applied."""
    async with database.system() as tx:
        applied = {row["package"]: row["max"] for row in await tx.fetch(_APPLIED)}
    behind = [package for package in packages if applied.get(package, 0) < _newest(package)]
    if behind:
        raise NotMigrated(f"migrations of {', '.join(behind)} are not applied yet")


async def apply_migrations(settings: ServiceSettings, packages: list[str]) -> int:
    """Apply what is new and let the application role use it; answers the exit code."""
    if not packages:
        raise ConfigurationError("this service has no migrations")
    if not settings.owner_database_url:
        missing = variable_name(type(settings), "owner_database_url")
        raise ConfigurationError(f"{missing}: needed to migrate")
    app_role = unquote(urlsplit(settings.database_url).username or "")
    if not app_role:
        variable = variable_name(type(settings), "database_url")
        raise ConfigurationError(f"{variable}: names no role to grant the tables to")
    try:
        await migrate(settings.owner_database_url, packages, app_role)
    except (MigrationFailed, OSError, asyncpg.PostgresError) as error:
        raise ConfigurationError(f"migrations: {type(error).__name__}: {error}") from error
    return 0


def _newest(package: str) -> int:
    entries = files(package).joinpath("migrations").iterdir()
    return max(int(found.group(1)) for entry in entries if (found := _NUMBER.match(entry.name)))
