"""The platform on this machine: its servers, its plan of processes, and both started or stopped."""

from __future__ import annotations

import subprocess
import sys

from chatctl.addresses import Addresses
from chatctl.environment import Environment, ground
from chatctl.generated_secrets import Secrets
from chatctl.plan import PlannedProcess, load_plan
from chatctl.run_folder import RunFolder
from chatctl.services import SERVICES
from embedded import RecordedProcess, ServerSet, ServerUrls

STOP_SECONDS = 90.0


class Platform:
    """Everything that lives in one run folder."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.servers = ServerSet(folder.servers)
        self.secrets = Secrets(folder)
        self.addresses = Addresses(folder)

    def running(self) -> bool:
        """Tell whether the supervisor runs."""
        supervisor = RecordedProcess.load(self.folder.supervisor)
        return supervisor is not None and supervisor.alive()

    def start_servers(self) -> ServerUrls:
        """Start what does not run of PostgreSQL, RabbitMQ and Redis."""
        anything = self.running() or any(p.alive(self.folder) for p in load_plan(self.folder))
        if not anything:
            self.addresses.renew_taken()
        return self.servers.start()

    def environment(self) -> Environment:
        """Return the builder of every process's variables."""
        return Environment(self.folder, self.servers.urls(), self.secrets, self.addresses)

    def planned(self, demo_channel_key: str = "") -> list[PlannedProcess]:
        """Return every process that should run."""
        environment = self.environment()
        processes = self._simulators(environment)
        for service in SERVICES:
            variables = environment.of(service)
            if service.name == "gateway" and demo_channel_key:
                variables["CHAT_DEMO_CHANNEL_KEY"] = demo_channel_key
            processes.append(
                PlannedProcess(
                    name=service.name,
                    arguments=["-m", service.module],
                    environment=variables,
                    ready_url=f"{self.addresses.url(f'{service.name}-admin')}/readyz",
                )
            )
        return processes

    def start_supervisor(self) -> None:
        """Start the supervisor unless it runs."""
        if self.running():
            return
        self.folder.logs.mkdir(parents=True, exist_ok=True)
        with (self.folder.logs / "supervisor.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "chatctl.supervisor", str(self.folder.path), "--servers"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder.path,
                start_new_session=True,
            )
        RecordedProcess.of(child.pid).save(self.folder.supervisor)

    def stop(self) -> None:
        """Stop the supervisor, which stops the rest; then whatever is still there."""
        supervisor = RecordedProcess.load(self.folder.supervisor)
        if supervisor is not None:
            supervisor.stop(STOP_SECONDS)
        self.folder.supervisor.unlink(missing_ok=True)
        for planned in load_plan(self.folder):
            process = planned.record(self.folder)
            if process is not None:
                process.stop(10.0)
        self.servers.stop()

    def _simulators(self, environment: Environment) -> list[PlannedProcess]:
        meta, providers = (
            self.addresses.listen(name) for name in ("meta-simulator", "provider-simulator")
        )
        shared = environment.shared()
        webhooks = f"{self.addresses.url('gateway')}/webhooks"
        meta_arguments = [
            "--listen", meta,
            "--webhook-url", f"{webhooks}/whatsapp",
            "--messenger-webhook-url", f"{webhooks}/messenger",
            "--app-secret", shared["CHAT_WHATSAPP_APP_SECRET"],
            "--messenger-app-secret", shared["CHAT_MESSENGER_APP_SECRET"],
        ]  # fmt: skip
        return [
            PlannedProcess(
                name="meta-simulator",
                arguments=["-m", "simulators", "meta", *meta_arguments],
                environment=ground(),
                ready_url=f"http://{meta}/_sim/health",
            ),
            PlannedProcess(
                name="provider-simulator",
                arguments=["-m", "simulators", "providers", "--listen", providers],
                environment=ground(),
                ready_url=f"http://{providers}/_sim/health",
            ),
        ]
