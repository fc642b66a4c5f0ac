"""Voice notes are written down before they are answered, and pictures are shown to who can see.

What was heard becomes the message's words, once and for all: people read it, the next turn
remembers it, and nothing is paid for twice. Where no model can listen, the customer is asked for
words, as before.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final, Protocol
from uuid import UUID

import observe
from bus import AskFailed
from contracts.v1.models import PromptImage, TranscribeAudio
from contracts.v1.shapes import MediaRef
from contracts.v1.tenants import TenantSettings
from orchestrator.domain import Leased, StoredMessage
from orchestrator.metrics import VOICES_HEARD
from orchestrator.searching import Asking
from orchestrator.storable import storable_text
from outbox import Outbox
from postgres import Queries

IMAGES_MAX: Final = 4
VOICES_MAX: Final = 4
SECONDS: Final = 30.0
DEAF_SECONDS: Final = 60.0
"""How long nobody is asked again where no model can listen."""

_VOICES: Final = frozenset({"voice", "audio"})
_SEEN: Final = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})

_log = observe.get_logger("orchestrator.hearing")


class Listening(Protocol):
    """Whoever turns voice notes into words."""

    async def heard(self, leased: Leased, settings: TenantSettings) -> Leased:
        """Return the turn with the words of its voice notes."""
        ...


class Deaf:
    """Hears nothing."""

    async def heard(self, leased: Leased, settings: TenantSettings) -> Leased:  # noqa: ARG002
        """Return the turn as it is."""
        return leased


class Hearing:
    """Asks llm-router what was said, and keeps it with the message."""

    def __init__(self, bus: Asking, outbox: Outbox) -> None:
        self._bus = bus
        self._outbox = outbox
        self._queries = Queries("orchestrator", "queries_hearing.sql")
        self._deaf_until: dict[UUID, float] = {}

    async def heard(self, leased: Leased, settings: TenantSettings) -> Leased:
        """Return the turn with the words of its voice notes, as far as somebody can listen."""
        waiting = [one for one in leased.unanswered if voice_of(one) is not None][-VOICES_MAX:]
        if not waiting or self._is_deaf(leased.tenant_id):
            return leased
        words: dict[int, str] = {}
        for message in waiting:
            text = await self._listen(leased, settings, message)
            if text:
                words[message.seq] = text
        if not words:
            return leased
        messages = [
            replace(one, text=words[one.seq]) if one.seq in words else one
            for one in leased.messages
        ]
        return replace(leased, messages=messages)

    async def _listen(
        self, leased: Leased, settings: TenantSettings, message: StoredMessage
    ) -> str | None:
        media = voice_of(message)
        if media is None or media.sha256 is None:
            return None
        request = TranscribeAudio.make(
            tenant_id=leased.tenant_id,
            correlation_id=leased.turn_id,
            conversation_id=leased.conversation_id,
            sha256=media.sha256,
            mime_type=media.mime_type or "audio/ogg",
            size_bytes=max(media.size_bytes or 1, 1),
            language=settings.language or None,
            deadline_at=datetime.now(UTC) + timedelta(seconds=SECONDS),
        )
        try:
            answer = await self._bus.ask(request, timeout_seconds=SECONDS)
        except AskFailed as error:
            VOICES_HEARD.labels(error.code).inc()
            _log.info("a voice note was not heard", code=error.code, seq=message.seq)
            if error.code == "unknown_model":
                self._deaf_until[leased.tenant_id] = monotonic() + DEAF_SECONDS
            return None
        VOICES_HEARD.labels("heard").inc()
        text = storable_text(answer.text).strip()
        if text:
            await self._keep(leased, message, text)
        return text

    async def _keep(self, leased: Leased, message: StoredMessage, text: str) -> None:
        async with self._outbox.transaction(leased.tenant_id) as tx:
            await tx.execute(
                self._queries["keep_heard_words"],
                leased.tenant_id,
                leased.conversation_id,
                message.seq,
                text,
            )

    def _is_deaf(self, tenant_id: UUID) -> bool:
        until = self._deaf_until.get(tenant_id)
        if until is None:
            return False
        if monotonic() < until:
            return True
        del self._deaf_until[tenant_id]
        return False


def voice_of(message: StoredMessage) -> MediaRef | None:
    """Return the recording of a message that has no words yet, once its bytes are here."""
    if message.content is None or message.content.kind not in _VOICES or message.text.strip():
        return None
    media = message.content.media
    return media if media is not None and media.sha256 is not None else None


def pictures_of(unanswered: Sequence[StoredMessage]) -> list[PromptImage]:
    """Return the newest pictures that the customer sent, as a model is shown them."""
    found = [
        PromptImage(sha256=media.sha256, mime_type=kind)
        for message in unanswered
        if message.content is not None
        and message.content.kind == "image"
        and (media := message.content.media) is not None
        and media.sha256 is not None
        and (kind := (media.mime_type or "").partition(";")[0].strip().lower()) in _SEEN
    ]
    return found[-IMAGES_MAX:]
