"""Updates through channel-ingress' normaliser and its database, beside the bare cost of parsing."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest
from report import ratio, write_section
from whole_platform import Shop, WholePlatform, customer_number, text_message

from bus import Bus
from channel_ingress.composition import compose
from channel_ingress.config import Settings
from channel_ingress.graph import GraphClient
from channel_ingress.intake import Intake
from channel_ingress.reading import read_body
from channel_ingress.store import Store
from channel_ingress.whatsapp import WhatsAppAdapter
from chatctl.services import SERVICES
from contracts.v1.channels import ChannelWebhookReceived
from contracts.v1.shapes import PLATFORM
from contracts.v1.tenants import ChannelConfigured
from postgres import Database
from simulators.meta import whatsapp_bodies
from testkit import eventually
from testkit.service_databases import ServiceDatabase, ServiceDatabases

ROUNDS = 3
NUMBER, SECRET = "100000000000777", b"secret"
UPDATES = 1_000
CUSTOMERS = 50
BARE = "signature and orjson.loads"
Case = tuple[str, int]
"""What is measured, with how many updates a body."""
Measure = tuple[float, float]
"""Wall and CPU seconds."""


def updates(count: int, first: int) -> list[dict[str, Any]]:
    """Of ten updates six texts, three statuses and a reaction, as changes of one number."""
    messages, statuses = [], []
    for place in range(first, first + count):
        customer = f"3859{place % CUSTOMERS:08d}"
        match place % 10:
            case 0:
                messages.append(whatsapp_bodies.reaction(customer, f"wamid.{uuid4().hex}", "👍"))
            case 1 | 2 | 3:
                known = f"wamid.{uuid4().hex}"
                statuses.append(whatsapp_bodies.status(known, "delivered", customer))
            case _:
                text = "How long do I have to return an item that I bought in the sale?"
                messages.append(whatsapp_bodies.text_message(customer, text))
    changes = []
    if messages:
        changes.append(whatsapp_bodies.messages_change(NUMBER, messages))
    if statuses:
        changes.append(whatsapp_bodies.statuses_change(NUMBER, statuses))
    return changes


def bodies(count: int, size: int) -> list[bytes]:
    """As they come: `count` bodies of `size` updates."""
    return [orjson.dumps(whatsapp_bodies.body_of(updates(size, n))) for n in range(count)]


def verify_and_parse(raw: bytes) -> Any:
    """What nobody can do without."""
    hmac.new(SECRET, raw, hashlib.sha256).hexdigest()
    return orjson.loads(raw)


def normalise(raw: bytes) -> int:
    """Every item of a body, in our shape."""
    hmac.new(SECRET, raw, hashlib.sha256).hexdigest()
    return len(list(WhatsAppAdapter().normalise(read_body(raw), datetime.now(UTC))))


@pytest.fixture
def database(platform: WholePlatform) -> Iterator[ServiceDatabase]:
    """A database of its own on the durable server; the services stand still meanwhile."""
    made = ServiceDatabases(platform.servers.postgres.url())
    for service in SERVICES:
        platform.service(service.name).pause()
    try:
        yield made.fresh("outbox", "channel_ingress")
    finally:
        made.close()
        for service in SERVICES:
            platform.service(service.name).resume()


def test_normalising_beside_bare_parsing(database: ServiceDatabase, tmp_path: Path) -> None:
    rates = asyncio.run(_all_rounds(database, tmp_path))
    rows = [
        (
            what,
            size,
            f"{1 / wall:,.0f}",
            f"{cpu * 1e6:.1f}",
            ratio(cpu, rates[BARE, size][1]),
        )
        for (what, size), (wall, cpu) in rates.items()
    ]
    write_section(
        "Channels: inbound",
        f"""WhatsApp bodies of mixed updates (six texts, three statuses, a reaction of ten) through
channel-ingress in one process, median of {ROUNDS} interleaved rounds. *Kept and said* is Intake as
it runs: contacts, windows, changes, statuses, and the outbox row of each event, one transaction a
body, on a durable PostgreSQL whose own CPU is not in the column; the services stand still.""",
        ("what", "updates a body", "updates a second", "CPU µs an update", "CPU against bare"),
        rows,
    )


async def _all_rounds(server: ServiceDatabase, folder: Path) -> dict[Case, Measure]:
    database = await Database.connect(server.url, name="bench")
    graph = GraphClient.open("http://127.0.0.1:9", "v23.0")
    keys = "k1:" + base64.b64encode(secrets.token_bytes(32)).decode()
    settings = Settings(
        database_url=server.url,
        owner_database_url=server.owner_url,
        amqp_url="amqp://127.0.0.1:9",
        master_keys=keys,
        blob_url=folder.as_uri(),
    )
    intake = compose(settings, database, Bus(settings.amqp_url, service="channel-ingress"), graph)
    await _configure(database)
    cases: list[tuple[Case, int, Callable[[list[bytes]], Awaitable[None]]]] = [
        ((BARE, 100), 100, _plain(verify_and_parse)),
        (("the same, and normalised", 100), 100, _plain(normalise)),
        (("the same, kept and said", 100), 20, _kept(intake.intake, database)),
        ((BARE, 1), 4_000, _plain(verify_and_parse)),
        (("the same, and normalised", 1), 4_000, _plain(normalise)),
        (("the same, kept and said", 1), 400, _kept(intake.intake, database)),
    ]
    seen: dict[Case, list[Measure]] = {case: [] for case, _, _ in cases}
    for _ in range(ROUNDS):
        for case, count, run in cases:
            raws = bodies(count, case[1])
            wall, cpu = time.perf_counter(), time.process_time()
            await run(raws)
            used = (time.perf_counter() - wall, time.process_time() - cpu)
            seen[case].append((used[0] / count / case[1], used[1] / count / case[1]))
    await graph.close()
    await database.close()
    return {
        case: (median(wall for wall, _ in found), median(cpu for _, cpu in found))
        for case, found in seen.items()
    }


def _plain(work: Callable[[bytes], Any]) -> Callable[[list[bytes]], Awaitable[None]]:
    async def run(raws: list[bytes]) -> None:
        for raw in raws:
            work(raw)

    return run


def _kept(intake: Intake, database: Database) -> Callable[[list[bytes]], Awaitable[None]]:
    async def run(raws: list[bytes]) -> None:
        for raw in raws:
            hmac.new(SECRET, raw, hashlib.sha256).hexdigest()
            event = ChannelWebhookReceived.make(
                tenant_id=PLATFORM,
                delivery_id=uuid4(),
                channel_type="whatsapp",
                channel_id=None,
                body="{}",
                body_sha256=None,
            )
            async with database.system() as tx:
                await intake.read(event, raw, tx)

    return run


async def _configure(database: Database) -> None:
    channel = ChannelConfigured.make(
        tenant_id=uuid4(),
        revision=1,
        channel_id=uuid4(),
        channel_type="whatsapp",
        name="A channel",
        state="active",
        external_id=NUMBER,
        sealed_credentials=None,
    )
    async with database.system() as tx:
        await Store().configure_channel(tx, channel)


def test_a_thousand_updates_in_one_body(platform: WholePlatform) -> None:
    """From Meta's POST to the moment the last event was confirmed by the broker."""
    shop = platform.shop()
    others = [one for one in SERVICES if one.name not in ("gateway", "channel-ingress")]
    seconds: list[float] = []
    customers = [customer_number() for _ in range(UPDATES)]
    for service in others:
        platform.service(service.name).pause()
    try:
        seconds = [asyncio.run(_one_body(platform, shop, customers)) for _ in range(ROUNDS)]
    finally:
        for service in others:
            platform.service(service.name).resume()
    # The road is measured after this: everybody has to have their answer before.
    eventually(lambda: _answered(platform, shop) >= UPDATES, "a reply to everybody", 300)
    middle = median(seconds)
    write_section(
        "Channels: inbound, 1,000 updates in one body",
        f"""{UPDATES:,} texts of as many customers in one signed POST: gateway's 200 comes when the
body is in the ledger, the last event when the broker has confirmed it. Median of {ROUNDS} bodies;
gateway and channel-ingress run, the other five services stand still. The first body makes the
customers' contacts, so the slowest of the three is shown too.""",
        ("what", "seconds", "updates a second"),
        [
            ("POST to the last event said", f"{middle:.2f}", f"{UPDATES / middle:,.0f}"),
            ("the slowest body", f"{max(seconds):.2f}", f"{UPDATES / max(seconds):,.0f}"),
        ],
    )


async def _one_body(platform: WholePlatform, shop: Shop, customers: list[str]) -> float:
    service = next(one for one in SERVICES if one.name == "channel-ingress")
    owner = platform.environment.for_migration(service)
    url = next(value for name, value in owner.items() if name.endswith("OWNER_DATABASE_URL"))
    connection = await asyncpg.connect(url)
    await connection.execute("select set_config('chat.scope', 'platform', false)")
    body = shop.body(*(text_message(customer, "Hello there") for customer in customers))
    before = await connection.fetchval("select count(*) from inbound_items")
    started = time.perf_counter()
    assert await asyncio.to_thread(platform.post_webhook, body) == 200
    while True:
        kept = await connection.fetchval("select count(*) from inbound_items") - before
        if kept >= UPDATES and not await connection.fetchval("select count(*) from outbox"):
            break
        assert time.perf_counter() - started < 120, kept
        await asyncio.sleep(0.02)
    seconds = time.perf_counter() - started
    await connection.close()
    return seconds


def _answered(platform: WholePlatform, shop: Shop) -> int:
    sends = [send for send in platform.sends() if send.get("sender") == shop.phone_number_id]
    return len({send["recipient"] for send in sends})
