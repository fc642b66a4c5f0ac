"""Puts together what brings files to models: images of prompts and recordings."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from blobs import Blobs
from bus import Bus
from llm_router.choosing import Choices
from llm_router.config import Settings
from llm_router.images import PromptImages
from llm_router.in_flight import InFlight
from llm_router.listening import LeanListening, LitellmListening
from llm_router.money import Money
from llm_router.routes import Routes
from llm_router.through_litellm import LitellmAdapter
from llm_router.transcribing import Ears, Transcribing


@dataclass(frozen=True, slots=True)
class Media:
    """Images for prompts, and the handler of recordings."""

    images: PromptImages
    transcribing: Transcribing
    in_flight: InFlight
    recordings_at_once: int

    def listen(self, bus: Bus) -> None:
        """Answer for recordings, and hear what nobody waits for any more."""
        self.transcribing.listen(bus, self.recordings_at_once)
        self.in_flight.listen(bus)


def media(
    settings: Settings,
    session: aiohttp.ClientSession,
    guarded: aiohttp.ClientSession,
    through_litellm: LitellmAdapter,
    routes: Routes,
    money: Money,
    choices: Choices,
) -> Media:
    """Wire everything; without a storage of files there are no images and no recordings."""
    blobs = Blobs.open(settings.blob_url) if settings.blob_url else None
    in_flight = InFlight()
    ears = Ears(
        lean=LeanListening(session),
        guarded=LeanListening(guarded),
        otherwise=LitellmListening(through_litellm),
        lean_providers=frozenset({"openai"} if settings.adapter == "auto" else ()),
    )
    transcribing = Transcribing(
        routes=routes,
        ears=ears,
        blobs=blobs,
        prices=money.prices,
        purses=money.purses,
        ledger=money.ledger,
        choices=choices,
        in_flight=in_flight,
    )
    return Media(PromptImages(blobs), transcribing, in_flight, settings.recordings_at_once)
