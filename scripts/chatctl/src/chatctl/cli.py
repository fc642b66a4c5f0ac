"""The verbs of `chatctl` and what they share."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import typer
from rich.console import Console

from chatctl.gateway_api import ApiProblem, GatewayApi
from chatctl.run_folder import RunFolder

T = TypeVar("T")

# Where no terminal shows it, nothing is wrapped: scripts read whole lines.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 240)
errors = Console(stderr=True, highlight=False)

app = typer.Typer(
    name="chatctl",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    help="Start, show and drive the Meta Chat Platform on this machine.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def running_state() -> dict[str, Any]:
    """Return addresses and keys of the running platform; ends with 1 when there is none."""
    folder = RunFolder.default()
    state = folder.read(folder.state)
    if not state:
        errors.print("Nothing was started here yet: run [bold]make up[/bold].")
        raise typer.Exit(1)
    return state


def with_api(
    work: Callable[[GatewayApi, dict[str, Any]], Awaitable[T]], *, admin: bool = False
) -> T:
    """Run `work(api, state)` with the tenant's key, or the admin's; problems end with 1."""
    state = running_state()
    key = state["CHAT_ADMIN_KEY"] if admin else state.get("CHAT_TENANT_KEY", "")

    async def run() -> T:
        async with GatewayApi(state["CHAT_URL"], key) as api:
            return await work(api, state)

    return guarded(run())


def guarded(work: Awaitable[T]) -> T:
    """Run it to its end; what a person can act on is printed in one line, and ends with 1."""

    async def run() -> T:
        return await work

    try:
        return asyncio.run(run())
    except (ApiProblem, OSError, TimeoutError, RuntimeError, aiohttp.ClientError) as error:
        errors.print(f"[red]✗[/red] {str(error) or type(error).__name__}", markup=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        sys.exit(130)
