"""Widgets' sockets: how many one gateway holds, what each costs, how long a message takes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from processes_seen import cpu_seconds, memory_mebibytes
from report import ratio, write_section
from test_intake_benchmark import answers_something
from whole_platform import WholePlatform

from chatctl.services import SERVICES
from embedded import free_port
from gateway.widget.tokens import WidgetTokens
from testkit import eventually

SPEAKING = 1_000
HELD = 4_000
SECONDS = 16
PER_SECOND = 100
ORIGIN = ""
HERE = Path(__file__).parent
# These two answer a widget; the others would only work on what comes in.
AWAKE = ("gateway", "orchestrator")


@dataclass
class Measured:
    """One server in one run."""

    opened_per_second: float
    kibibytes: float
    p50: float
    p99: float
    per_second: float
    cpu_microseconds: float


@pytest.mark.timeout(600)
def test_widgets_beside_a_bare_socketio(platform: WholePlatform, tmp_path: Path) -> None:
    tokens = _tokens(platform, HELD)
    for service in SERVICES:
        if service.name not in AWAKE:
            platform.service(service.name).pause()
    port = free_port()
    echo = subprocess.Popen([sys.executable, str(HERE / "bare_socket_echo.py"), str(port)])
    try:
        bare_url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers_something(bare_url), "the bare server")
        gateway_pid = platform.service("gateway").pid
        bare = _measure(bare_url, echo.pid, tokens[:SPEAKING], tmp_path)
        ours = _measure(platform.url, gateway_pid, tokens[:SPEAKING], tmp_path)
        held_bare = _hold(bare_url, echo.pid, tokens, tmp_path)
        held_ours = _hold(platform.url, gateway_pid, tokens, tmp_path)
    finally:
        echo.kill()
        for service in SERVICES:
            platform.service(service.name).resume()
    _write(bare, ours, held_bare, held_ours)


def _tokens(platform: WholePlatform, count: int) -> list[str]:
    """Sessions of as many visitors, signed here: opening them is not what is measured."""
    tenant_id, channel_id = asyncio.run(_channel(platform))
    signer = WidgetTokens(platform.secrets["jwt-secret"].encode(), platform.url)
    return [signer.session(tenant_id, channel_id, str(uuid4()), ORIGIN) for _ in range(count)]


async def _channel(platform: WholePlatform) -> tuple[UUID, UUID]:
    async with platform.api() as api:
        settings = {"coalesce_milliseconds": 0}
        body = {"slug": f"sockets-{uuid4().hex[:8]}", "name": "Sockets", "settings": settings}
        tenant = await api.post("/api/tenants", body)
        body = {"channel_type": "webchat", "name": "Site"}
        path = f"/api/tenants/{tenant['tenant_id']}/channels"
        channel = await api.post(path, body)
    return UUID(tenant["tenant_id"]), UUID(channel["channel_id"])


class Load:
    """The load generator, in a process of its own."""

    def __init__(self, url: str, tokens: list[str], folder: Path) -> None:
        file = folder / "tokens"
        file.write_text("\n".join(tokens))
        command = [sys.executable, str(HERE / "socket_load.py"), url, str(file)]
        self._process = subprocess.Popen(
            [*command, str(SECONDS), str(PER_SECOND)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def told(self) -> dict[str, Any]:
        """Its next line."""
        assert self._process.stdout is not None
        return dict(json.loads(self._process.stdout.readline()))

    def go(self) -> None:
        """Let it speak."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """All connections close."""
        self._process.kill()
        self._process.wait()


def _measure(url: str, pid: int, tokens: list[str], folder: Path) -> Measured:
    empty = memory_mebibytes(pid)[0]
    load = Load(url, tokens, folder)
    try:
        opened = load.told()
        full = memory_mebibytes(pid)[0]
        before = cpu_seconds(pid)
        load.go()
        spoke = load.told()
        spent = cpu_seconds(pid) - before
    finally:
        load.end()
    return Measured(
        opened_per_second=opened["opened"] / opened["seconds"],
        kibibytes=(full - empty) * 1024 / len(tokens),
        p50=spoke["p50_milliseconds"],
        p99=spoke["p99_milliseconds"],
        per_second=spoke["per_second"],
        cpu_microseconds=spent / spoke["messages"] * 1e6,
    )


def _hold(url: str, pid: int, tokens: list[str], folder: Path) -> float:
    """Resident memory, MiB, with every token connected."""
    load = Load(url, tokens, folder)
    try:
        assert load.told()["opened"] == len(tokens)
        return memory_mebibytes(pid)[0]
    finally:
        load.end()


def _write(bare: Measured, ours: Measured, held_bare: float, held_ours: float) -> None:
    rows = [
        (
            name,
            f"{row.opened_per_second:,.0f}",
            f"{row.kibibytes:.0f}",
            f"{row.p50:.1f}",
            f"{row.p99:.1f}",
            f"{row.per_second:,.0f}",
            f"{row.cpu_microseconds:,.0f}",
            f"{held:.0f}",
        )
        for name, row, held in (
            ("python-socketio, acknowledges", bare, held_bare),
            ("gateway, acknowledges after the commit", ours, held_ours),
        )
    ]
    share = (
        "gateway / python-socketio",
        ratio(ours.opened_per_second, bare.opened_per_second),
        ratio(ours.kibibytes, bare.kibibytes),
        ratio(ours.p50, bare.p50),
        ratio(ours.p99, bare.p99),
        ratio(ours.per_second, bare.per_second),
        ratio(ours.cpu_microseconds, bare.cpu_microseconds),
        ratio(held_ours, held_bare),
    )
    write_section(
        "Channels: web chat",
        f"""{SPEAKING:,} websockets, each another visitor, on one process; the load generator, the
database, the broker and Redis share the two cores, the services behind the gateway but orchestrator
(which tells each widget its place) are stopped. Opening is from TCP to `ready`, 32 at once. p50 and
p99 are from a message to its acknowledgement at {PER_SECOND} messages a second over all
connections; messages/s is with 32 at once. The gateway's acknowledgement means that ledger row and
outbox row are committed durably; the bare server keeps nothing. {HELD:,} connections were held by
either process (a process that serves has no fixed limit but its file descriptors).""",
        (
            "server",
            "opened/s",
            "KiB a connection",
            "p50 ms",
            "p99 ms",
            "messages/s",
            "CPU µs a message",
            f"RSS MiB with {HELD:,}",
        ),
        [*rows, share],
    )
