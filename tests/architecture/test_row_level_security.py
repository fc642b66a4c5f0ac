"""Inside a database a tenant's rows are seen by that tenant only, whatever a query forgets."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import pytest
from sources import SERVICES, module_of

from testkit import ServiceDatabase

# Rows of these belong to the platform, or are looked up before the tenant is known.
UNBOUND_TABLES = """
select c.relname
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
where n.nspname = 'public' and c.relkind in ('r', 'p')
  and not (c.relrowsecurity and c.relforcerowsecurity)
"""


@pytest.mark.parametrize("service", SERVICES)
async def test_every_table_of_tenants_forces_row_security(
    service: str, service_database: Callable[..., ServiceDatabase]
) -> None:
    connection = await asyncpg.connect(service_database(module_of(service)).owner_url)
    try:
        rows = await connection.fetch(UNBOUND_TABLES)
    finally:
        await connection.close()
    assert [row["relname"] for row in rows] == []
