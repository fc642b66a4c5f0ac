"""A set of conversations as a gate: has the bot talk, and ends with 1 where it got worse."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from chatctl.cli import errors, guarded, running_state
from chatctl.evaluation.conversations import Check, NotASet, read_set, worse_than_before
from chatctl.evaluation.progress_line import ProgressLine
from chatctl.evaluation.talks import print_talks, talk_through
from chatctl.gateway_api import GatewayApi
from chatctl.settings_given import settings_given


def evaluate_talks(
    file: Path,
    given: Sequence[str],
    baseline: dict[str, Any] | None,
    *,
    tenant: str,
    as_json: bool,
) -> None:
    """Talk through the set with the tenant's bot, or another tenant's; 2: it is no set."""
    try:
        conversations = read_set(file.read_text("utf-8"))
    except (NotASet, UnicodeDecodeError) as error:
        errors.print(f"[red]✗[/red] {file.name}: {error}", markup=True)
        raise typer.Exit(2) from None
    settings = settings_given(given)
    state = running_state()
    key = state["CHAT_ADMIN_KEY"] if tenant else state["CHAT_TENANT_KEY"]
    tenant_id = tenant or state["CHAT_TENANT_ID"]

    async def work() -> dict[str, Any]:
        async with GatewayApi(state["CHAT_URL"], key) as api:
            with ProgressLine(errors) as line:
                return await talk_through(api, tenant_id, conversations, settings, line)

    report = guarded(work())
    shown = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    print_talks(shown, report, as_json=as_json)
    checks = [Check.read(check) for check in report["checks"]]
    before = [Check.read(check) for check in baseline["checks"]] if baseline else []
    worse = worse_than_before(checks, before)
    if worse:
        errors.print(f"[red]✗[/red] {len(worse)} checks do not hold", markup=True)
        raise typer.Exit(1)
    errors.print("[green]✓[/green] nothing is worse" if baseline else "[green]✓[/green] all hold")
