"""Texts without files, many at once: what a shop's catalogue or an evaluation pushes in."""

import asyncio
import hashlib
from collections import Counter
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from gateway.api.guarded_route import LargeJsonRoute
from gateway.api.parts import Caller, Parts, Shape, With
from gateway.document_words import Language, OwnId, Said, Title, changes_of
from gateway.repeats import new_id
from gateway.upload_forms import safe_name
from gateway.uploads import TEXT_TYPE, Change, Content, Wanted

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/documents", tags=["documents"], route_class=LargeJsonRoute
)

TEXT_BYTES_MAX = 200 * 1024
TEXTS_MAX = 100
_EXTENSIONS = {"text/plain": ".txt", "text/markdown": ".md"}


def _short_enough(text: str) -> str:
    if len(text.encode()) > TEXT_BYTES_MAX:
        raise ValueError(f"at most {TEXT_BYTES_MAX // 1024} KiB of UTF-8")
    return text


class TextRecord(Shape, Said):
    """A text that is to be found."""

    title: Title = Field(description="As citations name it.")
    text: Annotated[
        str,
        StringConstraints(min_length=1, max_length=TEXT_BYTES_MAX),
        AfterValidator(_short_enough),
    ] = Field(description="200 KiB at most.")
    media_type: Literal["text/plain", "text/markdown"] = Field(
        TEXT_TYPE, description="Whether `# …` is a heading."
    )
    external_id: OwnId | None = Field(
        None, description="Your own id: given again with other words, it is replaced."
    )
    language: Language | None = Field(None, description="BCP 47; told from the words if absent.")


class TextRecords(Shape):
    """Texts to be kept."""

    items: Annotated[list[TextRecord], Field(min_length=1, max_length=TEXTS_MAX)] = Field(
        description="One document each."
    )


class KeptText(BaseModel):
    """What became of a text."""

    document_id: UUID
    external_id: str | None
    title: str
    sha256: str
    outcome: Literal["created", "replaced", "updated", "unchanged", "removed"] = Field(
        description="`updated`: only tags, metadata and the like changed; `removed`: this "
        "Idempotency-Key made a document that was deleted since."
    )


class KeptTexts(BaseModel):
    """What became of them, in the order in which they were sent."""

    items: list[KeptText]


@router.post("/texts")
async def keep_texts(
    tenant_id: UUID, body: TextRecords, request: Request, parts: With, who: Caller
) -> KeptTexts:
    """Keep up to 100 texts, all or none; each is searchable seconds later.

    A text whose `external_id` is known is replaced when its words, title or language changed.
    """
    digests = await _stored(parts, body.items)
    wanted = [
        # With the digest: a key that is used again on another day overwrites nothing.
        _wanted(new_id(request, who, f"text\0{place}\0{sha256}"), record, sha256)
        for place, (record, sha256) in enumerate(zip(body.items, digests, strict=True))
    ]
    async with parts.outbox.transaction(tenant_id) as tx:
        changes = await parts.keeper.keep(tx, tenant_id, wanted)
        outcomes = Counter(str(change.outcome) for change in changes)
        if outcomes.keys() - {"unchanged"}:
            await parts.audit.note(tx, tenant_id, who, "document.texts_kept", tenant_id, **outcomes)
    return KeptTexts(items=[_kept(change) for change in changes])


async def _stored(parts: Parts, records: list[TextRecord]) -> list[str]:
    """Hashes of the texts, which are in blobs now."""
    texts = {hashlib.sha256(data).hexdigest(): data for data in map(_bytes, records)}
    await asyncio.gather(*(parts.blobs.put(data) for data in texts.values()))
    return [hashlib.sha256(_bytes(record)).hexdigest() for record in records]


def _bytes(record: TextRecord) -> bytes:
    return record.text.encode()


def _wanted(document_id: UUID, record: TextRecord, sha256: str) -> Wanted:
    return Wanted(
        document_id=document_id,
        kind="text",
        external_id=record.external_id,
        changes=changes_of(record),
        content=Content(
            sha256=sha256,
            size_bytes=len(_bytes(record)),
            file_name=safe_name(record.title)[:180] + _EXTENSIONS[record.media_type],
            media_type=record.media_type,
            declared_type=record.media_type,
            title=record.title,
            language=record.language,
        ),
    )


def _kept(change: Change) -> KeptText:
    upload = change.upload
    return KeptText(
        document_id=upload.document_id,
        external_id=upload.external_id,
        title=upload.title,
        sha256=upload.sha256,
        outcome=change.outcome,
    )
