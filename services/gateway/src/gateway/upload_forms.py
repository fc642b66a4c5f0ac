"""Reading uploaded files: a form of files and some words of text, and not a byte beyond the cap."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from gateway.json_bodies import refuse_declared, too_large
from gateway.problems import Problem
from gateway.turns import Turns
from gateway.words import printable

# What the form's own lines and the text fields may take beside the file.
_FORM_BYTES: Final = 64 * 1024
_READ_SECONDS_MAX: Final = 120.0
_CHARACTERS_MAX: Final = 500
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class FileForm:
    """A file and the text fields beside it."""

    data: bytes
    file_name: str
    declared_type: str | None
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class FormRule:
    """What a form may hold: bytes, files and text fields with their longest values."""

    bytes_max: int
    names: dict[str, int]
    files_max: int = 1
    seconds_max: float = _READ_SECONDS_MAX


@dataclass(frozen=True, slots=True)
class ArrivedForm:
    """A form that lies on disk."""

    files: list[UploadFile]
    fields: dict[str, str]


class Receiving:
    """Lets a sender's files arrive, so many at once, and holds a few of everybody's in memory.

    A file that arrives lies on disk: one who sends slowly keeps nobody else waiting.
    """

    def __init__(self, *, of_sender: int, in_memory: int) -> None:
        self._turns = Turns(of_sender)
        self._in_memory = asyncio.Semaphore(in_memory)

    @asynccontextmanager
    async def file(
        self, request: Request, sender: str, bytes_max: int, names: set[str]
    ) -> AsyncIterator[FileForm]:
        """Read `file` and these text fields; it is in memory until the block ends.

        Problems: 413 over the cap, 400 no form, 422 wrong fields, 408 too slow.
        """
        rule = FormRule(bytes_max, dict.fromkeys(names, _CHARACTERS_MAX))
        async with (
            self.form(request, sender, rule) as arrived,
            self.opened(arrived, arrived.files[0], bytes_max) as form,
        ):
            yield form

    @asynccontextmanager
    async def form(
        self, request: Request, sender: str, rule: FormRule
    ) -> AsyncIterator[ArrivedForm]:
        """Let a form arrive; problems as `file`."""
        async with self._turns.of(sender):
            form = await _received(request, rule)
            try:
                yield _arrived(form, rule)
            finally:
                await form.close()

    @asynccontextmanager
    async def opened(
        self, arrived: ArrivedForm, file: UploadFile, bytes_max: int
    ) -> AsyncIterator[FileForm]:
        """Hold one of its files in memory; a 413 problem if it alone is over the cap."""
        if file.size is not None and file.size > bytes_max:
            raise too_large(bytes_max, "file_too_large")
        async with self._in_memory:
            yield FileForm(
                data=await file.read(),
                file_name=safe_name(file.filename or ""),
                declared_type=(file.content_type or "")[:255] or None,
                fields=arrived.fields,
            )


async def _received(request: Request, rule: FormRule) -> FormData:
    bytes_max = rule.bytes_max
    declared = request.headers.get("content-length")
    refuse_declared(declared, bytes_max + _FORM_BYTES, too_large(bytes_max, "file_too_large"))
    parser = MultiPartParser(
        request.headers,
        _capped(request, bytes_max + _FORM_BYTES),
        max_files=rule.files_max,
        max_fields=len(rule.names) + 16,
        max_part_size=max((_CHARACTERS_MAX, *rule.names.values())) * 4,
    )
    try:
        async with asyncio.timeout(rule.seconds_max):
            return await parser.parse()
    except MultiPartException as error:
        raise Problem(400, "invalid_form", f"The form cannot be read: {error.message}") from None
    except ClientDisconnect:
        raise Problem(400, "incomplete_body", "The file did not arrive whole.") from None
    except TimeoutError:
        raise Problem(408, "request_timeout", "The file did not arrive in time.") from None


def _arrived(form: FormData, rule: FormRule) -> ArrivedForm:
    files = [file for file in form.getlist("file") if isinstance(file, UploadFile)]
    is_whole = len(files) == len(form.getlist("file"))
    if set(form) - {"file", *rule.names} or not files or not is_whole:
        beside = ", ".join(f"`{name}`" for name in sorted(rule.names)) or "nothing"
        raise wrong_field("file", f"Send the file as `file`, with {beside} beside it at most.")
    fields = {name: _text(form, name, longest) for name, longest in rule.names.items()}
    return ArrivedForm(files, fields)


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


def _text(form: FormData, name: str, longest: int) -> str:
    """The field's words; given more than once, they are one list."""
    values = [value for value in form.getlist(name) if isinstance(value, str)]
    text = _UNSAFE.sub("", printable(",".join(values))).strip()
    if len(text) > longest:
        raise wrong_field(name, f"At most {longest} characters.")
    return text


def wrong_field(field: str, detail: str) -> Problem:
    """422 for a field of a form."""
    return Problem(422, "invalid", detail, errors=[{"field": f"body.{field}", "detail": detail}])
