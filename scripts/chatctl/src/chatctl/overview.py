"""The short table at the end of `up`, and `status` in its three forms."""

from __future__ import annotations

import asyncio
import json

import aiohttp
from rich.console import Console
from rich.table import Table

from chatctl.plan import PlannedProcess, load_plan
from chatctl.readiness import is_ready
from chatctl.run_folder import SOURCE_ROOT, RunFolder
from chatctl.services import SERVICES

ENVIRONMENT_NAMES = (
    "CHAT_URL", "CHAT_ADMIN_KEY", "CHAT_TENANT_ID", "CHAT_TENANT_KEY",
    "CHAT_WHATSAPP_PHONE_NUMBER_ID", "CHAT_WHATSAPP_APP_SECRET", "CHAT_WHATSAPP_VERIFY_TOKEN",
    "CHAT_MESSENGER_PAGE_ID", "CHAT_MESSENGER_APP_SECRET", "CHAT_MESSENGER_VERIFY_TOKEN",
    "CHAT_WIDGET_KEY", "CHAT_META_GRAPH_URL", "CHAT_AMQP_URL", "CHAT_REDIS_URL",
    *(f"{s.prefix}_{what}" for s in SERVICES for what in ("DATABASE_URL", "ADMIN_URL")),
)  # fmt: skip


def print_overview(console: Console, folder: RunFolder, seconds: float) -> None:
    """Print where to go next and with which keys."""
    state = folder.read(folder.state)
    url = state.get("CHAT_URL", "")
    rows = {
        "Demo page": f"{url}/demo",
        "Knowledge": f"{url}/app",
        "API reference": f"{url}/docs",
        "Admin key": state.get("CHAT_ADMIN_KEY", ""),
        "Tenant key": state.get("CHAT_TENANT_KEY", ""),
        "Logs": str(folder.logs),
    }
    console.print(f"\nMeta Chat Platform is up [dim]({seconds:.0f} s)[/dim]\n")
    for name, value in rows.items():  # whole lines: keys are copied from here
        console.print(f"[bold]{name:15}[/bold]{value}", soft_wrap=True)
    program = _program()
    console.print(f'\nTry  {program} chat "Do you ship to Norway?"', highlight=False)
    console.print(f"     {program} explain", highlight=False)
    console.print(f'     {program} simulate whatsapp "Where is my order?"', highlight=False)
    console.print(f"     {program} status   [dim](-o env for scripts)[/dim]", highlight=False)


def print_environment(folder: RunFolder) -> None:
    """Print `NAME=value`, one a line, for scripts."""
    state = folder.read(folder.state)
    for name in ENVIRONMENT_NAMES:
        print(f"{name}={state.get(name, '')}")


def environment_json(folder: RunFolder) -> str:
    """Return the same as a JSON object."""
    state = folder.read(folder.state)
    return json.dumps({name: state.get(name, "") for name in ENVIRONMENT_NAMES}, indent=1)


def print_status(console: Console, folder: RunFolder) -> bool:
    """Print a line for each process; True when every one of them is ready."""
    planned = load_plan(folder) or containers(folder)
    ready = asyncio.run(_all_ready(planned))
    table = whole_table("process", "state", "pid", "memory", "address")
    for process, answers in zip(planned, ready, strict=True):
        record = process.record(folder)
        alive = record is not None and record.alive()
        state = "[green]ready[/green]" if answers else "[yellow]not ready[/yellow]"
        state = state if alive or process.arguments == [] else "[red]gone[/red]"
        pid = record.pid if record is not None and alive else None
        address = process.ready_url.rpartition("/")[0]
        table.add_row(process.name, state, str(pid or ""), memory(pid), address)
    console.print(table)
    return bool(planned) and all(ready)


def containers(folder: RunFolder) -> list[PlannedProcess]:
    """Return the services that run in containers, by their published admin ports."""
    state = folder.read(folder.state)
    urls = {service.name: state.get(f"{service.prefix}_ADMIN_URL") for service in SERVICES}
    return [PlannedProcess(name, [], {}, f"{url}/readyz") for name, url in urls.items() if url]


def whole_table(*columns: str) -> Table:
    """Return an empty table that folds what is too long instead of cutting it."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        right = column in {"pid", "memory", "passages"}
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table


def memory(pid: int | None) -> str:
    """Return the resident memory of a process in MB, empty when it is gone."""
    if pid is None:
        return ""
    status = f"/proc/{pid}/status"
    try:
        with open(status) as lines:  # noqa: PTH123 - not a file of ours
            kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    except (OSError, StopIteration):
        return ""
    return f"{kilobytes / 1024:.0f} MB"


async def _all_ready(planned: list[PlannedProcess]) -> list[bool]:
    async with aiohttp.ClientSession() as http:
        return list(await asyncio.gather(*(is_ready(http, p.ready_url) for p in planned)))


def _program() -> str:
    local = SOURCE_ROOT / ".venv/bin/chatctl"
    return ".venv/bin/chatctl" if local.exists() else "chatctl"
