"""Writing down recordings: what a call of a listening model is, and how it is made.

OpenAI-compatible servers are called by the lean path, all others through litellm.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from llm_router.domain import Access, Model, ModelFailed
from llm_router.gathering import load_object
from llm_router.lean import base_url
from llm_router.lean_http import posted, read_body, understood
from llm_router.litellm_failures import failure_from
from llm_router.openai_wire import versioned
from llm_router.through_litellm import LitellmAdapter

TEXT_CHARACTERS_MAX = 65_536
_ENDINGS = {
    "audio/ogg": "ogg",
    "audio/opus": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/mp4": "m4a",
    "audio/x-m4a": "m4a",
    "audio/m4a": "m4a",
    "audio/aac": "aac",
    "audio/amr": "amr",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/webm": "webm",
    "audio/flac": "flac",
    "video/mp4": "mp4",
    "video/webm": "webm",
}
_OGG_SAMPLES_A_SECOND = 48_000
_OGG_UNKNOWN = (1 << 64) - 1
_BYTES_A_SECOND_MIN = 750
"""No voice codec that people send is thinner."""

_SECONDS_MAX = 86_400.0


@dataclass(frozen=True, slots=True)
class ListenCall:
    """One recording for one model."""

    model: Model
    access: Access
    data: bytes
    mime_type: str
    language: str | None
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Listened:
    """What was said; `seconds` is the length that the model (or the file) tells."""

    text: str
    language: str | None
    seconds: float | None


class ListenAdapter(Protocol):
    """Speaks to one family of listening models."""

    async def listen(self, call: ListenCall) -> Listened:
        """The words of a recording. Raises ModelFailed."""
        ...


class LeanListening:
    """OpenAI's `/v1/audio/transcriptions`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def listen(self, call: ListenCall) -> Listened:
        """The words of a recording. Raises ModelFailed."""
        form = aiohttp.FormData()
        form.add_field("file", call.data, filename=file_name(call), content_type=call.mime_type)
        for name, value in _fields(call).items():
            form.add_field(name, value)
        headers = {"Authorization": f"Bearer {call.access.key}"} if call.access.key else {}
        url = f"{versioned(base_url(call.access))}/audio/transcriptions"
        async with posted(self._session, url, form, headers, call.timeout_seconds) as response:
            with understood():
                return read_listened(load_object(await read_body(response)), call)


class LitellmListening:
    """The transcription endpoint of any provider that litellm knows."""

    def __init__(self, litellm: LitellmAdapter) -> None:
        self._litellm = litellm

    async def listen(self, call: ListenCall) -> Listened:
        """The words of a recording. Raises ModelFailed."""
        litellm = await self._litellm.load()
        fields = _fields(call) | {"model": str(call.model)}
        url = call.access.url
        if url is not None and call.model.provider == "openai":
            url = versioned(url)
        try:
            async with asyncio.timeout(call.timeout_seconds):
                answer = await litellm.atranscription(
                    file=(file_name(call), call.data, call.mime_type),
                    api_base=url,
                    api_key=call.access.key,
                    timeout=call.timeout_seconds,
                    num_retries=0,
                    max_retries=0,
                    **fields,
                )
        except TimeoutError:
            raise ModelFailed("timeout", f"{call.model}: not written down in time") from None
        except Exception as error:
            raise failure_from(error) from error
        with understood():
            return read_listened(answer.model_dump(), call)


def _fields(call: ListenCall) -> dict[str, str]:
    # Only whisper tells length and language, and only in this format.
    told = "verbose_json" if "whisper" in call.model.name else "json"
    fields = {"model": call.model.name, "response_format": told}
    if call.language:
        fields["language"] = call.language.split("-")[0].lower()
    return fields


def file_name(call: ListenCall) -> str:
    """A name with the ending by which providers know the format."""
    kind = call.mime_type.partition(";")[0].strip().lower()
    return f"recording.{_ENDINGS.get(kind, 'ogg')}"


def read_listened(answer: dict[str, Any], call: ListenCall) -> Listened:
    """Read an answer; a KeyError or the like when it is none."""
    text = answer["text"]
    if not isinstance(text, str):
        raise ModelFailed("bad_response", "the words are no text")
    usage = answer.get("usage") or {}
    seconds = answer.get("duration") or usage.get("seconds") or ogg_seconds(call.data)
    language = answer.get("language")
    return Listened(
        text=text.strip()[:TEXT_CHARACTERS_MAX],
        language=language if isinstance(language, str) and len(language) <= 16 else None,
        seconds=_seconds(seconds),
    )


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    seconds = float(value)
    return seconds if math.isfinite(seconds) and 0 <= seconds <= _SECONDS_MAX else None


def longest_seconds(data: bytes) -> float:
    """How long a recording of so many bytes may last at most."""
    return len(data) / _BYTES_A_SECOND_MIN


def ogg_seconds(data: bytes) -> float | None:
    """The length of an Ogg/Opus recording by the position in its last page; None if it is none.

    Anybody can forge that position: it makes no recording longer than its bytes may last.
    """
    if not data.startswith(b"OggS") or b"OpusHead" not in data[:256]:
        return None
    place = data.rfind(b"OggS")
    samples = int.from_bytes(data[place + 6 : place + 14], "little")
    if samples == _OGG_UNKNOWN:
        return None
    return min(samples / _OGG_SAMPLES_A_SECOND, longest_seconds(data))
