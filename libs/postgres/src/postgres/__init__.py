"""Connections, named queries, migrations and row-level security on Postgres."""

from postgres.database import Database, DatabaseAway, Transaction
from postgres.migrations import MigrationFailed, migrate
from postgres.queries import Queries, QueryMissing

__all__ = [
    "Database",
    "DatabaseAway",
    "MigrationFailed",
    "Queries",
    "QueryMissing",
    "Transaction",
    "migrate",
]
