"""Roles, databases, broker users and topology, made before any service starts."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import asyncpg

from chatctl.environment import Environment
from chatctl.generated_secrets import Secrets
from chatctl.services import SERVICES, Service
from contracts.definitions import definitions
from embedded import (
    BrokerAdministration,
    RolePair,
    ServerUrls,
    add_extension,
    close_public_databases,
    create_database,
    ensure_roles,
)

MIGRATION_SECONDS = 120
MIGRATIONS_AT_ONCE = 3


class MigrationError(RuntimeError):
    """A service could not bring its database up to date."""


async def provide_databases(urls: ServerUrls, secrets: Secrets) -> None:
    """Create each service's two roles and its database, closed to all other roles."""
    admin = await asyncpg.connect(urls.postgres)
    try:
        await close_public_databases(admin)
        for service in SERVICES:
            roles = RolePair(
                owner=service.owner_role,
                owner_password=secrets[f"owner:{service.name}"],
                app=service.app_role,
                app_password=secrets[f"app:{service.name}"],
            )
            await ensure_roles(admin, roles)
            await create_database(admin, service.database, roles)
    finally:
        await admin.close()
    await asyncio.gather(
        *(add_extension(urls.postgres, service.database, "vector") for service in SERVICES)
    )


def provide_broker(urls: ServerUrls, secrets: Secrets) -> None:
    """Create the vhosts, one user for each service with its rights, and the topology."""
    administration = BrokerAdministration(urls.management)
    administration.wait_ready()
    whole = definitions()
    for user in whole["users"]:
        user["password"] = secrets[f"broker:{user['name']}"]
    for vhost in whole["vhosts"]:
        administration.create_vhost(vhost["name"])
    administration.import_definitions(whole)


def migrate_all(environment: Environment) -> list[str]:
    """Run `migrate` of every service whose migrations changed; return their names."""
    stamp = environment.folder.path / "migrated.json"
    held = environment.folder.read(stamp)
    wanted = {service.name: _mark(service) for service in SERVICES}
    due = [service for service in SERVICES if held.get(service.name) != wanted[service.name]]
    with ThreadPoolExecutor(MIGRATIONS_AT_ONCE) as pool:
        list(pool.map(lambda service: _migrate(environment, service), due))
    environment.folder.write(stamp, wanted)
    return [service.name for service in due]


def _mark(service: Service) -> str:
    """Return a hash of the migrations that this service would apply."""
    digest = hashlib.sha256()
    for package in ("postgres", "outbox", service.module):
        folder = files(package).joinpath("migrations")
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name) if folder.is_dir() else []
        for entry in entries:
            if entry.name.endswith(".sql"):
                digest.update(f"{package}/{entry.name}".encode() + entry.read_bytes())
    return digest.hexdigest()


def _migrate(environment: Environment, service: Service) -> None:
    done = subprocess.run(
        [sys.executable, "-m", service.module, "migrate"],
        env=environment.for_migration(service),
        check=False,
        capture_output=True,
        text=True,
        timeout=MIGRATION_SECONDS,
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-12:])
        raise MigrationError(f"{service.name} could not migrate its database:\n{said}")
