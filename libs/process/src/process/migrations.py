"""`python -m <service> migrate`: bring the service's database up to date, as its owner."""

from urllib.parse import unquote, urlsplit

import asyncpg

from postgres import MigrationFailed, migrate
from process.settings import ConfigurationError, ServiceSettings, variable_name


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
