"""The form of a document: its file, and what may be said beside it."""

import asyncio
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import ConfigDict, ValidationError

from blobs import Blobs
from gateway.api.guarded_route import MULTIPART
from gateway.document_words import Language, OwnId, Said, Title, changes_of
from gateway.file_types import media_type_of
from gateway.upload_forms import FileForm, Receiving
from gateway.uploads import Content, Wanted

RECEIVING: Final = Receiving(of_sender=8, in_memory=4)
"""Shared by all routes that take documents."""

FIELDS: Final = {
    "title": 500,
    "language": 16,
    "external_id": 512,
    "enabled": 5,
    "expires_at": 64,
    "tags": 4_096,
    "metadata": 32_768,
    "chunking": 1_024,
}
"""Text fields beside the file, and their longest values."""

_AS_JSON: Final = frozenset({"metadata", "chunking"})
_KINDS_OF_FILE: Final = "PDF, DOCX, PPTX, XLSX, CSV, TSV, HTML, TXT or MD, told by its content"


class DocumentForm(Said):
    """The text fields of a form, read."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    language: Language | None = None
    external_id: OwnId | None = None


def form_schema(file: str, *, required: bool = True, many: bool = False) -> dict[str, Any]:
    """The OpenAPI description of a form; `file` says what the file is."""
    one = {"type": "string", "format": "binary", "description": f"{_KINDS_OF_FILE}; {file}"}
    properties: dict[str, Any] = {
        "file": {"type": "array", "items": one, "maxItems": 20} if many else one,
        "title": {"type": "string", "maxLength": 500},
        "language": {"type": "string", "maxLength": 16, "description": "BCP 47."},
        "external_id": {
            "type": "string",
            "maxLength": 512,
            "description": "Your own id: given again with other bytes, the document is replaced.",
        },
        "enabled": {"type": "boolean", "description": "Whether searches may see it."},
        "expires_at": {"type": "string", "format": "date-time"},
        "tags": {"type": "string", "description": "Separated by commas, or a JSON array."},
        "metadata": {"type": "string", "description": "A JSON object of names and values."},
        "chunking": {
            "type": "string",
            "description": "A JSON object: strategy, tokens, overlap_tokens, parent_tokens.",
        },
    }
    if many:
        del properties["title"], properties["external_id"]
    schema = {
        "type": "object",
        "required": ["file"] if required else [],
        "additionalProperties": False,
        "properties": properties,
    }
    return {"requestBody": {"required": True, "content": {MULTIPART: {"schema": schema}}}}


def read_fields(fields: dict[str, str]) -> DocumentForm:
    """The fields that were filled in; a 422 problem names those that do not fit."""
    given: dict[str, Any] = {name: text for name, text in fields.items() if text}
    for name in _AS_JSON & given.keys():
        given[name] = _json(name, given[name])
    if "tags" in given:
        text = str(given["tags"])
        parts = [part for part in text.split(",") if part.strip()]
        given["tags"] = _json("tags", text) if text.startswith("[") else parts
    try:
        return DocumentForm.model_validate(given)
    except ValidationError as error:
        wrong = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        raise RequestValidationError(wrong) from None


async def stored(blobs: Blobs, form: FileForm, said: DocumentForm) -> Content:
    """The file in blobs, and what it is; a 415 problem for what is not read here."""
    media_type = await asyncio.to_thread(media_type_of, form.file_name, form.data)
    return Content(
        sha256=await blobs.put(form.data),
        size_bytes=len(form.data),
        file_name=form.file_name,
        media_type=media_type,
        declared_type=form.declared_type,
        title=said.title,
        language=said.language,
    )


def wanted_of(document_id: UUID, content: Content, said: DocumentForm) -> Wanted:
    """The document that a form asks for."""
    return Wanted(
        document_id=document_id,
        content=content,
        external_id=said.external_id,
        changes=changes_of(said),
    )


def fingerprint(content: Content, said: DocumentForm) -> bytes:
    """What makes two requests under one idempotency key the same."""
    fields = said.model_dump(exclude_unset=True)
    return orjson.dumps([content.sha256, fields], default=_plain, option=orjson.OPT_SORT_KEYS)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _json(name: str, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        error = {"type": "json_invalid", "loc": ("body", name), "msg": "This is not JSON."}
        raise RequestValidationError([error]) from None
