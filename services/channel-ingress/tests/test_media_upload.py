"""A file is at Meta before the message that shows it; what goes wrong ends where it should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from blobs import Blobs
from channel_ingress.domain import (
    Accepted,
    Failed,
    NotSent,
    Outcome,
    Parked,
    Refused,
    Retry,
    Unanswered,
)
from channel_ingress.graph import Answered, GraphAnswer
from channel_ingress.media_fitness import limits_of, unfit_because
from channel_ingress.media_upload import MediaUploads, Ready, upload_request
from channel_ingress.rendering import Part, render
from channel_ingress.send_store import Claim
from channel_ingress.store import SendingChannel
from contracts.v1.sending import SendMessage
from contracts.v1.shapes import OutgoingMedia, TemplateCall, TemplateParameter

from .rendered_bodies import body, media

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00"


class NoDatabase:
    """Opens transactions that nobody uses."""

    @asynccontextmanager
    async def transaction(self, _: UUID) -> AsyncIterator[None]:
        yield None


class Book:
    """What the provider has, in memory."""

    def __init__(self) -> None:
        self.ids: dict[tuple[str, str], str] = {}
        self.hastened: list[UUID] = []
        self.ended = asyncio.Semaphore(0)

    async def find(self, _: object, __: object, file: OutgoingMedia) -> str | None:
        return self.ids.get((file.sha256, file.kind))

    async def keep(
        self, _: object, __: object, file: OutgoingMedia, found: str, ___: float
    ) -> None:
        self.ids[file.sha256, file.kind] = found

    async def forget(self, _: object, __: object, file: OutgoingMedia, ___: str) -> None:
        del self.ids[file.sha256, file.kind]

    async def hasten(self, _: object, send_id: UUID) -> None:
        self.hastened.append(send_id)
        self.ended.release()


class Graph:
    """Answers uploads as told, and counts them."""

    def __init__(self, *answers: GraphAnswer) -> None:
        self.answers, self.paths = list(answers), cast("list[str]", [])

    async def upload(self, path: str, *_: object) -> GraphAnswer:
        self.paths.append(path)
        await asyncio.sleep(0)
        number = len(self.paths)
        return self.answers.pop(0) if self.answers else Answered({"id": f"{number}"})


class Scene:
    """Uploads with everything around them."""

    def __init__(self, *answers: GraphAnswer) -> None:
        self.blobs, self.book, self.graph = Blobs.open("memory://"), Book(), Graph(*answers)
        nothing = cast("Any", NoDatabase())
        self.looks = 0
        self.channel = SendingChannel(uuid4(), uuid4(), "whatsapp", "1", "active", None, 1)
        self.uploads = MediaUploads(
            nothing, self.blobs, cast("Any", self.graph), cast("Any", self.book), self.look
        )

    def look(self) -> None:
        self.looks += 1

    async def file(self, content: bytes = PNG, **more: Any) -> OutgoingMedia:
        sha256 = await self.blobs.put(content)
        return media(**{"sha256": sha256, "size_bytes": len(content), **more})

    def claim(self, attempt: int = 1, **more: Any) -> Claim:
        command = SendMessage.make(
            tenant_id=self.channel.tenant_id,
            send_id=uuid4(),
            conversation_id=uuid4(),
            channel_id=self.channel.channel_id,
            channel_type="whatsapp",
            contact_external_id="2",
            recorded_message_id=uuid4(),
            seq=2,
            author="bot",
            turn_id=None,
            ownership_number=1,
            body=body("Hi"),
            reply_to=None,
            created_at=datetime.now(UTC),
        )
        return Claim(command, attempt, 0, self.channel, **more)

    async def until_ready(self, part: Part, tries: int = 5, **more: Any) -> Ready | Outcome:
        """As the sender does: ask, upload when told to wait, ask again."""
        for attempt in range(1, tries + 1):
            claim = self.claim(attempt, **more)
            found = await self.uploads.ready(claim, self.channel, part, "token")
            if not isinstance(found, Retry) or found.action.code != "media_uploading":
                return found
            self.uploads.begin(claim.command.send_id)
            await self.book.ended.acquire()
        raise AssertionError("it waits for ever")


def part_of(file: OutgoingMedia, text: str = "") -> Part:
    return render(body(text, media=[file]), "whatsapp")[0]


async def test_a_file_goes_up_once_and_is_used_again() -> None:
    scene = Scene()
    part = part_of(await scene.file(), "Look")
    for _ in range(2):
        found = await scene.until_ready(part)
        assert isinstance(found, Ready)
        assert found.message["image"] == {"id": "1", "caption": "Look"}
    assert scene.graph.paths == ["1/media"]
    assert scene.looks == len(scene.book.hastened) == 1


async def test_two_sends_wait_for_one_upload() -> None:
    scene = Scene()
    part = part_of(await scene.file())
    claims = [scene.claim(), scene.claim()]
    for claim in claims:
        assert isinstance(await scene.uploads.ready(claim, scene.channel, part, "t"), Retry)
    for claim in claims:
        scene.uploads.begin(claim.command.send_id)
    for _ in claims:
        await scene.book.ended.acquire()
    assert len(scene.graph.paths) == 1
    assert set(scene.book.hastened) == {claim.command.send_id for claim in claims}


async def test_an_id_that_a_message_may_not_use_is_uploaded_anew() -> None:
    scene = Scene()
    part = part_of(await scene.file())
    found = await scene.until_ready(part)
    assert isinstance(found, Ready)
    for result in (Refused(400, 131026, "no"), Accepted("wamid.1"), Unanswered("cut")):
        await scene.uploads.learn(scene.channel, found, result)
        assert len(scene.book.ids) == 1
    await scene.uploads.learn(scene.channel, found, Refused(400, 131053, "no"))
    found = await scene.until_ready(part)
    assert isinstance(found, Ready)
    assert found.provider_media_id == "2"


@pytest.mark.parametrize("answer", [NotSent("away"), Unanswered("cut"), Refused(500, 2, "oh")])
async def test_an_upload_that_failed_for_the_moment_is_made_again(answer: GraphAnswer) -> None:
    scene = Scene(answer)
    part = part_of(await scene.file())
    outcome = await scene.until_ready(part)
    assert isinstance(outcome, Retry)
    assert outcome.fallback is None
    assert outcome.pause_seconds > 0
    assert isinstance(await scene.until_ready(part), Ready)


async def test_a_dead_token_parks_the_channel() -> None:
    scene = Scene(Refused(401, 190, "expired"))
    outcome = await scene.until_ready(part_of(await scene.file()))
    assert isinstance(outcome, Parked)
    assert outcome.action.code == "token_invalid"


@pytest.mark.parametrize("code", [100, 131053, 424242])
async def test_a_file_that_is_refused_goes_out_as_its_name(code: int) -> None:
    scene = Scene(Refused(400, code, "not this"))
    part = part_of(await scene.file(), "Look")
    outcome = await scene.until_ready(part)
    assert isinstance(outcome, Retry)
    assert (outcome.fallback, outcome.action.code) == ("text", "media_failed")
    found = await scene.until_ready(part, fallback="text")
    assert isinstance(found, Ready)
    assert found.message["text"]["body"] == "📎 photo.png (1 KB)\n\nLook"
    assert found.part.warning == "media_refused"


async def test_a_file_that_is_not_what_it_says_takes_the_next_best_shape() -> None:
    scene = Scene()
    still = await scene.file(WEBP + b"x" * 200_000, kind="sticker", mime_type="image/webp")
    found = await scene.until_ready(part_of(still))
    assert isinstance(found, Ready)
    assert found.message["type"] == "document"
    fake = await scene.file(b"%PDF-1.7 no picture")
    found = await scene.until_ready(part_of(fake))
    assert isinstance(found, Ready)
    assert found.message["type"] == "text"


async def test_a_template_does_without_no_file() -> None:
    scene = Scene()
    file = await scene.file(b"%PDF-1.7 no picture")
    header = TemplateParameter(component="header", index=0, name=None, text=None, media=file)
    template = TemplateCall(name="t", language="en", parameters=[header])
    (part,) = render(body("", template=template), "whatsapp")
    outcome = await scene.until_ready(part)
    assert isinstance(outcome, Failed)
    assert outcome.action.code == "media_failed"


async def test_a_file_that_we_do_not_have_ends_the_send() -> None:
    scene = Scene()
    outcome = await scene.until_ready(part_of(media()))
    assert isinstance(outcome, Failed)
    assert outcome.action.code == "media_missing"
    assert scene.graph.paths == []


async def test_messenger_gets_a_reusable_attachment() -> None:
    channel = SendingChannel(uuid4(), uuid4(), "messenger", "7", "active", None, 1)
    path, form = upload_request(channel, media("document", "text/plain"), b"x", "instagram")
    assert path == "7/message_attachments"
    fields = {found[0]["name"]: found[2] for found in form._fields}
    assert fields["message"] == '{"attachment":{"type":"file","payload":{"is_reusable":true}}}'
    assert (fields["platform"], fields["filedata"]) == ("instagram", b"x")


def test_what_fits() -> None:
    limits = limits_of("whatsapp", None)
    assert unfit_because(media(), PNG, limits) is None
    assert unfit_because(media(), b"", limits) is not None
    assert unfit_because(media(), PNG + b"x" * 6_000_000, limits) is not None
    moving = WEBP + b"\x02" + b"x" * 200_000
    sticker = media("sticker", "image/webp")
    assert unfit_because(sticker, moving, limits) is None
    assert unfit_because(sticker, moving.replace(b"\x02", b"\x00", 1), limits) is not None
    assert unfit_because(media("document", "text/plain"), b"words", limits) is None
