"""up, down, reset, status, logs, doctor, llm."""

from __future__ import annotations

import shutil
import subprocess
from typing import Annotated

import typer

from chatctl.bringing_up import Wishes, bring_up, bring_up_containers
from chatctl.cli import app, console, errors, running_state
from chatctl.compose_mode import ComposePlatform, compose_is_possible, in_compose
from chatctl.doctor import diagnose
from chatctl.local_platform import Platform
from chatctl.overview import environment_json, print_environment, print_status
from chatctl.plan import load_plan, save_plan
from chatctl.run_folder import RunFolder


@app.command()
def up(
    demo: Annotated[bool, typer.Option(help="Load the demo shops and ask one question.")] = True,
    local: Annotated[
        bool, typer.Option("--local", help="No containers, even if Docker is there.")
    ] = False,
) -> None:
    """Start everything; done again it only starts what is missing."""
    try:
        if not local and compose_is_possible():
            bring_up_containers(console, Wishes(demo=demo))
        else:
            if not local:
                console.print("No Docker engine answers: starting real servers on this machine.")
            bring_up(console, Wishes(demo=demo))
    except (RuntimeError, OSError) as error:
        errors.print(f"\n{error}", markup=False)
        errors.print("\n[bold]chatctl doctor[/bold] looks for the reason.")
        raise typer.Exit(1) from None


@app.command()
def down() -> None:
    """Stop everything that `up` started; data stay."""
    folder = RunFolder.default()
    if in_compose(folder):
        ComposePlatform(folder).stop()
    else:
        with console.status("letting the services drain"):
            Platform(folder).stop()
    console.print("Everything is stopped; [bold]chatctl up[/bold] goes on where it was.")


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Stop everything and forget all data, secrets and logs."""
    folder = RunFolder.default()
    if not yes:
        typer.confirm(f"Delete everything in {folder.path}?", abort=True)
    platform = Platform(folder)
    if in_compose(folder):
        ComposePlatform(folder).forget()
    with console.status("stopping"):
        platform.stop()
        platform.servers.forget()
    for name in ("logs", "processes", "blobs", "ports", "servers"):
        shutil.rmtree(folder.path / name, ignore_errors=True)
    for file in (folder.state, folder.secrets, folder.plan, folder.overrides):
        file.unlink(missing_ok=True)
    (folder.path / "migrated.json").unlink(missing_ok=True)
    console.print("Everything is forgotten.")


@app.command()
def status(
    output: Annotated[str, typer.Option("-o", "--output", help="table, env or json")] = "table",
) -> None:
    """Show the processes, or print addresses and keys for scripts."""
    folder = RunFolder.default()
    if output == "env":
        running_state()
        print_environment(folder)
    elif output == "json":
        running_state()
        print(environment_json(folder))
    elif not print_status(console, folder):
        raise typer.Exit(1)


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="A process; empty for all of them.")] = "",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on printing.")] = False,
    lines: Annotated[int, typer.Option("-n", help="Lines from the end of each.")] = 30,
) -> None:
    """Print what the processes logged."""
    folder = RunFolder.default()
    if in_compose(folder):
        raise typer.Exit(ComposePlatform(folder).logs(name, lines, follow=follow))
    files = sorted(folder.logs.glob(f"{name or '*'}.log"))
    if not files:
        known = ", ".join(process.name for process in load_plan(folder))
        errors.print(f"No log of {name!r}; there are {known}")
        raise typer.Exit(1)
    command = ["tail", "-n", str(lines), *(["-F"] if follow else []), *map(str, files)]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


@app.command()
def doctor() -> None:
    """Look for what is wrong; each line ends in what to do about it."""
    if not diagnose(console, RunFolder.default()):
        raise typer.Exit(1)


llm = typer.Typer(no_args_is_help=True, help="Which model answers.")
app.add_typer(llm, name="llm")


@llm.command("use")
def llm_use(
    model: Annotated[str, typer.Argument(help="builtin/extractive, openai/gpt-4o-mini, …")],
) -> None:
    """Let another model answer by default; `builtin/extractive` stays the fallback."""
    folder = RunFolder.default()
    overrides = folder.read(folder.overrides) | {"CHAT_LLM_MODEL": model}
    folder.write(folder.overrides, overrides)
    widget_key = str(running_state().get("CHAT_WIDGET_KEY", ""))
    if in_compose(folder):
        ComposePlatform(folder).start(widget_key)
    else:
        save_plan(folder, Platform(folder).planned(widget_key))
    console.print(f"{model} answers from now on; llm-router is being started anew.")


@llm.command("show")
def llm_show() -> None:
    """Show which model answers by default."""
    folder = RunFolder.default()
    running_state()
    platform = ComposePlatform(folder) if in_compose(folder) else Platform(folder)
    shared = platform.environment().shared()
    console.print(f"model      {shared.get('CHAT_LLM_MODEL', 'builtin/extractive')}")
    console.print(f"fallback   {shared.get('CHAT_LLM_FALLBACK_MODELS', 'builtin/extractive')}")
    console.print(f"embedding  {shared.get('CHAT_EMBEDDING_MODEL', 'builtin/minilm')}")
