"""budget, spend."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chatctl.cli import app, console, with_api
from chatctl.gateway_api import GatewayApi
from chatctl.spend_view import budget_table, calls_table, spend_table

budget = typer.Typer(
    invoke_without_command=True, help="What the tenant may spend on models in a month."
)
app.add_typer(budget, name="budget")


@budget.callback()
def show_budget(context: typer.Context) -> None:
    """Show the rule, what is spent and held, and who answers now."""
    if context.invoked_subcommand is not None:
        return

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        console.print(budget_table(await api.get(budget_of(state))))

    with_api(work)


@budget.command("set")
def set_budget(
    monthly_usd: Annotated[float, typer.Argument(help="US dollars a calendar month, UTC.")],
    warn: Annotated[
        list[int] | None, typer.Option("--warn", help="Say it at this percentage.")
    ] = None,
    cheaper_model: Annotated[str, typer.Option(help="provider/name; answers in between.")] = "",
    cheaper_percent: Annotated[int, typer.Option(help="From this percentage on.")] = 0,
    when_spent: Annotated[str, typer.Option(help="builtin or person.")] = "builtin",
    unknown_price_usd: Annotated[
        float, typer.Option(help="Counted for a call whose price nobody knows; 0 is nothing.")
    ] = 0.0,
) -> None:
    """Change the whole rule (with the admin key)."""
    rule = {
        "monthly_usd": monthly_usd,
        "warn_percent": warn or [80, 100],
        "cheaper_model": cheaper_model or None,
        "cheaper_percent": cheaper_percent or None,
        "when_spent": when_spent,
        "unknown_price_usd": unknown_price_usd or None,
    }
    _change(rule)


@budget.command("remove")
def remove_budget() -> None:
    """Let the tenant spend without a budget (with the admin key)."""
    _change({"monthly_usd": None})


@app.command()
def spend(
    since: Annotated[str, typer.Option(help="First day, 2026-11-01; this month's first.")] = "",
    until: Annotated[str, typer.Option(help="Last day, included; today.")] = "",
    by: Annotated[str, typer.Option(help="day, model, purpose or conversation.")] = "day",
    conversation: Annotated[str, typer.Option(help="Only this one, with its calls.")] = "",
) -> None:
    """Show what was spent on models."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        tenant = f"/api/tenants/{state['CHAT_TENANT_ID']}"
        if conversation:
            found = await api.get(f"{tenant}/conversations/{conversation}/spend")
            console.print(spend_table(found["models"], found["total"], "model"))
            console.print(calls_table(found["calls"]))
            return
        given = {"since": since, "until": until, "group_by": by}
        wish = {name: text for name, text in given.items() if text}
        found = await api.get(f"{tenant}/spend", **wish)
        console.print(spend_table(found["lines"], found["total"], found["group_by"]))

    with_api(work)


def budget_of(state: dict[str, Any]) -> str:
    """Where the tenant's budget is."""
    return f"/api/tenants/{state['CHAT_TENANT_ID']}/budget"


def _change(rule: dict[str, Any]) -> None:
    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        console.print(budget_table(await api.put(budget_of(state), rule)))

    with_api(work, admin=True)
