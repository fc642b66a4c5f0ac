"""Images of a prompt: fetched by their hash, judged by their bytes, hidden from who cannot see."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from blobs import BlobCorrupt, BlobMissing, Blobs, InvalidBlobAddress
from contracts.v1.models import ChatMessage
from llm_router.domain import ChatCall, ChatOutcome, Model, ModelFailed, PromptPicture
from observe import get_logger

IMAGE_BYTES_MAX = 5 * 1024 * 1024
"""What Anthropic takes of one image; OpenAI takes more."""

IMAGES_BYTES_MAX = 15 * 1024 * 1024
IMAGES_MAX = 20
HIDDEN = "[image]"
_BLIND_MAX = 1_000
_FETCH_SECONDS_MAX = 5.0
_FIRST_BYTES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}

Ask = Callable[[ChatCall], Awaitable[ChatOutcome]]
CanSee = Callable[[Model], Awaitable[bool | None]]

_log = get_logger("llm-router")


class PromptImages:
    """Fetches the images of a prompt, newest first, as many as a provider takes."""

    def __init__(self, blobs: Blobs | None) -> None:
        self._blobs = blobs

    async def of(self, messages: Sequence[ChatMessage]) -> Mapping[str, PromptPicture]:
        """The pictures by hash; what is missing, late, too large or no image is left out."""
        found: dict[str, PromptPicture] = {}
        wanted = _newest_first(messages)
        if self._blobs is None or not wanted:
            return found
        try:
            async with asyncio.timeout(_FETCH_SECONDS_MAX):
                await self._gather(self._blobs, wanted, found)
        except TimeoutError:
            _log.warning("images are shown without those that did not come in time")
        return found

    async def _gather(
        self, blobs: Blobs, wanted: Sequence[str], found: dict[str, PromptPicture]
    ) -> None:
        left = IMAGES_BYTES_MAX
        for sha256 in wanted:
            picture = await self._fetch(blobs, sha256)
            if picture is None or len(picture.data) > left:
                continue
            found[sha256] = picture
            left -= len(picture.data)
            if len(found) == IMAGES_MAX:
                return

    async def _fetch(self, blobs: Blobs, sha256: str) -> PromptPicture | None:
        try:
            if await blobs.size(sha256) > IMAGE_BYTES_MAX:
                _log.warning("an image is too large to be shown", sha256=sha256)
                return None
            data = await blobs.get(sha256)
        except (BlobMissing, BlobCorrupt, InvalidBlobAddress, OSError) as error:
            _log.warning("an image cannot be shown", sha256=sha256, reason=str(error))
            return None
        kind = image_type(data)
        return None if kind is None else PromptPicture(kind, data)


def image_type(data: bytes) -> str | None:
    """The MIME type that the bytes themselves say; None if no model takes such."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for first, kind in _FIRST_BYTES.items() if data.startswith(first)), None)


class Sight:
    """Shows images to models that can see, and remembers which cannot."""

    def __init__(self, can_see: CanSee) -> None:
        self._can_see = can_see
        self._blind: OrderedDict[Model, None] = OrderedDict()

    async def ask(self, ask: Ask, call: ChatCall) -> ChatOutcome:
        """Ask with the images, or, where the model cannot see, with a word for each."""
        if not call.pictures and not any(message.images for message in call.messages):
            return await ask(call)
        known = False if call.model in self._blind else await self._can_see(call.model)
        if known is False or not call.pictures:
            return await self._hidden(ask, call)
        try:
            return await ask(_marked(call))
        except ModelFailed as failure:
            if known or failure.code != "bad_request":
                raise
            # Nobody told us whether it sees: it says no, so it is asked with words from now on.
            outcome = await self._hidden(ask, call)
            self._blind[call.model] = None
            if len(self._blind) > _BLIND_MAX:
                self._blind.popitem(last=False)
            return outcome

    async def _hidden(self, ask: Ask, call: ChatCall) -> ChatOutcome:
        outcome = await ask(_marked(replace(call, pictures={})))
        count = sum(len(message.images or ()) for message in call.messages)
        return replace(outcome, note=f"{count} images were not shown to the model")


def _marked(call: ChatCall) -> ChatCall:
    """A word in the place of each image that is not shown."""
    return replace(call, messages=[_with_mark(one, call.pictures) for one in call.messages])


def _with_mark(message: ChatMessage, pictures: Mapping[str, PromptPicture]) -> ChatMessage:
    hidden = [image for image in message.images or () if image.sha256 not in pictures]
    if not hidden or HIDDEN[:-1] in message.content:
        return message
    return message.model_copy(update={"content": f"{message.content}\n{HIDDEN}".strip()[:100_000]})


def _newest_first(messages: Sequence[ChatMessage]) -> list[str]:
    asked = [message for message in reversed(messages) if message.role == "user"]
    return list(dict.fromkeys(image.sha256 for one in asked for image in one.images or ()))
