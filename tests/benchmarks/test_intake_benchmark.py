"""POST of a signed webhook to 200: ours beside a bare FastAPI route and one durable commit."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from processes_seen import cpu_seconds
from report import ratio, write_section
from whole_platform import WholePlatform

from chatctl.services import SERVICES
from embedded import free_port
from testkit import eventually

SECONDS = 8
ROUNDS = 3
CONCURRENCY = 32
HERE = Path(__file__).parent


def load(url: str, secret: str, number: str) -> dict[str, Any]:
    """One run of the load generator in a process of its own."""
    command = [sys.executable, str(HERE / "http_load.py"), url, secret, number]
    done = subprocess.run(
        [*command, str(CONCURRENCY), str(SECONDS)], check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout))


def test_intake_beside_bare_routes(platform: WholePlatform):
    gateway = next(service for service in SERVICES if service.name == "gateway")
    # The other services would work on what comes in: the door alone is measured here.
    for service in SERVICES:
        if service.name != "gateway":
            platform.service(service.name).pause()
    port = free_port()
    url = platform.environment.database_url(gateway)
    owner = platform.environment.for_migration(gateway)["CHAT_GATEWAY_OWNER_DATABASE_URL"]
    bare = subprocess.Popen([sys.executable, str(HERE / "bare_routes.py"), str(port), owner])
    try:
        eventually(lambda: answers_something(f"http://127.0.0.1:{port}/bare"), "the bare routes")
        secret = platform.secrets["whatsapp-secret"]
        cases = {
            "FastAPI, body read, 200": (f"http://127.0.0.1:{port}/bare", bare.pid),
            "FastAPI, one durable commit, 200": (f"http://127.0.0.1:{port}/commit", bare.pid),
            "gateway: signature, ledger and outbox in one commit, 200": (
                f"{platform.url}/webhooks/whatsapp",
                platform.service("gateway").pid,
            ),
        }
        seen: dict[str, list[dict[str, Any]]] = {name: [] for name in cases}
        for _ in range(ROUNDS):
            for name, (address, pid) in cases.items():
                before = cpu_seconds(pid)
                result = load(address, secret, "100000000000001")
                result["cpu"] = (cpu_seconds(pid) - before) / max(1, result["requests"]) * 1e6
                assert set(result["statuses"]) == {"200"}, (name, result)
                seen[name].append(result)
    finally:
        bare.kill()
        for service in SERVICES:
            platform.service(service.name).resume()
    assert url
    _write({name: _middle(results) for name, results in seen.items()})


def _middle(results: list[dict[str, Any]]) -> dict[str, float]:
    keys = ("per_second", "p50_milliseconds", "p99_milliseconds", "cpu")
    return {key: median(result[key] for result in results) for key in keys}


def _write(rates: dict[str, dict[str, float]]) -> None:
    bare, commit, ours = rates.values()
    rows = [
        (
            name,
            f"{rate['per_second']:,.0f}",
            f"{rate['p50_milliseconds']:.1f}",
            f"{rate['p99_milliseconds']:.1f}",
            f"{rate['cpu']:.0f}",
            ratio(rate["per_second"], bare["per_second"]),
            ratio(rate["per_second"], commit["per_second"]),
        )
        for name, rate in rates.items()
    ]
    share = ours["per_second"] / commit["per_second"]
    write_section(
        "Intake",
        f"""{CONCURRENCY} keep-alive connections, {SECONDS} s a run, median of {ROUNDS} interleaved
rounds; the load generator, the database and the broker share the two cores, the other six services
are stopped meanwhile. Aim: at least 60 % of the route with one durable commit; measured
{share:.0%}.""",
        ("route", "per second", "p50 ms", "p99 ms", "CPU µs", "of bare", "of one commit"),
        rows,
    )


def answers_something(url: str) -> bool:
    """Whether the server takes connections."""
    parts = urlsplit(url)
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((parts.hostname, parts.port)) == 0
