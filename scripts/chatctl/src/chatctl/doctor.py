"""Looking for what is wrong with the platform on this machine."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg
from rich.console import Console

from chatctl.overview import print_status
from chatctl.run_folder import RunFolder
from chatctl.widget_build import widget_is_current
from contracts.definitions import INTERNAL
from contracts.topology import queues
from embedded import BrokerAdministration, BrokerAdministrationError

GIBIBYTE = 1 << 30
FREE_DISK_GIBIBYTES = 2


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `cure` says what to do when it is not well."""

    what: str
    well: bool
    cure: str = ""


def diagnose(console: Console, folder: RunFolder) -> bool:
    """Print every finding; True when all is well."""
    well = True
    for finding in _findings(folder):
        sign = "[green]✓[/green]" if finding.well else "[red]✗[/red]"
        cure = "" if finding.well else f"  → {finding.cure}"
        console.print(f"{sign} {finding.what}{cure}")
        well = well and finding.well
    return print_status(console, folder) and well


def _findings(folder: RunFolder) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(f"Python {version}", sys.version_info >= (3, 11), "use Python 3.11 or newer")
    free = shutil.disk_usage(folder.path.parent).free / GIBIBYTE
    enough = free > FREE_DISK_GIBIBYTES
    yield Finding(f"{free:.0f} GiB of disk free", enough, f"free {FREE_DISK_GIBIBYTES} GiB")
    yield Finding("chat widget built", widget_is_current(folder), "make up builds it")
    state = folder.read(folder.state)
    if not state:
        yield Finding("platform", well=False, cure="make up")
        return
    yield from _databases(state)
    yield from _broker(state)


def _databases(state: dict[str, str]) -> Iterator[Finding]:
    urls = {n: u for n, u in state.items() if n.endswith("_DATABASE_URL")}
    for name, url in urls.items():
        error = asyncio.run(_connection_error(url))
        label = name.removesuffix("_DATABASE_URL").removeprefix("CHAT_").lower()
        yield Finding(f"database of {label}", not error, f"{error}; chatctl logs supervisor")


async def _connection_error(url: str) -> str:
    """Return why the database cannot be used, empty when it can."""
    try:
        connection = await asyncpg.connect(url, timeout=5)
        await connection.fetchval("select 1")
        await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        return str(error) or type(error).__name__
    return ""


def _broker(state: dict[str, str]) -> Iterator[Finding]:
    administration = BrokerAdministration(state["CHAT_RABBITMQ_MANAGEMENT_URL"])
    try:
        found = {queue["name"]: queue for queue in administration.queues(INTERNAL)}
    except BrokerAdministrationError as error:
        yield Finding("broker", well=False, cure=f"{error}; chatctl logs supervisor")
        return
    missing = [queue.name for queue in queues() if queue.name not in found]
    yield Finding(f"{len(found)} queues", not missing, f"missing: {missing[:3]}; chatctl up")
    dead = [n for n, q in found.items() if n.endswith(".dead") and q.get("messages")]
    yield Finding("no dead letters", not dead, f"look into {', '.join(dead)}")
    deaf = [n for n, q in found.items() if not n.endswith(".dead") and not q.get("consumers")]
    yield Finding("every queue has a listener", not deaf, f"nobody listens on {deaf[:3]}")
