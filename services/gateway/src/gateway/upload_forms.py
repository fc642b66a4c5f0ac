"""Reading an uploaded file: one part and some words of text, and not a byte beyond the cap."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from gateway.json_bodies import refuse_declared, too_large
from gateway.problems import Problem
from gateway.words import printable

# What the form's own lines and the text fields may take beside the file.
_FORM_BYTES: Final = 64 * 1024
_READ_SECONDS_MAX: Final = 120.0
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")


@dataclass(frozen=True, slots=True)
class FileForm:
    """A file and the text fields beside it."""

    data: bytes
    file_name: str
    declared_type: str | None
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class UploadForm:
    """A document and what was said about it."""

    data: bytes
    file_name: str
    declared_type: str | None
    title: str
    language: str | None


class Receiving:
    """Lets a sender's files arrive, so many at once, and holds a few of everybody's in memory.

    A file that arrives lies on disk: one who sends slowly keeps nobody else waiting.
    """

    def __init__(self, *, of_sender: int, in_memory: int) -> None:
        self._of_sender = of_sender
        self._senders: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._in_memory = asyncio.Semaphore(in_memory)

    @asynccontextmanager
    async def file(
        self, request: Request, sender: str, bytes_max: int, names: set[str]
    ) -> AsyncIterator[FileForm]:
        """Read `file` and these text fields; it is in memory until the block ends.

        Problems: 413 over the cap, 400 no form, 422 wrong fields, 408 too slow.
        """
        turn = self._senders.get(sender)
        if turn is None:
            turn = self._senders[sender] = asyncio.Semaphore(self._of_sender)
        async with turn:
            form = await _received(request, bytes_max)
            try:
                async with self._in_memory:
                    yield await _form_of(form, bytes_max, names)
            finally:
                await form.close()

    @asynccontextmanager
    async def document(
        self, request: Request, sender: str, bytes_max: int
    ) -> AsyncIterator[UploadForm]:
        """Read a document's form, as `file`."""
        async with self.file(request, sender, bytes_max, {"title", "language"}) as form:
            yield UploadForm(
                data=form.data,
                file_name=form.file_name,
                declared_type=form.declared_type,
                title=form.fields["title"] or form.file_name,
                language=_language(form.fields["language"]),
            )


async def _received(request: Request, bytes_max: int) -> FormData:
    declared = request.headers.get("content-length")
    refuse_declared(declared, bytes_max + _FORM_BYTES, too_large(bytes_max, "file_too_large"))
    parser = MultiPartParser(
        request.headers,
        _capped(request, bytes_max + _FORM_BYTES),
        max_files=1,
        max_fields=4,
        max_part_size=4096,
    )
    try:
        async with asyncio.timeout(_READ_SECONDS_MAX):
            return await parser.parse()
    except MultiPartException as error:
        raise Problem(400, "invalid_form", f"The form cannot be read: {error.message}") from None
    except ClientDisconnect:
        raise Problem(400, "incomplete_body", "The file did not arrive whole.") from None
    except TimeoutError:
        raise Problem(408, "request_timeout", "The file did not arrive in time.") from None


async def _form_of(form: FormData, bytes_max: int, names: set[str]) -> FileForm:
    file = form.get("file")
    if set(form) - {"file", *names} or not isinstance(file, UploadFile):
        beside = " and ".join(f"`{name}`" for name in sorted(names, reverse=True)) or "nothing"
        raise _wrong("file", f"Send the file as `file`, with {beside} at most.")
    data = await file.read()
    if len(data) > bytes_max:
        raise too_large(bytes_max, "file_too_large")
    return FileForm(
        data=data,
        file_name=safe_name(file.filename or ""),
        declared_type=(file.content_type or "")[:255] or None,
        fields={name: _text(form.get(name)) for name in names},
    )


def safe_name(file_name: str) -> str:
    """The last part of the name as text: no path, no control or direction characters."""
    last = printable(file_name).replace("\\", "/").rpartition("/")[2]
    cleaned = _UNSAFE.sub("", last).strip()
    if len(cleaned) > 200:
        stem, dot, extension = cleaned.rpartition(".")
        cleaned = f"{stem[:180]}{dot}{extension[:16]}" if dot else cleaned[:200]
    return cleaned or "document"


async def _capped(request: Request, bytes_max: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > bytes_max:
            raise too_large(bytes_max - _FORM_BYTES, "file_too_large")
        yield chunk


def _text(value: object) -> str:
    text = _UNSAFE.sub("", printable(value)).strip() if isinstance(value, str) else ""
    if len(text) > 500:
        raise _wrong("title", "At most 500 characters.")
    return text


def _language(text: str) -> str | None:
    if text and (len(text) > 16 or not _LANGUAGE.fullmatch(text)):
        raise _wrong("language", "A language tag such as en or pt-BR.")
    return text or None


def _wrong(field: str, detail: str) -> Problem:
    return Problem(422, "invalid", detail, errors=[{"field": f"body.{field}", "detail": detail}])
