"""Images reach models that can see, and are a word to those that cannot."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from blobs import Blobs
from contracts.v1.models import ChatMessage, PromptImage
from llm_router.domain import Model, prompt_tokens
from llm_router.images import IMAGE_BYTES_MAX, PromptImages, Sight, image_type
from llm_router.vision import can_see

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100
JPEG = b"\xff\xd8\xff\xe0" + b"1" * 100


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs.open(tmp_path.joinpath("blobs").as_uri())


def asking(text: str, *hashes: str, kind: str = "image/png") -> ChatMessage:
    images = [PromptImage(sha256=sha256, mime_type=kind) for sha256 in hashes]
    return ChatMessage(
        role="user", content=text, tool_calls=[], tool_call_id=None, images=images or None
    )


async def test_an_image_reaches_the_model_on_every_road(road: Any, blobs: Blobs) -> None:
    sha256 = await blobs.put(PNG)
    messages = [asking("What is this?", sha256)]
    pictures = await PromptImages(blobs).of(messages)
    outcome = await road.chat(messages=messages, pictures=pictures)
    [call] = await road.provider.calls()
    assert base64.b64encode(PNG).decode() in json.dumps(call["body"]["messages"])
    assert "What is this?" in json.dumps(call["body"]["messages"])
    assert outcome.note == ""


async def test_who_cannot_see_is_told_by_a_word_and_the_evidence_says_so(
    road: Any, blobs: Blobs
) -> None:
    messages = [asking("What is this?", await blobs.put(PNG))]
    pictures = await PromptImages(blobs).of(messages)
    refusal = {"kind": "error", "status": 400, "message": "this model takes no images"}
    await road.provider.script(refusal)
    outcome = await road.chat(messages=messages, pictures=pictures)
    first, second = await road.provider.calls()
    assert base64.b64encode(PNG).decode() in json.dumps(first["body"])
    assert base64.b64encode(PNG).decode() not in json.dumps(second["body"])
    assert "[image]" in json.dumps(second["body"]["messages"])
    assert outcome.note == "1 images were not shown to the model"
    await road.chat(messages=messages, pictures=pictures)
    assert len(await road.provider.calls()) == 3, "it is remembered who cannot see"
    road.adapter._sight._blind.clear()


async def test_models_that_are_known_to_be_blind_are_not_shown_any(
    chat_call: Any, blobs: Blobs
) -> None:
    messages = [asking("And now?", await blobs.put(PNG))]
    pictures = await PromptImages(blobs).of(messages)
    seen: list[Any] = []

    async def ask(call: Any) -> Any:
        from llm_router.domain import ChatOutcome

        seen.append(call)
        return ChatOutcome("Yes.", (), "stop", 1, 1)

    async def blind(_model: Model) -> bool:
        return False

    outcome = await Sight(blind).ask(ask, chat_call(messages=messages, pictures=pictures))
    assert seen[0].pictures == {}
    assert seen[0].messages[0].content == "And now?\n[image]"
    assert outcome.note


async def test_what_the_map_knows() -> None:
    assert await can_see(Model.named("openai/gpt-4o")) is True
    assert await can_see(Model.named("anthropic/claude-sonnet-4-5")) is True
    assert await can_see(Model.named("openai/gpt-3.5-turbo")) is False
    assert await can_see(Model.named("openai/of-my-own")) is None


async def test_images_are_judged_by_their_bytes_and_bounded(blobs: Blobs) -> None:
    good = await blobs.put(JPEG)
    text = await blobs.put(b"<svg onload=alert(1)>")
    large = await blobs.put(PNG + b"0" * IMAGE_BYTES_MAX)
    missing = "0" * 64
    found = await PromptImages(blobs).of([asking("?", text, large, missing, good)])
    assert list(found) == [good]
    assert found[good].mime_type == "image/jpeg", "whatever the message said"
    assert await PromptImages(None).of([asking("?", good)]) == {}


async def test_the_newest_images_are_shown_where_not_all_fit(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = [await blobs.put(PNG + bytes([n]) * 50) for n in range(5)]
    monkeypatch.setattr("llm_router.images.IMAGES_MAX", 2)
    found = await PromptImages(blobs).of([asking("?", sha256) for sha256 in hashes])
    assert list(found) == [hashes[4], hashes[3]]


async def test_images_count_in_the_estimate_of_a_prompt(chat_call: Any, blobs: Blobs) -> None:
    messages = [asking("?", await blobs.put(PNG))]
    pictures = await PromptImages(blobs).of(messages)
    with_one = prompt_tokens(chat_call(messages=messages, pictures=pictures))
    assert with_one > prompt_tokens(chat_call(messages=messages)) + 500


def test_types() -> None:
    assert image_type(b"RIFF\x00\x00\x00\x00WEBPVP8 ") == "image/webp"
    assert image_type(b"GIF89a...") == "image/gif"
    assert image_type(b"BM6") is None
    assert image_type(b"") is None
