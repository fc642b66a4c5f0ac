"""channel."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chatctl.cli import app, console, running_state, with_api
from chatctl.gateway_api import GatewayApi
from chatctl.overview import whole_table

channel = typer.Typer(no_args_is_help=True, help="Where customers write.")
app.add_typer(channel, name="channel")


@channel.command("list")
def list_channels() -> None:
    """List the demo shop's channels."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        names = ("channel_id", "channel_type", "name", "state", "external_id")
        table = whole_table(*names)
        async for found in api.every(f"/api/tenants/{state['CHAT_TENANT_ID']}/channels"):
            table.add_row(*(str(found.get(name) or "") for name in names))
        console.print(table)

    with_api(work)


@channel.command("add")
def add_channel(
    channel_type: Annotated[str, typer.Argument(help="whatsapp, messenger or webchat")],
    name: Annotated[str, typer.Option(help="Display name.")] = "",
    external_id: Annotated[str, typer.Option("--id", help="phone_number_id or page id")] = "",
    access_token: Annotated[str, typer.Option(help="Meta access token.")] = "",
    app_secret: Annotated[str, typer.Option(help="Of an app of the tenant's own.")] = "",
    origin: Annotated[list[str] | None, typer.Option(help="Sites that may embed it.")] = None,
) -> None:
    """Add a channel to the demo shop."""
    credentials = {"access_token": access_token, "app_secret": app_secret}
    body: dict[str, Any] = {"channel_type": channel_type, "name": name or channel_type}
    if external_id:
        body["external_id"] = external_id
    if any(credentials.values()):
        body["credentials"] = {key: value for key, value in credentials.items() if value}
    if origin:
        body["settings"] = {"allowed_origins": origin}

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        made = await api.post(f"/api/tenants/{state['CHAT_TENANT_ID']}/channels", body)
        console.print_json(data=made)

    with_api(work)


@channel.command("rm")
def remove_channel(channel_id: str) -> None:
    """Remove a channel."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        await api.delete(f"/api/tenants/{state['CHAT_TENANT_ID']}/channels/{channel_id}")

    with_api(work)


@channel.command("snippet")
def snippet() -> None:
    """Print the line that puts the demo shop's widget on a page."""
    state = running_state()
    url, widget_key = state["CHAT_URL"], state["CHAT_WIDGET_KEY"]
    print(f'<script async src="{url}/widget/v1.js" data-channel="{widget_key}"></script>')
