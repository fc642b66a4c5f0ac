"""RabbitMQ with its management API, on free loopback ports, as a node of its own."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

from embedded.broker_administration import BrokerAdministration
from embedded.ports import LOOPBACK, kept_port
from embedded.rabbitmq_programs import RabbitPrograms, rabbitmq_programs
from embedded.recorded_process import POLL_SECONDS, RecordedProcess, ServerDidNotStart

ADMINISTRATOR = "chat_admin"
START_SECONDS = 120.0
STOP_SECONDS = 30.0
PROBE_SECONDS = 1.0
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
# One scheduler per core of a small machine, and none of them spinning while idle.
ERLANG_ARGUMENTS = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"


class RabbitServer:
    """One broker in `folder`, with its own Erlang port mapper."""

    name = "rabbitmq"

    def __init__(self, folder: Path, *, unpack_into: Path | None = None) -> None:
        self.folder = folder
        self.log = folder / "log"
        self._unpack_into = unpack_into or folder / "programs"
        self._record = folder / "process.json"
        self._mapper_record = folder / "epmd.json"

    def alive(self) -> bool:
        """Tell whether the broker process runs."""
        process = RecordedProcess.load(self._record)
        return process is not None and process.alive()

    def url(self, vhost: str = "%2F") -> str:
        """Return the administrator's AMQP address of a vhost (already percent-encoded)."""
        return f"amqp://{ADMINISTRATOR}:{self._password()}@{LOOPBACK}:{self._port('amqp')}/{vhost}"

    def management_url(self) -> str:
        """Return the administrator's address of the management API."""
        return f"http://{ADMINISTRATOR}:{self._password()}@{LOOPBACK}:{self._port('management')}"

    def metrics_url(self) -> str:
        """Return the address that Prometheus may scrape."""
        return f"http://{LOOPBACK}:{self._port('prometheus')}/metrics"

    def administration(self) -> BrokerAdministration:
        """Return a client of the management API."""
        return BrokerAdministration(self.management_url())

    def start(self) -> str:
        """Start it unless it runs, wait until it speaks AMQP, return its address."""
        if self.alive():
            return self.url()
        programs = rabbitmq_programs(self._unpack_into)
        for name in ("mnesia", "log", "home"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        for name in ("amqp", "management", "prometheus", "distribution", "epmd"):
            if name != "epmd" or not self._mapper_alive():
                kept_port(self.folder / f"{name}.port")
        self._write_configuration()
        environment = self._environment(programs)
        self._start_mapper(programs, environment)
        pid_file = self.folder / "rabbit.pid"
        pid_file.unlink(missing_ok=True)
        with (self.folder / "start.log").open("ab") as log:
            subprocess.Popen(
                [str(programs.server)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
                cwd=self.folder,
            )
        self._wait_ready(pid_file)
        return self.url()

    def stop(self) -> None:
        """Stop the broker, then its port mapper, which would stay behind."""
        for record, grace_seconds in ((self._record, STOP_SECONDS), (self._mapper_record, 3.0)):
            process = RecordedProcess.load(record)
            if process is not None:
                process.stop(grace_seconds)
            record.unlink(missing_ok=True)

    def forget(self) -> None:
        """Stop it and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait_ready(self, pid_file: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        log = self.folder / "start.log"
        while not (pid_file.exists() and pid_file.read_text().strip()):
            if time.monotonic() > deadline:
                raise ServerDidNotStart("RabbitMQ", log)
            time.sleep(POLL_SECONDS)
        process = RecordedProcess.of(int(pid_file.read_text()))
        process.save(self._record)
        while not speaks_amqp(self._port("amqp")):
            if time.monotonic() > deadline or not process.alive():
                raise ServerDidNotStart("RabbitMQ", log)
            time.sleep(POLL_SECONDS)

    def _mapper_alive(self) -> bool:
        mapper = RecordedProcess.load(self._mapper_record)
        return mapper is not None and mapper.alive()

    def _start_mapper(self, programs: RabbitPrograms, environment: dict[str, str]) -> None:
        if self._mapper_alive():
            return
        child = subprocess.Popen(
            [str(programs.epmd), "-port", str(self._port("epmd")), "-address", LOOPBACK],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=self.folder,
        )
        RecordedProcess.of(child.pid).save(self._mapper_record)

    def _write_configuration(self) -> None:
        (self.folder / "none.conf").touch()
        (self.folder / "enabled_plugins").write_text("[rabbitmq_management,rabbitmq_prometheus].\n")
        configuration = self.folder / "rabbitmq.conf"
        configuration.touch(mode=0o600)
        settings = {
            "listeners.tcp.1": f"{LOOPBACK}:{self._port('amqp')}",
            "management.tcp.ip": LOOPBACK,
            "management.tcp.port": self._port("management"),
            "prometheus.tcp.ip": LOOPBACK,
            "prometheus.tcp.port": self._port("prometheus"),
            "default_user": ADMINISTRATOR,
            "default_pass": self._password(),
            "vm_memory_high_watermark.absolute": "1GiB",
            "disk_free_limit.absolute": "200MB",
            "log.file.level": "warning",
        }
        configuration.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))

    def _environment(self, programs: RabbitPrograms) -> dict[str, str]:
        mark = hashlib.sha256(str(self.folder).encode()).hexdigest()[:10]
        return {
            "PATH": programs.path,
            "LANG": "C.UTF-8",
            "HOME": str(self.folder / "home"),
            "RABBITMQ_NODENAME": f"chat-{mark}@localhost",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none.conf"),
            "RABBITMQ_PID_FILE": str(self.folder / "rabbit.pid"),
            "RABBITMQ_DIST_PORT": self._port("distribution"),
            "ERL_EPMD_PORT": self._port("epmd"),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG_ARGUMENTS,
        }

    def _port(self, name: str) -> str:
        return (self.folder / f"{name}.port").read_text()

    def _password(self) -> str:
        file = self.folder / "password"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))
        return file.read_text()


def speaks_amqp(port: str) -> bool:
    """Tell whether a broker answers an AMQP 0-9-1 header: RabbitMQ listens last of all."""
    try:
        with socket.create_connection((LOOPBACK, int(port)), timeout=PROBE_SECONDS) as connection:
            connection.sendall(PROTOCOL_HEADER)
            return connection.recv(1) == b"\x01"
    except OSError:
        return False
