"""Reads what comes with a file: multipart forms and their JSON twins, and Meta's size limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import BodyPartReader, web

from simulators.meta.envelope import GraphError, json_object

MEBIBYTE = 1024 * 1024
_DOCUMENT = "document"
_KIND_LIMITS = {
    "image": 5 * MEBIBYTE,
    "audio": 16 * MEBIBYTE,
    "video": 16 * MEBIBYTE,
    "sticker": 500 * 1024,
    _DOCUMENT: 100 * MEBIBYTE,
}
_TYPES = {
    "image/jpeg": "image",
    "image/png": "image",
    "image/webp": "sticker",
    "audio/aac": "audio",
    "audio/amr": "audio",
    "audio/mpeg": "audio",
    "audio/mp4": "audio",
    "audio/ogg": "audio",
    "video/mp4": "video",
    "video/3gpp": "video",
    "text/plain": _DOCUMENT,
}
"""WhatsApp's media types -> kind; office files and PDF are documents too."""
_DOCUMENT_PREFIXES = (
    "application/pdf",
    "application/msword",
    "application/vnd.ms-",
    "application/vnd.openxmlformats-officedocument.",
)
MESSENGER_LIMIT_BYTES = 25 * MEBIBYTE


@dataclass(slots=True)
class Upload:
    """A form with at most one file."""

    fields: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    content_type: str = "application/octet-stream"
    filename: str = ""

    def json(self, name: str) -> Any:
        """A field that holds JSON; None when it is absent."""
        try:
            return orjson.loads(self.fields[name]) if name in self.fields else None
        except orjson.JSONDecodeError:
            raise GraphError(100, f"(#100) Param {name} must be JSON") from None


async def read_upload(request: web.Request) -> Upload:
    """The form of a request: multipart, or the JSON of Meta's examples."""
    upload = Upload()
    if not request.content_type.startswith("multipart/"):
        fields = json_object(await request.read())
        upload.fields = {key: _as_text(value) for key, value in fields.items()}
        if fields.get("file"):
            upload.content, upload.content_type = str(fields["file"]).encode(), "text/plain"
        return upload
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        if part.name in ("file", "filedata"):
            upload.content = bytes(await part.read())
            upload.content_type = part.headers.get("Content-Type", upload.content_type)
            upload.filename = part.filename or ""
        elif part.name:
            upload.fields[part.name] = await part.text()
    return upload


def check_whatsapp_file(content: bytes, content_type: str) -> None:
    """Refuse a type or size that the Cloud API does not take."""
    bare = content_type.partition(";")[0].strip().lower()
    kind = _TYPES.get(bare) or (_DOCUMENT if bare.startswith(_DOCUMENT_PREFIXES) else "")
    if not kind:
        allowed = ", ".join(sorted(_TYPES))
        raise GraphError(
            100, f"Param file must be a file with one of the following types: {allowed}, office"
            f" documents, application/pdf. Received file of type '{bare}'."
        )  # fmt: skip
    if not content:
        raise GraphError(131053, "The uploaded file is empty")
    if len(content) > _KIND_LIMITS[kind]:
        raise GraphError(
            131053, f"Media file size too big. Max file size we currently support: "
            f"{_KIND_LIMITS[kind]} bytes."
        )  # fmt: skip


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
