"""Every kind of outgoing message through the simulated Meta, and the files that go with it."""

from __future__ import annotations

from typing import Any

from blobs import Blobs
from channel_ingress.rendering import Json
from contracts.v1.sending import MessageFailed, MessageSent, SendMessage
from contracts.v1.shapes import GeoPoint, OutgoingMedia, OutgoingReaction, TemplateCall
from simulators.meta.send_log import Send

from ..rendered_bodies import body, choice, choices  # noqa: TID252 - shared with the unit tests
from .world import PAGE, PHONE, World

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 20
PDF = b"%PDF-1.7\n" + b"page" * 20
OGG = b"OggS" + b"\0" * 24 + b"OpusHead"


async def stored(
    world: World, content: bytes, kind: str, mime_type: str, name: str
) -> OutgoingMedia:
    """A file in blobs, as a message names it."""
    sha256 = await Blobs.open(world.settings.blob_url).put(content)
    fields = {"kind": kind, "mime_type": mime_type, "file_name": name, "sha256": sha256}
    return OutgoingMedia.model_validate({**fields, "size_bytes": len(content)})


def sends(world: World) -> list[Send]:
    return list(world.meta.sends.after(0))


async def told(world: World, *commands: SendMessage) -> None:
    """Say them, and wait until Meta has them all."""
    before = len(world.neighbours.of(MessageSent))
    await world.neighbours.say(*commands)
    await world.neighbours.wait_for(MessageSent, before + len(commands), timeout_seconds=20)


def uploads(world: World) -> list[Any]:
    return [media for media in world.meta.media._media.values() if media.origin != "webhook"]


async def test_whatsapp_takes_every_kind(world: World) -> None:
    await world.configure()
    photo = await stored(world, PNG, "image", "image/png", "photo.png")
    paper = await stored(world, PDF, "document", "application/pdf", "paper.pdf")
    voice = await stored(world, OGG, "voice", "audio/ogg; codecs=opus", "voice.ogg")
    place = GeoPoint(latitude=45.8, longitude=15.97, name="Shop", address="Street 1")
    kinds: dict[str, Json] = {
        "11": {"choices": choices("Yes", "No"), "header": "H", "footer": "F"},
        "12": {"choices": choices(*(f"T{n}" for n in range(12)), label="Choose")},
        "13": {"choices": choices(choice("Shop", url="https://shop.example"))},
        "14": {"location": place},
        "15": {"media": [photo, paper]},
        "16": {"media": [voice]},
        "17": {"media": [photo], "choices": choices("Yes")},
    }
    await told(
        world,
        *(
            world.command(contact=contact, body=body("**Hi**", **extras))
            for contact, extras in kinds.items()
        ),
    )
    found: dict[str, list[str]] = {contact: [] for contact in kinds}
    for send in sends(world):
        found[send.recipient].append(send.kind)
    assert found == {
        "11": ["interactive"],
        "12": ["interactive", "interactive"],
        "13": ["interactive"],
        "14": ["text", "location"],
        "15": ["image", "document"],
        "16": ["audio", "text"],
        "17": ["image", "interactive"],
    }
    assert sorted(media.content for media in uploads(world)) == sorted([PNG, PDF, OGG])
    image = next(send for send in sends(world) if send.kind == "image" and send.recipient == "15")
    assert image.text == "*Hi*"
    about = image.message_id
    reaction = body("", reaction=OutgoingReaction(about=about, emoji="👍"))
    answer = world.command("Answer", seq=4, contact="15", reply_to=about)
    await told(world, world.command(seq=3, contact="15", body=reaction), answer)
    *_, reacted, answered = sends(world)
    assert (reacted.kind, reacted.reply_to, answered.reply_to) == ("reaction", about, about)


async def test_messenger_takes_every_kind(world: World) -> None:
    await world.configure("messenger", PAGE)
    photo = await stored(world, PNG, "image", "image/png", "photo.png")
    kinds: dict[str, Json] = {
        "21": {"choices": choices("Yes", "No")},
        "22": {"choices": choices("Yes", "No", style="quick_replies")},
        "23": {"choices": choices(*(f"T{n}" for n in range(20)))},
        "24": {"media": [photo]},
        "25": {"media": [photo]},
        "26": {"location": GeoPoint(latitude=1, longitude=2, name=None, address=None)},
    }
    await told(
        world,
        *(
            world.command(channel_type="messenger", contact=contact, body=body("Hi", **extras))
            for contact, extras in kinds.items()
        ),
    )
    found: dict[str, list[str]] = {contact: [] for contact in kinds}
    for send in sends(world):
        found[send.recipient].append(send.kind)
    assert {contact: len(shown) for contact, shown in found.items()} == {
        "21": 1,
        "22": 1,
        "23": 2,
        "24": 2,
        "25": 2,
        "26": 1,
    }
    assert len({send.media_id for send in sends(world) if send.media_id}) == 1
    about = sends(world)[0].message_id
    reaction = body("", reaction=OutgoingReaction(about=about, emoji="❤️"))
    await world.neighbours.say(
        world.command(channel_type="messenger", contact="21", seq=3, body=reaction)
    )
    (*_, sent) = await world.neighbours.wait_for(MessageSent, len(kinds) + 1)
    assert sent.provider_message_ids == [f"react:{about}:love"]


async def test_a_file_that_meta_does_not_take_becomes_its_name(world: World) -> None:
    await world.configure()
    photo = await stored(world, PNG, "image", "image/png", "photo.png")
    fault = {"kind": "error_code", "code": 131053, "operation": "media", "always": True}
    world.meta.faults.add(fault)
    await told(world, world.command(contact="31", body=body("Look", media=[photo])))
    (send,) = sends(world)
    assert (send.kind, send.text) == ("text", "📎 photo.png (1 KB)\n\nLook")
    world.meta.faults.waiting.clear()
    refused = {"kind": "error_code", "code": 131053, "operation": "messages"}
    world.meta.faults.add(refused)
    await told(world, world.command(contact="32", body=body("Look", media=[photo])))
    assert [send.kind for send in sends(world)] == ["text", "image"]
    assert len(uploads(world)) == 2
    disguised = await stored(world, PDF, "image", "image/png", "photo.png")
    missing = disguised.model_copy(update={"sha256": "0" * 64})
    await world.neighbours.say(world.command(contact="33", body=body("", media=[missing])))
    (failed,) = await world.neighbours.wait_for(MessageFailed)
    assert failed.code == "media_missing"
    await told(world, world.command(contact="34", body=body("", media=[disguised])))
    assert sends(world)[-1].kind == "text"


async def test_a_send_is_planned_while_its_file_goes_up(world: World) -> None:
    """So a process that dies meanwhile leaves nothing in doubt, and later sends keep their turn."""
    await world.configure()
    photo = await stored(world, PNG, "image", "image/png", "photo.png")
    fault = {"kind": "slow", "milliseconds": 1500, "operation": "media"}
    world.meta.faults.add(fault)
    first = world.command(body=body("Look", media=[photo]))
    await world.neighbours.say(first, world.command("after", seq=4))
    waits = "select state = 'planned' and code = 'media_uploading' from sends where send_id = $1"
    await world.until(waits, first.send_id)
    assert sends(world) == []
    await world.neighbours.wait_for(MessageSent, 2)
    assert [send.text for send in sends(world)] == ["Look", "after"]


async def test_what_a_channel_cannot_say_fails_with_its_code(world: World) -> None:
    await world.configure("messenger", PAGE)
    template = TemplateCall(name="t", language="en", parameters=[])
    command = world.command(channel_type="messenger", body=body("", template=template))
    await world.neighbours.say(command)
    (failed,) = await world.neighbours.wait_for(MessageFailed)
    assert failed.code == "template_unsupported"
    assert PHONE not in {send.sender for send in sends(world)}
