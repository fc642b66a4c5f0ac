"""replay, experiment: other settings on past and live conversations, before customers see them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from chatctl.cli import app, console, errors, with_api
from chatctl.evaluation.progress_line import ProgressLine
from chatctl.gateway_api import GatewayApi
from chatctl.settings_given import settings_given
from chatctl.trial_view import experiment_table, print_replay_turn, replay_table

_LOOK_SECONDS = 1.0

Given = Annotated[
    list[str], typer.Option("--set", metavar="NAME=VALUE", help="A setting that differs.")
]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="JSON object of settings.", exists=True)
]

replay = typer.Typer(no_args_is_help=True, help="Past conversations through other settings.")
app.add_typer(replay, name="replay")
experiment = typer.Typer(no_args_is_help=True, help="Shadows and canaries.")
app.add_typer(experiment, name="experiment")


@replay.command("start")
def start_replay(
    name: Annotated[str, typer.Argument(help="What it tries.")],
    given: Given = [],  # noqa: B006 - typer reads it, nobody changes it
    settings: SettingsFile = None,
    turns: Annotated[int, typer.Option(min=1, max=1_000, help="The newest so many.")] = 50,
    since: Annotated[str, typer.Option(help="Turns from here on, e.g. 2026-11-22T00:00Z.")] = "",
    budget: Annotated[float | None, typer.Option(min=0, help="Stop at so many US dollars.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait until it is done, and show it.")] = True,
) -> None:
    """Answer past turns once more, side by side; nothing is sent."""
    body: dict[str, Any] = {"name": name, "turns_max": turns}
    chosen = settings_given(given, settings)
    body |= {key: value for key, value in
             (("settings", chosen), ("since", since), ("budget_usd", budget)) if value}  # fmt: skip

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        place = f"/api/tenants/{state['CHAT_TENANT_ID']}/replays"
        made = await api.post(place, body)
        if not wait:
            console.print(made["replay_id"])
            return
        with ProgressLine(errors) as line:
            while made["state"] == "running":
                line("answered once more", made["after"]["turns"], made["turns_total"])
                await asyncio.sleep(_LOOK_SECONDS)
                made = await api.get(f"{place}/{made['replay_id']}")
        await _show(api, place, made)

    with_api(work)


@replay.command("list")
def list_replays() -> None:
    """The newest replays."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        found = await api.get(f"/api/tenants/{state['CHAT_TENANT_ID']}/replays")
        console.print(replay_table(found["items"]))

    with_api(work)


@replay.command("show")
def show_replay(replay_id: Annotated[str, typer.Argument(help="Which.")]) -> None:
    """Its numbers, and the turns that differ most."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        place = f"/api/tenants/{state['CHAT_TENANT_ID']}/replays"
        await _show(api, place, await api.get(f"{place}/{replay_id}"))

    with_api(work)


@replay.command("stop")
def stop_replay(replay_id: Annotated[str, typer.Argument(help="Which.")]) -> None:
    """Replay no further."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        place = f"/api/tenants/{state['CHAT_TENANT_ID']}/replays/{replay_id}/stop"
        console.print(replay_table([await api.post(place)]))

    with_api(work)


async def _show(api: GatewayApi, place: str, found: dict[str, Any]) -> None:
    turns = await api.get(f"{place}/{found['replay_id']}/turns?limit=10")
    for turn in turns["items"]:
        print_replay_turn(console, turn)
    console.print(replay_table([found]))


@experiment.command("start")
def start_experiment(
    name: Annotated[str, typer.Argument(help="What it tries.")],
    kind: Annotated[str, typer.Option(help="`shadow` sends nothing, `canary` answers.")] = "shadow",
    percent: Annotated[float, typer.Option(help="Share of the conversations.")] = 10.0,
    given: Given = [],  # noqa: B006 - typer reads it, nobody changes it
    settings: SettingsFile = None,
    budget: Annotated[float | None, typer.Option(min=0, help="Stop at so many US dollars.")] = None,
) -> None:
    """Begin a shadow or a canary."""
    body = {
        "name": name,
        "kind": kind,
        "percent": percent,
        "settings": settings_given(given, settings) or {},
        "budget_usd": budget,
    }

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        place = f"/api/tenants/{state['CHAT_TENANT_ID']}/experiments"
        console.print(experiment_table([await api.post(place, body)]))

    with_api(work)


@experiment.command("list")
def list_experiments() -> None:
    """The newest experiments, and how both sides do."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        found = await api.get(f"/api/tenants/{state['CHAT_TENANT_ID']}/experiments")
        console.print(experiment_table(found["items"]))

    with_api(work)


@experiment.command("stop")
def stop_experiment(experiment_id: Annotated[str, typer.Argument(help="Which.")]) -> None:
    """End it: every conversation goes on with the live settings."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        place = f"/api/tenants/{state['CHAT_TENANT_ID']}/experiments/{experiment_id}/stop"
        console.print(experiment_table([await api.post(place)]))

    with_api(work)
