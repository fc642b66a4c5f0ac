"""The demo shops: their names, settings, channels and documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

CONTENT_TYPES = {".md": "text/markdown", ".txt": "text/plain"}


@dataclass(frozen=True)
class DemoChannel:
    """A channel as it is created; `credentials` only where the provider needs them."""

    channel_type: str
    name: str
    external_id: str | None = None
    credentials: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DemoTenant:
    """A tenant and all that belongs to it."""

    slug: str
    name: str
    settings: dict[str, Any]
    channels: tuple[DemoChannel, ...]

    def documents(self) -> Iterator[tuple[str, bytes, str]]:
        """Yield (file name, bytes, content type) of each document, in a stable order."""
        folder = files("chatctl").joinpath("seed", self.slug)
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            suffix = "." + entry.name.rpartition(".")[2]
            if suffix in CONTENT_TYPES:
                yield entry.name, entry.read_bytes(), CONTENT_TYPES[suffix]


ACME = DemoTenant(
    slug="acme-outdoor",
    name="Acme Outdoor",
    settings={
        "bot_name": "Acme Assistant",
        "system_prompt": "You help the customers of Acme Outdoor, a shop for outdoor equipment. "
        "Answer briefly and only from the shop's documents.",
        "language": "en",
        "handoff_keywords": ["human", "agent"],
        "handoff_reply": "I am getting a colleague for you. They will answer here.",
    },
    channels=(
        DemoChannel(
            "whatsapp",
            "WhatsApp",
            "106540352242922",
            {"access_token": "simulated-access-token"},
            {"business_account_id": "419561257915477"},
        ),
        DemoChannel(
            "messenger",
            "Messenger",
            "112233445566778",
            {"access_token": "simulated-access-token"},
        ),
        DemoChannel(
            "webchat",
            "Website",
            None,
            {},
            {
                "title": "Acme Outdoor",
                "color": "#0b6e4f",
                "greeting": "Hi! Ask me about orders, returns, sizes or repairs.",
                "locale": "en",
            },
        ),
    ),
)

GLOBEX = DemoTenant(
    slug="globex",
    name="Globex",
    settings={"bot_name": "Globex Service", "language": "en"},
    channels=(DemoChannel("webchat", "Website", None, {}, {"title": "Globex"}),),
)

TENANTS = (ACME, GLOBEX)
QUESTION = "How long do I have to return an item?"
