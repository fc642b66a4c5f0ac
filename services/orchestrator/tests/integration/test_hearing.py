"""Voice notes become words, pictures are shown to the model, each once."""

from typing import Any

import pytest

from bus import AskFailed
from contracts.v1.models import AudioTranscribed, GenerateReply, TranscribeAudio
from contracts.v1.sending import SendMessage
from contracts.v1.shapes import MediaRef, MessageContent

from .desk import Desk

SHA = "a" * 64
HEARD = AudioTranscribed(
    text="How long may I keep shoes?",
    language="en",
    model="openai/whisper-1",
    seconds=3.0,
    cost_usd=0.0003,
    milliseconds=200,
)


def content(kind: str, mime_type: str, text: str | None = None, **more: Any) -> MessageContent:
    fields = {"sha256": SHA, "size_bytes": 9_000, "state": "stored", **more}
    media = MediaRef(
        provider_media_id="1", mime_type=mime_type, file_name=None, media_id=None, **fields
    )
    return MessageContent(kind=kind, text=text, media=media, data=None)


def asked(desk: Desk, kind: type[Any]) -> list[Any]:
    return [request for request in desk.bus.asked if isinstance(request, kind)]


async def said(desk: Desk, **fields: Any) -> None:
    await desk.hear(desk.message("", content=content(**fields)))
    await desk.idle()


async def test_a_voice_note_is_written_down_and_answered(desk):
    desk.bus.answers[TranscribeAudio] = HEARD
    await said(desk, kind="voice", mime_type="audio/ogg")
    (request,) = asked(desk, TranscribeAudio)
    assert (request.sha256, request.size_bytes) == (SHA, 9_000)
    (question,) = asked(desk, GenerateReply)
    assert "How long may I keep shoes?" in question.messages[-1].content
    assert (await desk.messages())[0] == (1, "customer", "How long may I keep shoes?")
    assert [one.body.text for one in desk.outbox.heard(SendMessage)] == ["You have 30 days [1]."]


async def test_it_is_listened_to_once(desk):
    desk.bus.answers[TranscribeAudio] = HEARD
    await said(desk, kind="voice", mime_type="audio/ogg")
    await desk.hear("And sandals?")
    await desk.idle()
    assert len(asked(desk, TranscribeAudio)) == 1
    remembered = [one.content for one in asked(desk, GenerateReply)[-1].messages]
    assert any("keep shoes" in words for words in remembered), "the next turn remembers it"


@pytest.mark.parametrize("code", ["unknown_model", "timeout", "bad_request"])
async def test_who_cannot_be_heard_is_asked_for_words(desk, code):
    desk.bus.answers[TranscribeAudio] = AskFailed(code, "no")
    await said(desk, kind="voice", mime_type="audio/ogg")
    (send,) = desk.outbox.heard(SendMessage)
    assert send.body.text.startswith("Thank you, we have received it.")


async def test_where_no_model_listens_nobody_asks_again_at_once(desk):
    desk.bus.answers[TranscribeAudio] = AskFailed("unknown_model", "no")
    await said(desk, kind="voice", mime_type="audio/ogg")
    await said(desk, kind="voice", mime_type="audio/ogg")
    assert len(asked(desk, TranscribeAudio)) == 1


async def test_a_recording_that_is_not_here_is_not_asked_for(desk):
    await said(desk, kind="voice", mime_type="audio/ogg", sha256=None, state="failed")
    assert not asked(desk, TranscribeAudio)


async def test_a_picture_is_shown_beside_the_words(desk):
    await said(desk, kind="image", mime_type="image/jpeg; q=1", text="Is this tent on sale?")
    (question,) = asked(desk, GenerateReply)
    (picture,) = question.messages[-1].images
    assert (picture.sha256, picture.mime_type) == (SHA, "image/jpeg")
    assert "Is this tent on sale?" in question.messages[-1].content
    ((_, evidence),) = await desk.evidence()
    assert evidence["prompt"][-1]["images"] == [SHA]


async def test_what_is_no_picture_is_not_shown(desk):
    await said(desk, kind="image", mime_type="image/svg+xml", text="Is this tent on sale?")
    (question,) = asked(desk, GenerateReply)
    assert question.messages[-1].images is None
