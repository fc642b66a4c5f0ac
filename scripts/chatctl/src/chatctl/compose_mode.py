"""`up` and `down` where a Docker engine answers: the same containers as anywhere else."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from rich.console import Console

from chatctl.generated_secrets import Secrets, names
from chatctl.run_folder import SOURCE_ROOT, RunFolder, write_private

FILE = SOURCE_ROOT / "compose/compose.yaml"
DOCKER_PROBE_SECONDS = 5.0


def compose_is_possible() -> bool:
    """Tell whether an engine answers and the compose file is here."""
    if not FILE.exists() or shutil.which("docker") is None:
        return False
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        try:
            done = subprocess.run(
                command, check=False, capture_output=True, timeout=DOCKER_PROBE_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        if done.returncode != 0:
            return False
    return True


def compose_up(console: Console) -> None:
    """Start the demo profile and wait for its health checks."""
    folder = RunFolder.default()
    environment = compose_environment(folder)
    console.print("A Docker engine answers: starting with compose.")
    _compose(environment, "--profile", "demo", "up", "--detach", "--build", "--wait")
    folder.write(folder.state, {**folder.read(folder.state), "CHAT_MODE": "compose"})
    _compose(environment, "ps")


def compose_down(console: Console) -> None:
    """Stop the containers; volumes stay."""
    _compose(compose_environment(RunFolder.default()), "--profile", "demo", "down")
    console.print("The containers are stopped; their volumes stay.")


def compose_environment(folder: RunFolder) -> Path:
    """Write the secrets in the form of an env file and return it."""
    secrets = Secrets(folder)
    lines = []
    for name in names():
        variable = "CHAT_" + name.replace(":", "_").replace("-", "_").upper()
        lines.append(f"{variable}={secrets[name]}\n")
    file = folder.path / "compose.env"
    write_private(file, "".join(lines))
    return file


def _compose(environment: Path, *arguments: str) -> None:
    command = ["docker", "compose", "--file", str(FILE), "--env-file", str(environment)]
    done = subprocess.run([*command, *arguments], check=False, env=os.environ)
    if done.returncode != 0:
        raise RuntimeError(f"docker compose {' '.join(arguments)} ended with {done.returncode}")
