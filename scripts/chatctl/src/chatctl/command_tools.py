"""tools list, keep, try and rm; tools servers, keep-server and rm-server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from chatctl.cli import app, console, with_api
from chatctl.gateway_api import GatewayApi
from chatctl.overview import whole_table

tools = typer.Typer(no_args_is_help=True, help="What the bot may do: own tools, MCP servers.")
app.add_typer(tools, name="tools")

NAME = typer.Argument(metavar="NAME", help="What the model calls it.")
SERVER = typer.Argument(metavar="SERVER", help="First part of its tools' names.")
FILE = typer.Argument(
    metavar="FILE", help="Its fields as JSON, as the API takes them; - for stdin."
)


@tools.command("list")
def list_tools() -> None:
    """List the tenant's own tools."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        table = whole_table("tool", "kind", "address", "enabled", "when the bot uses it")
        for tool in (await api.get(_tools_of(state)))["items"]:
            table.add_row(
                tool["name"],
                tool["kind"],
                escape(tool["url"] or "over the broker"),
                _yes(tool["enabled"]),
                escape(tool["description"][:80]),
            )
        console.print(table)

    with_api(work)


@tools.command("keep")
def keep_tool(name: Annotated[str, NAME], file: Annotated[Path, FILE]) -> None:
    """Make or change a tool; a new signing secret is shown this once."""
    body = read_fields(file)

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        kept = await api.put(f"{_tools_of(state)}/{name}", body)
        console.print(f"{kept['name']} is kept, {'on' if kept['enabled'] else 'off'}")
        if kept["secret"]:
            console.print(f"signing secret, shown this once: {kept['secret']}", markup=False)

    with_api(work)


@tools.command("try")
def try_tool(
    name: Annotated[str, NAME],
    arguments: Annotated[str, typer.Argument(help="A JSON object.")] = "{}",
) -> None:
    """Call a tool once, marked as a test, and show what the model would read."""
    body = {"arguments": _object(arguments)}

    async def work(api: GatewayApi, state: dict[str, Any]) -> str:
        tried = await api.post(f"{_tools_of(state)}/{name}/try", body)
        color = "green" if tried["outcome"] == "ok" else "red"
        console.print(f"[{color}]{tried['outcome']}[/{color}] in {tried['milliseconds']} ms")
        console.print(tried["text"], markup=False)
        return str(tried["outcome"])

    if with_api(work) != "ok":
        raise typer.Exit(1)


@tools.command("rm")
def remove_tool(name: Annotated[str, NAME]) -> None:
    """Take a tool away."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        await api.delete(f"{_tools_of(state)}/{name}")

    with_api(work)


@tools.command("servers")
def list_servers() -> None:
    """List the tenant's MCP servers and what they offer."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        table = whole_table("tool", "server", "state", "enabled", "its own words")
        for server in (await api.get(_servers_of(state)))["items"]:
            said = f"{server['state']}{': ' + server['detail'] if server['detail'] else ''}"
            for tool in server["tools"] or [{"offered_as": "-", "enabled": False}]:
                table.add_row(
                    tool["offered_as"],
                    server["name"],
                    escape(said),
                    _yes(tool["enabled"]),
                    escape(tool.get("description", "")[:80]),
                )
        console.print(table)

    with_api(work)


@tools.command("keep-server")
def keep_server(name: Annotated[str, SERVER], file: Annotated[Path, FILE]) -> None:
    """Make or change an MCP server; it is asked for its tools first."""
    body = read_fields(file)

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        kept = await api.put(f"{_servers_of(state)}/{name}", body)
        for tool in kept["tools"]:
            console.print(f"{tool['name']} -> {tool['offered_as']} {_yes(tool['enabled'])}")

    with_api(work)


@tools.command("rm-server")
def remove_server(name: Annotated[str, SERVER]) -> None:
    """Take an MCP server and its tools away."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        await api.delete(f"{_servers_of(state)}/{name}")

    with_api(work)


def read_fields(file: Path) -> dict[str, Any]:
    """Read a JSON object from a file, or from standard input."""
    try:
        text = typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"cannot read {file}: {error}") from None
    return _object(text)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise typer.BadParameter("not a JSON object")
    return value


def _yes(enabled: bool) -> str:
    return "[green]yes[/green]" if enabled else "[dim]no[/dim]"


def _tools_of(state: dict[str, Any]) -> str:
    return f"/api/tenants/{state['CHAT_TENANT_ID']}/tools"


def _servers_of(state: dict[str, Any]) -> str:
    return f"/api/tenants/{state['CHAT_TENANT_ID']}/mcp-servers"
