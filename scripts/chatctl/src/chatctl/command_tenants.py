"""tenant, key."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chatctl.cli import app, console, with_api
from chatctl.gateway_api import GatewayApi
from chatctl.overview import whole_table

tenant = typer.Typer(no_args_is_help=True, help="The businesses on this platform.")
key = typer.Typer(no_args_is_help=True, help="API keys of the demo shop.")
app.add_typer(tenant, name="tenant")
app.add_typer(key, name="key")


@tenant.command("list")
def list_tenants() -> None:
    """List every tenant."""

    async def work(api: GatewayApi, _state: dict[str, Any]) -> None:
        table = whole_table("tenant", "slug", "name", "state")
        async for found in api.every("/api/tenants"):
            table.add_row(*(str(found[c]) for c in ("tenant_id", "slug", "name", "state")))
        console.print(table)

    with_api(work, admin=True)


@tenant.command("create")
def create_tenant(slug: str, name: Annotated[str, typer.Argument()] = "") -> None:
    """Create a tenant and print its id."""

    async def work(api: GatewayApi, _state: dict[str, Any]) -> None:
        made = await api.post("/api/tenants", {"slug": slug, "name": name or slug})
        console.print(made["tenant_id"])

    with_api(work, admin=True)


@tenant.command("delete")
def delete_tenant(tenant_id: str) -> None:
    """Remove a tenant; its channels stop being served."""

    async def work(api: GatewayApi, _state: dict[str, Any]) -> None:
        await api.delete(f"/api/tenants/{tenant_id}")

    with_api(work, admin=True)


@key.command("list")
def list_keys(
    tenant_id: Annotated[str, typer.Option("--tenant", help="Default: the demo shop.")] = "",
) -> None:
    """List the keys of a tenant; the secrets are not shown again."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        place = f"/api/tenants/{tenant_id or state['CHAT_TENANT_ID']}/keys"
        async for found in api.every(place):
            console.print_json(data=found)

    with_api(work, admin=True)


@key.command("create")
def create_key(
    name: str,
    tenant_id: Annotated[str, typer.Option("--tenant", help="Default: the demo shop.")] = "",
) -> None:
    """Create a key and print it, this once."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        place = f"/api/tenants/{tenant_id or state['CHAT_TENANT_ID']}/keys"
        console.print((await api.post(place, {"name": name}))["key"])

    with_api(work, admin=True)


@key.command("revoke")
def revoke_key(
    key_id: str,
    tenant_id: Annotated[str, typer.Option("--tenant", help="Default: the demo shop.")] = "",
) -> None:
    """Revoke a key at once."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        await api.delete(f"/api/tenants/{tenant_id or state['CHAT_TENANT_ID']}/keys/{key_id}")

    with_api(work, admin=True)
