"""Sends per second of one channel-ingress process with 50 conversations, beside bare POSTs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4, uuid5

import aiohttp
import asyncpg
import orjson
import pytest
from processes_seen import cpu_seconds
from report import ratio, write_section

from bus import Bus
from bus.service_bus import outgoing
from contracts.message import Message
from contracts.v1.sending import OutgoingBody, SendMessage
from contracts.v1.tenants import ChannelChoices, ChannelConfigured
from sealing import KeyRing
from simulators.meta import MetaSimulator, Settings
from testkit import ProcessHarness, ServiceDatabase, Vhost, eventually_async

KEYS = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
PHONE = "106540352242922"
CONVERSATIONS, EACH = 50, 40
TENANT, CHANNEL = uuid4(), uuid4()


@pytest.mark.timeout(300)
async def test_sends_beside_bare_posts(
    service_database: Callable[..., ServiceDatabase],
    amqp_vhost: Vhost,
    processes: ProcessHarness,
    tmp_path: Path,
) -> None:
    database = service_database("channel_ingress")
    async with MetaSimulator(Settings(status_delays_seconds={})) as meta:
        service = processes.spawn(
            "channel_ingress",
            {
                "CHAT_CHANNEL_INGRESS_DATABASE_URL": database.url,
                "CHAT_CHANNEL_INGRESS_AMQP_URL": amqp_vhost.url,
                "CHAT_META_GRAPH_URL": meta.url,
                "CHAT_MASTER_KEYS": KEYS,
                "CHAT_BLOB_URL": tmp_path.as_uri(),
                "CHAT_LOG_LEVEL": "warning",
            },
        )
        await asyncio.to_thread(service.wait_ready)
        buses = {name: Bus(amqp_vhost.url, service=name) for name in ("gateway", "orchestrator")}
        for bus in buses.values():
            await bus.start()
            await bus.until_can_say()
        try:
            await say(buses["gateway"], [configured()])
            await sent(meta, buses["orchestrator"], round_number=0, each=2)
            bare = await posted(meta, CONVERSATIONS * EACH)
            before = cpu_seconds(service.pid), await database_cpu_seconds(database)
            ours = await sent(meta, buses["orchestrator"], round_number=1, each=EACH)
            after = cpu_seconds(service.pid), await database_cpu_seconds(database)
            own, database_cpu = (
                f"{(late - early) / (CONVERSATIONS * EACH) * 1e6:,.0f}"
                for early, late in zip(before, after, strict=True)
            )
        finally:
            for bus in buses.values():
                await bus.close()
    write_section(
        "Sends",
        f"{CONVERSATIONS * EACH} texts in {CONVERSATIONS} conversations: commands on the broker, "
        "planned by the policy table, paced, called at the Meta simulator and their outcomes "
        "committed by one channel-ingress process; beside as many bare POSTs with 50 in flight. "
        "Broker, database, simulator and the load share the machine's cores.",
        ("road", "sends/s", "beside bare", "CPU µs a send", "of its database connections"),
        [
            ("bare POSTs to the simulator", f"{bare:.0f}", "1.00 ×", "–", "–"),
            (
                "channel-ingress, 50 conversations",
                f"{ours:.0f}",
                ratio(ours, bare),
                own,
                database_cpu,
            ),
        ],
    )


async def sent(meta: MetaSimulator, bus: Bus, *, round_number: int, each: int) -> float:
    """Sends per second from the first command to the last call."""
    before, count = meta.sends.total, CONVERSATIONS * each
    commands: list[Message] = [
        command(f"{conversation}", 1 + round_number * 1_000 + seq)
        for seq in range(each)
        for conversation in range(CONVERSATIONS)
    ]
    started = time.perf_counter()
    await say(bus, commands)
    await eventually_async(lambda: meta.sends.total >= before + count, f"{count} sends", 120)
    assert meta.sends.total == before + count
    return count / (time.perf_counter() - started)


async def posted(meta: MetaSimulator, count: int) -> float:
    """Bare POSTs per second, 50 in flight."""
    body = {"messaging_product": "whatsapp", "to": "1", "type": "text", "text": {"body": "Hello"}}
    url, headers = f"{meta.url}/v23.0/{PHONE}/messages", {"Authorization": "Bearer token"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def some() -> None:
            for _ in range(count // CONVERSATIONS):
                async with session.post(url, json=body) as answer:
                    assert answer.status == 200
                    await answer.read()

        started = time.perf_counter()
        await asyncio.gather(*(some() for _ in range(CONVERSATIONS)))
        return count / (time.perf_counter() - started)


async def database_cpu_seconds(database: ServiceDatabase) -> float:
    """CPU time so far of the database's connections, which last for the whole run."""
    connection = await asyncpg.connect(database.owner_url)
    try:
        rows = await connection.fetch(
            "select pid from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
    return sum(cpu_seconds(row["pid"]) for row in rows)


async def say(bus: Bus, messages: list[Message]) -> None:
    """Publish them in order, confirmed, 100 in flight."""
    for start in range(0, len(messages), 100):
        await asyncio.gather(*(bus.publish(outgoing(m)) for m in messages[start : start + 100]))


def configured() -> ChannelConfigured:
    """The channel, its number upgraded to the highest throughput."""
    choices = ChannelChoices(
        business_account_id=None,
        app_id=None,
        platform=None,
        reengagement_template=None,
        human_agent_tag=False,
        messages_per_second=1_000,
        silence_alarm_hours=None,
    )
    return ChannelConfigured.make(
        tenant_id=TENANT,
        revision=1,
        channel_id=CHANNEL,
        channel_type="whatsapp",
        name="A channel",
        state="active",
        external_id=PHONE,
        sealed_credentials=KeyRing.from_text(KEYS).seal(
            orjson.dumps({"access_token": "token"}), f"channel:{TENANT}:{CHANNEL}"
        ),
        choices=choices,
    )


def command(contact: str, seq: int) -> SendMessage:
    """An answer as orchestrator would command it."""
    conversation_id: UUID = uuid5(CHANNEL, contact)
    return SendMessage.make(
        tenant_id=TENANT,
        send_id=uuid4(),
        conversation_id=conversation_id,
        channel_id=CHANNEL,
        channel_type="whatsapp",
        contact_external_id=contact,
        recorded_message_id=uuid4(),
        seq=seq,
        author="bot",
        turn_id=None,
        ownership_number=1,
        body=OutgoingBody(text="Hello, your order is on its way.", citations=[]),
        reply_to=None,
        created_at=datetime.now(UTC),
    )
