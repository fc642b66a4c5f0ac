"""From Meta's POST to the Graph call, through all seven services and in one process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from report import ratio, write_section
from road_load import RoadLoad, RoadResult, cpu_of_each
from test_intake_benchmark import answers_something
from whole_platform import Shop, WholePlatform

from chatctl.services import SERVICES
from embedded import free_port
from testkit import eventually

RETURNS = """# Returns

You have 30 days from delivery to return an unused item.

# Shipping

Standard shipping takes 2 to 4 working days and costs 4.90 euros.

# Warranty

Tents and backpacks have a warranty of 3 years.
"""
SUSTAINED_SECONDS = 60
SHORT_SECONDS = 12
HERE = Path(__file__).parent


@dataclass
class Measured:
    """One row."""

    name: str
    result: RoadResult


@pytest.fixture(scope="module")
def bench_shop(platform: WholePlatform) -> Shop:
    """A shop whose model is the provider simulator at 0 ms."""
    return platform.shop({"returns.md": RETURNS}, model="openai/sim", fallback_models=[])


@pytest.mark.timeout(600)
def test_the_road_beside_one_process(platform: WholePlatform, bench_shop: Shop):
    secret, number = platform.secrets["whatsapp-secret"], bench_shop.phone_number_id
    ours = f"{platform.url}/webhooks/whatsapp"
    port = free_port()
    single = _one_process(platform, bench_shop, port)
    alone = f"http://127.0.0.1:{port}/webhooks/whatsapp"
    rows: list[Measured] = []
    try:
        eventually(lambda: answers_something(alone), "the one process")
        for address in (ours, alone):  # warm both
            asyncio.run(RoadLoad(address, secret, number, platform.meta_url).run(4, 4))
        for conversations in (1, 32):
            for name, address in (("seven services", ours), ("one process", alone)):
                load = RoadLoad(address, secret, number, platform.meta_url)
                result = asyncio.run(load.run(conversations, SHORT_SECONDS))
                rows.append(Measured(f"{name}, {conversations} at once", result))
    finally:
        single.kill()
    before = cpu_of_each(platform)
    load = RoadLoad(ours, secret, number, platform.meta_url)
    sustained = asyncio.run(load.run(32, SUSTAINED_SECONDS))
    after = cpu_of_each(platform)
    rows.append(Measured(f"seven services, 32 at once for {SUSTAINED_SECONDS} s", sustained))
    _write(rows)
    _write_cpu({name: after[name] - before[name] for name in after}, sustained)
    _write_stages(platform)
    assert sum(row.result.unanswered for row in rows) == 0


def _one_process(platform: WholePlatform, shop: Shop, port: int) -> subprocess.Popen[bytes]:
    retriever = next(service for service in SERVICES if service.name == "retriever")
    gateway = next(service for service in SERVICES if service.name == "gateway")
    own = platform.environment.for_migration(gateway)["CHAT_GATEWAY_OWNER_DATABASE_URL"]
    arguments = [
        str(port),
        platform.environment.database_url(retriever),
        own,
        platform.providers_url,
        platform.meta_url,
        platform.secrets["whatsapp-secret"],
        shop.tenant_id,
    ]
    return subprocess.Popen([sys.executable, str(HERE / "one_process_road.py"), *arguments])


def _write(rows: list[Measured]) -> None:
    write_section(
        "The road",
        """From writing the signed webhook to the moment the Meta simulator accepted the reply; the
model is the provider simulator at 0 ms; every reply searches the tenant's documents with a real
embedding. The load generator and both simulators share the two cores. *One process* does the same
steps (signature, ledger, message, embedding, search, model, reply, intent, Graph, outcome: five
commits) without broker, envelopes, inboxes or outboxes. Each person asks 20 questions, then another
one does: Meta lets us answer one person 45 times in a burst and then every six seconds. Aims:
60 replies/s sustained, p50 60 ms one at a time, p99 500 ms with 32 at once, none unanswered.""",
        ("what", "replies/s", "p50 ms", "p99 ms", "replies", "unanswered"),
        [
            (
                row.name,
                f"{row.result.per_second:.1f}",
                f"{row.result.p(0.5):.0f}",
                f"{row.result.p(0.99):.0f}",
                row.result.replies,
                row.result.unanswered,
            )
            for row in rows
        ],
    )


def _write_cpu(cpu: dict[str, float], sustained: RoadResult) -> None:
    total = sum(cpu.values())
    write_section(
        "Where the CPU goes",
        f"""CPU time of each process in the sustained run, a reply. All of them together:
{total / sustained.replies * 1000:.1f} ms a reply.""",
        ("process", "ms a reply", "share"),
        [
            (name, f"{seconds / sustained.replies * 1000:.2f}", ratio(seconds, total))
            for name, seconds in sorted(cpu.items(), key=lambda item: -item[1])
        ],
    )


def _write_stages(platform: WholePlatform) -> None:
    """The orchestrator's own stages, from its histogram."""
    import urllib.request

    url = f"{platform.service('orchestrator').admin_url}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
    sums: dict[str, float] = {}
    counts: dict[str, float] = {}
    for line in text.splitlines():
        for suffix, into in (("_sum", sums), ("_count", counts)):
            name = f"chat_turn_stage_duration_seconds{suffix}{{"
            if line.startswith(name):
                stage = line.split('stage="')[1].split('"')[0]
                into[stage] = into.get(stage, 0.0) + float(line.rsplit(" ", 1)[1])
    rows = [
        (stage, f"{sums[stage] / counts[stage] * 1000:.1f}", int(counts[stage]))
        for stage in sums
        if counts.get(stage)
    ]
    assert rows, json.dumps(sorted(sums))
    write_section(
        "Where a turn waits",
        "Mean time of each stage of a turn as orchestrator saw it, over all the runs above.",
        ("stage", "mean ms", "turns"),
        rows,
    )
