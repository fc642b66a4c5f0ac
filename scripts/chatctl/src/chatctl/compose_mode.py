"""`up` and `down` where a Docker engine answers: the same containers as anywhere else."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any

from chatctl.addresses import Addresses
from chatctl.environment import FROM_OUTSIDE, Environment
from chatctl.generated_secrets import Secrets, names
from chatctl.run_folder import SOURCE_ROOT, RunFolder, write_private
from chatctl.services import SERVICES, SIMULATORS
from embedded import ServerUrls

FILE = SOURCE_ROOT / "compose/compose.yaml"
MODE = "compose"
DOCKER_PROBE_SECONDS = 5.0
# Ports inside the containers, published on this machine's loopback for `status`, `doctor`, tests.
SERVER_PORTS = {"postgres": 5432, "rabbitmq": 5672, "redis": 6379}
MANAGEMENT_PORT = 15672
ADMIN_PORT = 9000
SIMULATOR_PORT = 9100


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


class ComposePlatform:
    """The demo profile of the compose file, with its ports published on the loopback."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.secrets = Secrets(folder)
        self.addresses = Addresses(folder)

    def start(self, widget_key: str = "") -> None:
        """Build and start what is missing or changed, and wait for the health checks."""
        self._write_files(widget_key)
        self._compose("up", "--detach", "--build", "--wait", "--quiet-pull")

    def stop(self) -> None:
        """Stop the containers; volumes stay."""
        self._compose("down")

    def forget(self) -> None:
        """Stop the containers and delete their volumes."""
        self._compose("down", "--volumes")

    def logs(self, service: str, lines: int, *, follow: bool) -> int:
        """Print what a container logged; all of them without a name."""
        command = ["logs", "--tail", str(lines), *(["--follow"] if follow else []), service]
        return subprocess.run(self._command(*filter(None, command)), check=False).returncode

    def environment(self) -> Environment:
        """Return the builder of addresses as they are seen from this machine."""
        postgres, rabbitmq, redis, management = (
            self.addresses.listen(name) for name in (*SERVER_PORTS, "management")
        )
        urls = ServerUrls(
            postgres=f"postgresql://postgres:{self.secrets['postgres-password']}@{postgres}/postgres",
            amqp=f"amqp://admin:{self.secrets['rabbitmq-password']}@{rabbitmq}/%2F",
            management=f"http://admin:{self.secrets['rabbitmq-password']}@{management}",
            redis=f"redis://{redis}/0",
        )
        return Environment(self.folder, urls, self.secrets, self.addresses)

    def variables(self, widget_key: str) -> dict[str, str]:
        """Return what the compose file asks for: secrets, addresses, stand-ins."""
        known = [*names(), "postgres-password", "rabbitmq-password"]
        made = {
            "CHAT_" + name.replace(":", "_").replace("-", "_").upper(): self.secrets[name]
            for name in known
        }
        providers = f"http://provider-simulator:{SIMULATOR_PORT}"
        made |= {
            "CHAT_PORT": self.addresses.listen("gateway").rpartition(":")[2],
            "CHAT_PUBLIC_URL": self.addresses.url("gateway"),
            "CHAT_META_GRAPH_URL": f"http://meta-simulator:{SIMULATOR_PORT}",
            "CHAT_OLLAMA_BASE_URL": providers,
            "CHAT_WEBHOOK_ALLOW_PRIVATE_NETWORKS": "true",
            "CHAT_WEB_ALLOW_PRIVATE_NETWORKS": "true",
            "CHAT_DEMO_CHANNEL_KEY": widget_key,
        }
        for provider, base in (("OPENAI", f"{providers}/v1"), ("ANTHROPIC", providers)):
            if not os.environ.get(f"CHAT_{provider}_API_KEY"):
                made[f"CHAT_{provider}_API_KEY"] = "simulated"
                made[f"CHAT_{provider}_BASE_URL"] = base
        outside = {name: os.environ[name] for name in FROM_OUTSIDE if os.environ.get(name)}
        overrides = {k: str(v) for k, v in self.folder.read(self.folder.overrides).items()}
        return made | outside | overrides

    def published(self) -> dict[str, Any]:
        """Return the override that publishes every port that a developer may want."""
        ports: dict[str, list[str]] = {}
        for name, inside in SERVER_PORTS.items():
            ports[name] = [f"{self.addresses.listen(name)}:{inside}"]
        ports["rabbitmq"].append(f"{self.addresses.listen('management')}:{MANAGEMENT_PORT}")
        for service in SERVICES:
            ports[service.name] = [f"{self.addresses.listen(f'{service.name}-admin')}:{ADMIN_PORT}"]
        for name in SIMULATORS:
            ports[name] = [f"{self.addresses.listen(name)}:{SIMULATOR_PORT}"]
        return {"services": {name: {"ports": published} for name, published in ports.items()}}

    def _write_files(self, widget_key: str) -> None:
        lines = [f"{name}={value}\n" for name, value in self.variables(widget_key).items()]
        write_private(self.folder.path / "compose.env", "".join(lines))
        self.folder.write(self.folder.path / "compose.ports.json", self.published())

    def _command(self, *arguments: str) -> list[str]:
        files = (FILE, self.folder.path / "compose.ports.json")
        named = [part for file in files for part in ("--file", str(file))]
        environment = str(self.folder.path / "compose.env")
        return [
            "docker", "compose", *named, "--env-file", environment, "--profile", "demo", *arguments
        ]  # fmt: skip

    def _compose(self, *arguments: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_")}
        done = subprocess.run(self._command(*arguments), check=False, env=clean)
        if done.returncode != 0:
            raise RuntimeError(f"docker compose {' '.join(arguments)} ended with {done.returncode}")


def in_compose(folder: RunFolder) -> bool:
    """Tell whether the platform of this folder was started in containers."""
    return bool(folder.read(folder.state).get("CHAT_MODE") == MODE)
