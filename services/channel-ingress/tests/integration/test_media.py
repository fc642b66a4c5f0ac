"""Customers' files: fetched, rescued, or visibly lost; and once, whatever dies in between."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from blobs import Blobs
from channel_ingress.config import Settings
from contracts.v1.channels import MediaFailed, MediaStored, MessageReceived
from simulators.meta import MetaSimulator, whatsapp_bodies
from testkit import ServiceProcess

from .world import CUSTOMER, PHONE, World

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8_000
HASH = hashlib.sha256(PNG).hexdigest()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Return settings whose leases end soon."""
    return settings.model_copy(update={"media_fetch_seconds": 2.0})


def photo(media: Any, message_id: str, **changes: object) -> dict[str, Any]:
    source = {"id": media.media_id, "mime_type": "image/png", "sha256": media.sha256, **changes}
    message = whatsapp_bodies.media_message(CUSTOMER, "image", source, message_id=message_id)
    return whatsapp_bodies.body_of([whatsapp_bodies.messages_change(PHONE, [message])])


async def stored(world: World, media_id: UUID | None) -> None:
    await world.until("select true from media where media_id = $1 and state = 'stored'", media_id)


async def test_a_file_is_announced_fetched_and_said_once(world: World) -> None:
    channel_id = await world.configure()
    media = world.meta.media.add(PNG, "image/png", origin="webhook")
    for _ in range(3):
        await world.post(photo(media, "wamid.photo"))
    (message,) = await world.neighbours.wait_for(MessageReceived)
    announced = message.content.media
    assert announced is not None
    assert (announced.state, announced.sha256) == ("pending", None)
    (said,) = await world.neighbours.wait_for(MediaStored)
    assert (said.media.media_id, said.media.sha256) == (announced.media_id, HASH)
    assert (said.media.state, said.media.mime_type) == ("stored", "image/png")
    assert (said.channel_id, said.conversation_id) == (channel_id, message.conversation_id)
    assert (said.provider_message_id, said.causation_id) == ("wamid.photo", message.message_id)
    assert await Blobs.open(world.settings.blob_url).get(HASH) == PNG
    assert await world.value("select count(*) from media") == 1


async def test_a_file_is_rescued_when_the_provider_recovers(world: World) -> None:
    await world.configure()
    media = world.meta.media.add(PNG, "image/png", origin="webhook")
    for kind in ("html_502", "drop"):
        world.meta.faults.add({"kind": kind, "sender": media.media_id})
    await world.post(photo(media, "wamid.rescued"))
    await world.until("select failures >= 1 from media")
    for _ in range(2):
        await world.until("select true from media where next_try_at > now() or state <> 'pending'")
        await world.value("update media set next_try_at = now() where state = 'pending'")
    (said,) = await world.neighbours.wait_for(MediaStored)
    assert said.media.sha256 == HASH
    assert world.meta.faults.waiting == []


async def test_what_is_lost_is_seen_to_be_lost(world: World) -> None:
    await world.configure()
    gone = world.meta.media.add(PNG, "image/png", origin="webhook")
    text = world.meta.media.add(b"<html>sign in</html>", "image/png", origin="webhook")
    late = world.meta.media.add(PNG, "image/png", origin="webhook")
    world.meta.media._media.pop(gone.media_id)
    world.meta.faults.add({"kind": "html_502", "sender": late.media_id, "count": 9})
    for number, media in enumerate((gone, text, late)):
        await world.post(photo(media, f"wamid.{number}"))
    failed = await world.neighbours.wait_for(MediaFailed, 2)
    await world.until("select true from media where failures >= 1 and state = 'pending'")
    await world.value(
        "update media set dies_at = now(), next_try_at = now() where state = 'pending'"
    )
    world.parts.jobs.media._next_look = 0.0
    failed = await world.neighbours.wait_for(MediaFailed, 3)
    problems = {said.provider_message_id: said.media.problem for said in failed}
    assert problems == {"wamid.0": "expired", "wamid.1": "type_mismatch", "wamid.2": "expired"}
    assert all(said.media.state == "failed" and said.detail for said in failed)


async def test_files_wait_for_a_new_token_without_hammering(world: World) -> None:
    channel_id = await world.configure()
    media = [
        world.meta.media.add(PNG + bytes([n]), "image/png", origin="webhook") for n in range(3)
    ]
    fault = world.meta.faults.add(
        {"kind": "error_code", "code": 190, "http_status": 401, "operation": "media"}
    )
    fault.count = 1_000
    await world.post(photo(media[0], "wamid.0"))
    await world.until("select true from media_rests where rests_until > now()")
    for number in (1, 2):
        await world.post(photo(media[number], f"wamid.{number}"))
    await world.neighbours.wait_for(MessageReceived, 3)
    await world.value("update media set next_try_at = now()")
    await asyncio.sleep(0.5)
    assert fault.count == 999, "one refusal of the token is enough"
    world.meta.faults.waiting.clear()
    await world.configure(channel_id=channel_id, revision=2)
    await world.neighbours.wait_for(MediaStored, 3)


async def test_files_come_when_a_look_finds_that_the_token_works_again(world: World) -> None:
    channel_id = await world.configure()
    media = world.meta.media.add(PNG, "image/png", origin="webhook")
    world.meta.tokens.put("token", "expired")
    await world.post(photo(media, "wamid.0"))
    await world.until("select true from media_rests where rests_until > now()")
    assert await world.until("select level = 'red' from channel_health")
    world.meta.tokens.put("token", "valid")
    await world.value("update channel_health set look_at = now() where channel_id = $1", channel_id)
    await world.neighbours.wait_for(MediaStored)


async def test_killed_in_the_middle_of_a_file_it_is_fetched_again(
    killable: World, start: Callable[..., ServiceProcess], meta: MetaSimulator
) -> None:
    service = start("channel-ingress.during_media=kill")
    await killable.configure()
    media = meta.media.add(PNG, "image/png", origin="webhook")
    await killable.post(photo(media, "wamid.killed"))
    assert await asyncio.to_thread(service.wait_killed) == -9
    assert await killable.value("select state from media") == "pending"
    start("")
    (said,) = await killable.neighbours.wait_for(MediaStored, timeout_seconds=30)
    assert said.media.sha256 == HASH
    await stored(killable, said.media.media_id)
    assert await killable.value("select tries from media") == 2
