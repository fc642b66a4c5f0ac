"""models show, models set, models key, models test, models forget."""

from __future__ import annotations

from typing import Annotated, Any

import aiohttp
import typer
from rich.console import Group
from rich.markup import escape
from rich.table import Table

from chatctl.cli import app, console, with_api
from chatctl.gateway_api import GatewayApi
from chatctl.overview import whole_table

models = typer.Typer(no_args_is_help=True, help="Which models answer, and how they are reached.")
app.add_typer(models, name="models")

TRY_TIMEOUT = aiohttp.ClientTimeout(total=60.0)
_COLORS = {
    "working": "green",
    "cooling_down": "yellow",
    "failing": "red",
    "unknown": "dim",
}


def routes_table(routes: list[dict[str, Any]]) -> Table:
    """One line a purpose."""
    table = whole_table("purpose", "model", "canary", "fallbacks", "hedge after", "deadline")
    table.title = "routes"
    for route in routes:
        canary, hedge = route["canary_model"], route["hedge_after_milliseconds"]
        share = f"{route['canary_percent']:g} % {canary}" if canary else ""
        table.add_row(
            route["purpose"],
            escape(route["model"] or "none"),
            escape(share),
            escape(", ".join(route["fallbacks"] or ())),
            f"{hedge} ms" if hedge else "",
            f"{route['deadline_seconds']:g} s" if route["deadline_seconds"] else "",
        )
    return table


def health_table(health: list[dict[str, Any]]) -> Table:
    """One line a model."""
    table = whole_table("model", "state", "code", "until", "calls now", "the provider's words")
    table.title = "health, as one replica knows it"
    for one in health:
        color = _COLORS[one["state"]]
        table.add_row(
            escape(one["model"]),
            f"[{color}]{one['state']}[/{color}]",
            one["code"] or "",
            (one["until"] or "")[:19],
            str(one["in_flight"]),
            escape(one["detail"] or ""),
        )
    return table


def providers_table(providers: list[dict[str, Any]]) -> Table:
    """One line a way of the tenant's own; of a key only its end."""
    table = whole_table("provider", "key", "address", "limits", "state", "the provider's words")
    table.title = "own providers"
    for one in providers:
        color = _COLORS[one["state"]]
        bounds = (one["requests_per_minute"], "a minute"), (one["concurrent_max"], "at once")
        ending = one["key_ending"]
        table.add_row(
            one["provider"],
            "none" if ending is None else f"…{escape(ending)}",
            escape(one["base_url"] or "the platform's"),
            ", ".join(f"{bound} {what}" for bound, what in bounds if bound),
            f"[{color}]{one['state']}[/{color}]",
            escape(one["detail"] or ""),
        )
    return table


def _place(state: dict[str, Any], rest: str) -> str:
    return f"/api/tenants/{state['CHAT_TENANT_ID']}/models/{rest}"


@models.command("show")
def show_models() -> None:
    """Show routes, how their models are doing, and the tenant's own providers."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        found = await api.get(_place(state, "routes"))
        own = (await api.get(_place(state, "providers")))["items"]
        tables = [routes_table(found["routes"]), health_table(found["health"])]
        console.print(Group(*tables, *([providers_table(own)] if own else [])))

    with_api(work)


@models.command("set")
def set_route(
    purpose: Annotated[str, typer.Argument(help="answer, rewrite, summary, judge, embed …")],
    model: Annotated[
        str | None, typer.Option(help="provider/name; the default if left out.")
    ] = None,
    fallback: Annotated[list[str] | None, typer.Option(help="In order, once for each.")] = None,
    canary: Annotated[str | None, typer.Option(help="First choice of a share.")] = None,
    percent: Annotated[float, typer.Option(help="That share of the conversations.")] = 0.0,
    hedge: Annotated[int | None, typer.Option(help="Ask the next too after so many ms.")] = None,
    deadline: Annotated[float | None, typer.Option(help="Seconds for one model.")] = None,
) -> None:
    """Replace the route of one purpose; what is left out goes back to its default."""
    route = {
        "purpose": purpose,
        "model": model,
        "fallbacks": fallback or None,
        "canary_model": canary,
        "canary_percent": percent,
        "hedge_after_milliseconds": hedge,
        "deadline_seconds": deadline,
    }

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        found = await api.put(_place(state, "routes"), {"routes": [route]})
        console.print(routes_table(found["routes"]))

    with_api(work)


@models.command("key")
def keep_provider(
    provider: Annotated[str, typer.Argument(help="openai, anthropic, ollama …")],
    key: Annotated[
        str, typer.Option(prompt="Key (empty keeps the old one)", hide_input=True, help="The key.")
    ] = "",
    base_url: Annotated[str | None, typer.Option(help="Its own address.")] = None,
    test_model: Annotated[str | None, typer.Option(help="Asked for one word as the test.")] = None,
    requests_per_minute: Annotated[int | None, typer.Option(help="Rate limit.")] = None,
    concurrent_max: Annotated[int | None, typer.Option(help="Calls at once.")] = None,
) -> None:
    """Keep a provider's key, address and limits, once the provider itself took a call."""
    body = {
        "key": key or None,
        "base_url": base_url,
        "test_model": test_model,
        "requests_per_minute": requests_per_minute,
        "concurrent_max": concurrent_max,
    }

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        place = _place(state, f"providers/{provider}")
        kept = await api.call("PUT", place, json=body, timeout=TRY_TIMEOUT)
        console.print(providers_table([kept]))

    with_api(work)


@models.command("test")
def try_provider(
    provider: str,
    test_model: Annotated[str | None, typer.Option(help="Asked for one word.")] = None,
) -> None:
    """Test what is kept for a provider once more; ends with 1 where it fails."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> str:
        place, body = _place(state, f"providers/{provider}/test"), {"test_model": test_model}
        tested = await api.call("POST", place, json=body, timeout=TRY_TIMEOUT)
        console.print(providers_table([tested]))
        return str(tested["state"])

    if with_api(work) != "working":
        raise typer.Exit(1)


@models.command("forget")
def forget_provider(provider: str) -> None:
    """Forget a provider's key and address: the platform's way is taken again."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        await api.delete(_place(state, f"providers/{provider}"))
        console.print(f"[green]✓[/green] {escape(provider)} goes the platform's way")

    with_api(work)
