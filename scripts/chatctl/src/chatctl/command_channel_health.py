"""channel health, channel token, channel templates."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from chatctl.cli import console, with_api
from chatctl.command_channels import channel
from chatctl.gateway_api import GatewayApi
from chatctl.overview import whole_table

_COLORS = {"green": "green", "yellow": "yellow", "red": "red", "unknown": "dim"}
ONE_CHANNEL = typer.Argument(help="channel_id; all channels without one.")


def health_table(name: str, health: dict[str, Any]) -> Table:
    """Show one channel's findings, the worst first."""
    table = whole_table("check", "level", "code", "what was found, and what to do")
    color = _COLORS[health["level"]]
    waiting = f", {health['parked_sends']} messages wait" if health["parked_sends"] else ""
    table.title = f"[{color}]{escape(name)}: {health['level']}{waiting}[/{color}]"
    for finding in health["findings"]:
        level = finding["level"]
        table.add_row(
            finding["check"],
            f"[{_COLORS[level]}]{level}[/{_COLORS[level]}]",
            finding["code"],
            escape(finding["detail"]),
        )
    return table


@channel.command("health")
def channel_health(
    channel_id: Annotated[str, ONE_CHANNEL] = "",
    check: Annotated[bool, typer.Option("--check", help="Ask the provider now.")] = False,
) -> None:
    """Show how a channel is, or all of them: token, subscription, quality, templates, silence."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        path = f"/api/tenants/{state['CHAT_TENANT_ID']}/channels"
        found = [await api.get(f"{path}/{channel_id}")] if channel_id else []
        if not channel_id:
            found = [one async for one in api.every(path)]
        for one in found:
            address = f"{path}/{one['channel_id']}"
            health = await (api.post(f"{address}/check") if check else api.get(f"{address}/health"))
            console.print(health_table(one["name"], health))

    with_api(work)


@channel.command("token")
def replace_token(
    channel_id: str,
    access_token: Annotated[str, typer.Option(prompt=True, hide_input=True, help="The new one.")],
) -> None:
    """Replace a channel's access token: what waited for it goes out."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        path = f"/api/tenants/{state['CHAT_TENANT_ID']}/channels/{channel_id}"
        await api.call("PATCH", path, json={"credentials": {"access_token": access_token}})
        console.print(health_table(channel_id, await api.post(f"{path}/check")))

    with_api(work)


@channel.command("templates")
def list_templates(
    channel_id: str,
    sync: Annotated[bool, typer.Option("--sync", help="Ask Meta for all of them first.")] = False,
) -> None:
    """List a WhatsApp channel's templates."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        path = f"/api/tenants/{state['CHAT_TENANT_ID']}/channels/{channel_id}/templates"
        if sync:
            console.print_json(data=await api.post(f"{path}/sync"))
        names = ("name", "language", "category", "status", "quality", "places")
        table = whole_table(*names)
        cursor = ""
        while True:
            page = await api.get(path, **({"cursor": cursor} if cursor else {}))
            for one in page["items"]:
                shown = {**one, "places": ", ".join(one["places"])}
                table.add_row(*(str(shown.get(name) or "") for name in names))
            cursor = page["next_cursor"] or ""
            if not cursor:
                break
        console.print(table)

    with_api(work)
