"""Brings files to the provider before the message that shows them is called.

An upload has no effect that a customer sees, so it is made while its send is `planned`: a process
that dies meanwhile leaves nothing in doubt, and the send is tried again.
"""

from __future__ import annotations

import asyncio
import mimetypes
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar
from uuid import UUID

import aiohttp
import orjson

from blobs import BlobCorrupt, BlobMissing, Blobs
from channel_ingress.action_table import Action, action_for
from channel_ingress.domain import (
    Accepted,
    CallResult,
    Failed,
    NotSent,
    Outcome,
    Refused,
    Retry,
    Unanswered,
    decide_outcome,
)
from channel_ingress.graph import Answered, GraphClient
from channel_ingress.media_fitness import limits_of, unfit_because
from channel_ingress.media_upload_store import MediaUploadStore
from channel_ingress.metrics import DEGRADED
from channel_ingress.reading import MALFORMED, Json, identifier
from channel_ingress.rendering import Part
from channel_ingress.rendering.media_limits import base_type
from channel_ingress.rendering.messenger_shapes import ATTACHMENT_TYPES
from channel_ingress.send_store import Claim
from channel_ingress.store import SendingChannel
from contracts.v1.shapes import OutgoingMedia
from observe import get_logger
from postgres import Database, DatabaseAway

DAY_SECONDS = 86_400.0
WHATSAPP_LIFE_SECONDS = 29 * DAY_SECONDS
"""Meta keeps an uploaded file for 30 days."""
MESSENGER_LIFE_SECONDS = 89 * DAY_SECONDS
"""Attachment ids end after 90 days."""
UPLOADS_AT_ONCE = 2
"""Files are held in memory while they go out, up to 100 MB each."""
REMEMBERED = 1_000

UPLOADING = Action(
    "media_uploading", "The file is on its way to Meta.", retries=10, first_seconds=10.0
)
MEDIA_MISSING = Action("media_missing", "The file is not in our storage.")
MEDIA_FAILED = Action("media_failed", "Meta could not take the file.", fallback="text")
REFUSED_CODES = frozenset({131052, 131053})

_log = get_logger("media_upload")

_Key: TypeAlias = tuple[UUID, str, str]
_T = TypeVar("_T")
Trouble: TypeAlias = Refused | NotSent | Failed
"""Why a file is not at the provider; the send that waits for it learns it once."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A part that can be called now."""

    message: Json
    part: Part
    provider_media_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file that a send waits for."""

    channel: SendingChannel
    media: OutgoingMedia
    token: str


class MediaUploads:
    """The provider's copies of our files, made when they are needed."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        graph: GraphClient,
        store: MediaUploadStore,
        look_again: Callable[[], None],
    ) -> None:
        self._database, self._blobs, self._graph, self._store = database, blobs, graph, store
        self._look_again = look_again
        self._turn = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self._wanted: dict[UUID, _Wanted] = {}
        self._uploads: dict[_Key, asyncio.Task[None]] = {}
        self._waiting: set[asyncio.Task[None]] = set()
        self._troubles: OrderedDict[_Key, Trouble] = OrderedDict()
        self._unfit: OrderedDict[_Key, str] = OrderedDict()

    async def ready(
        self, claim: Claim, channel: SendingChannel, part: Part, token: str
    ) -> Ready | Outcome:
        """The part with its file's id; or what becomes of the send while the file is not there.

        An outcome that says `media_uploading` is to be committed, then `begin` uploads.
        """
        part = self._fitting(channel, part, only_text=claim.fallback == "text")
        media = part.needs_media
        if media is None:
            return Ready(part.message, part)
        unfit = self._unfit.get(_key(channel, media))
        if unfit is not None:
            return Failed(MEDIA_FAILED, None, f"{MEDIA_FAILED.sentence} ({unfit})"[:512])
        try:
            async with self._database.transaction(channel.tenant_id) as tx:
                provider_media_id = await self._store.find(tx, channel, media)
        except DatabaseAway as error:
            return decide_outcome(NotSent(str(error)), claim.tries)
        if provider_media_id is not None:
            return Ready(part.with_media(provider_media_id), part, provider_media_id)
        trouble = self._troubles.pop(_key(channel, media), None)
        pause = UPLOADING.pause_seconds(claim.tries)
        if trouble is None and pause is None:
            trouble = NotSent("the upload did not end")
        if trouble is not None:
            return _after_trouble(trouble, claim, part)
        self._wanted[claim.command.send_id] = _Wanted(channel, media, token)
        return Retry(pause or 0.0, UPLOADING, None, UPLOADING.sentence)

    def begin(self, send_id: UUID) -> None:
        """Upload what this send waits for, if it does; its turn comes when that has ended."""
        wanted = self._wanted.pop(send_id, None)
        if wanted is None:
            return
        key = _key(wanted.channel, wanted.media)
        upload = self._uploads.get(key)
        if upload is None:
            upload = asyncio.create_task(self._upload(wanted), name=f"upload {key[1][:12]}")
            self._uploads[key] = upload
            upload.add_done_callback(lambda _: self._uploads.pop(key, None))
        waiting = asyncio.create_task(self._hasten(upload, send_id, wanted.channel.tenant_id))
        self._waiting.add(waiting)
        waiting.add_done_callback(self._waiting.discard)

    async def learn(self, channel: SendingChannel, ready: Ready, result: CallResult) -> None:
        """After the call: an id that Meta did not take is not used again; a loss is counted."""
        if isinstance(result, Accepted) and ready.part.warning is not None:
            DEGRADED.labels(channel.channel_type, ready.part.warning).inc()
            _log.warning("a file went out as its name only", reason=ready.part.warning)
        media = ready.part.needs_media
        if not isinstance(result, Refused) or result.code not in REFUSED_CODES:
            return
        if media is None or ready.provider_media_id is None:
            return
        try:
            async with self._database.transaction(channel.tenant_id) as tx:
                await self._store.forget(tx, channel, media, ready.provider_media_id)
        except DatabaseAway as error:
            _log.warning("a refused file id is not forgotten", reason=str(error))

    async def close(self) -> None:
        """Give uploads up; their sends are planned and come back."""
        running = [*self._uploads.values(), *self._waiting]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _fitting(self, channel: SendingChannel, part: Part, *, only_text: bool) -> Part:
        """The first shape whose bytes were not found unfit; at last the text behind them."""
        while part.needs_media is not None and part.fallback is not None:
            if not only_text and _key(channel, part.needs_media) not in self._unfit:
                break
            part = part.fallback
        return part

    async def _hasten(self, upload: asyncio.Task[None], send_id: UUID, tenant_id: UUID) -> None:
        """After the upload, whatever became of it, the send's turn is now."""
        await asyncio.wait([upload])
        try:
            async with self._database.transaction(tenant_id) as tx:
                await self._store.hasten(tx, send_id)
        except DatabaseAway as error:
            _log.warning("a send waits out its pause", reason=str(error))
        self._look_again()

    async def _upload(self, wanted: _Wanted) -> None:
        key = _key(wanted.channel, wanted.media)
        try:
            async with self._turn:
                trouble = await self._try(wanted.channel, wanted.media, wanted.token)
        except (BlobMissing, BlobCorrupt) as error:
            words = f"{MEDIA_MISSING.sentence} ({type(error).__name__} {wanted.media.sha256})"
            trouble = Failed(MEDIA_MISSING, None, words)
        except (OSError, DatabaseAway) as error:
            trouble = NotSent(f"{type(error).__name__}: {error}"[:300])
        if trouble is not None:
            _log.warning("a file was not uploaded", sha256=key[1], reason=str(trouble)[:300])
            _remember(self._troubles, key, trouble)

    async def _try(
        self, channel: SendingChannel, media: OutgoingMedia, token: str
    ) -> Trouble | None:
        async with self._database.transaction(channel.tenant_id) as tx:
            if await self._store.find(tx, channel, media) is not None:
                return None  # another send's upload has ended since this one looked
        content = await self._blobs.get(media.sha256)
        platform = channel.choices.platform if channel.choices else None
        unfit = unfit_because(media, content, limits_of(channel.channel_type, platform))
        if unfit is not None:
            _log.info("a file does not fit its shape", sha256=media.sha256, reason=unfit)
            _remember(self._unfit, _key(channel, media), unfit)
            return None
        path, form = upload_request(channel, media, content, platform)
        answer = await self._graph.upload(path, form, token)
        if not isinstance(answer, Answered):
            # Nobody sees an upload: one whose answer was not read may simply be made again.
            return NotSent(answer.reason) if isinstance(answer, Unanswered) else answer
        is_whatsapp = channel.channel_type == "whatsapp"
        try:
            provider_media_id = identifier(answer.body["id" if is_whatsapp else "attachment_id"])
        except MALFORMED:
            return NotSent("the upload was answered without an id")
        life_seconds = WHATSAPP_LIFE_SECONDS if is_whatsapp else MESSENGER_LIFE_SECONDS
        async with self._database.transaction(channel.tenant_id) as tx:
            await self._store.keep(tx, channel, media, provider_media_id, life_seconds)
        return None


def upload_request(
    channel: SendingChannel, media: OutgoingMedia, content: bytes, platform: str | None
) -> tuple[str, aiohttp.FormData]:
    """Path and form of an upload."""
    form = aiohttp.FormData()
    name = media.file_name or f"file{mimetypes.guess_extension(base_type(media.mime_type)) or ''}"
    if channel.channel_type == "whatsapp":
        form.add_field("messaging_product", "whatsapp")
        form.add_field("type", media.mime_type)
        form.add_field("file", content, filename=name, content_type=media.mime_type)
        return f"{channel.external_id}/media", form
    attachment = {"type": ATTACHMENT_TYPES[media.kind], "payload": {"is_reusable": True}}
    form.add_field("message", orjson.dumps({"attachment": attachment}).decode())
    if platform == "instagram":
        form.add_field("platform", "instagram")
    form.add_field("filedata", content, filename=name, content_type=media.mime_type)
    return f"{channel.external_id}/message_attachments", form


def _after_trouble(trouble: Trouble, claim: Claim, part: Part) -> Outcome:
    """What a failed upload means for its send: the file's own fault ends in the text behind it."""
    if isinstance(trouble, Failed):
        return trouble
    if isinstance(trouble, NotSent) or _is_not_the_files_fault(trouble):
        return decide_outcome(trouble, claim.tries)
    detail = f"{MEDIA_FAILED.sentence} ({trouble.message})"[:512]
    if part.fallback is not None and claim.fallback is None:
        return Retry(0.0, MEDIA_FAILED, trouble.code, detail, "text")
    return Failed(MEDIA_FAILED, trouble.code, detail)


def _is_not_the_files_fault(refused: Refused) -> bool:
    action = action_for(refused.code, refused.http_status, refused.subcode)
    return action.park is not None or (action.retries > 0 and refused.code not in REFUSED_CODES)


def _key(channel: SendingChannel, media: OutgoingMedia) -> _Key:
    return channel.channel_id, media.sha256, media.kind


def _remember(book: OrderedDict[_Key, _T], key: _Key, value: _T) -> None:
    book[key] = value
    if len(book) > REMEMBERED:
        book.popitem(last=False)
