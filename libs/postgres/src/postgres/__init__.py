"""Connections, named queries, migrations and row-level security on Postgres."""
