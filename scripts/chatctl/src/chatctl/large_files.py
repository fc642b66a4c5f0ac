"""Sending large files in pieces: a broken connection, or a stopped `chatctl`, goes on later."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from chatctl.gateway_api import UPLOAD_TIMEOUT, ApiProblem, GatewayApi
from chatctl.run_folder import write_private

LARGE_BYTES = 20 * 1024 * 1024
PIECE_BYTES = 4 * 1024 * 1024
TRIES = 10
PAUSE_SECONDS_MAX = 5.0
_TUS = {"Tus-Resumable": "1.0.0"}
_TRY_AGAIN = frozenset({423, 429, 460, 500, 502, 503, 504})
_MENDED_BY_ANOTHER_TRY = frozenset({"wrong_offset", "upload_lost"})


class Places:
    """Where uploads went on: remembered in a file, so that the next run finds them."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def find(self, key: str) -> str | None:
        """The address of an upload that was begun."""
        return self._read().get(key)

    def keep(self, key: str, place: str | None) -> None:
        """Remember it; None: it is done."""
        places = {name: where for name, where in self._read().items() if name != key}
        if place is not None:
            places[key] = place
        write_private(self._file, json.dumps(places))

    def _read(self) -> dict[str, str]:
        try:
            found: dict[str, str] = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return found


async def send_in_pieces(
    api: GatewayApi,
    uploads: str,
    path: Path,
    fields: Mapping[str, str],
    places: Places,
    progress: Callable[[int, int], None],
) -> str:
    """Send a file to the address `uploads`; return the id of its document."""
    size, key = _size(path), _key(uploads, path)
    tries = furthest = 0

    def came(done: int, total: int) -> None:
        nonlocal tries, furthest
        if done > furthest:
            tries, furthest = 0, done
        progress(done, total)

    while True:
        try:
            place = places.find(key) or await _begin(api, uploads, path, size, fields)
            places.keep(key, place)
            document_id = await _go_on(api, place, path, size, came)
        except ApiProblem as problem:
            if problem.status == 404 and places.find(key):
                places.keep(key, None)  # it rested too long: once more from the beginning
            elif not _may_mend(problem):
                places.keep(key, None)
                raise
            tries = _count(tries, problem)
        except (aiohttp.ClientError, TimeoutError) as failure:
            tries = _count(tries, failure)
        else:
            places.keep(key, None)
            return document_id
        await asyncio.sleep(min(PAUSE_SECONDS_MAX, 0.25 * 2**tries))


async def _begin(
    api: GatewayApi, uploads: str, path: Path, size: int, fields: Mapping[str, str]
) -> str:
    words = {"filename": path.name, **fields}
    metadata = ",".join(f"{name} {_base64(text.encode())}" for name, text in words.items())
    headers = {**_TUS, "Upload-Length": str(size), "Upload-Metadata": metadata}
    _, answer = await api.exchange("POST", uploads, headers=headers)
    return str(answer["Location"])


async def _go_on(
    api: GatewayApi, place: str, path: Path, size: int, progress: Callable[[int, int], None]
) -> str:
    _, answer = await api.exchange("HEAD", place, headers=_TUS)
    with path.open("rb") as file:
        while "Chat-Document-Id" not in answer:
            offset = int(answer["Upload-Offset"])
            progress(offset, size)
            file.seek(offset)
            piece = await asyncio.to_thread(file.read, PIECE_BYTES)
            if not piece:
                raise OSError(f"{path} has become shorter while it was sent")
            headers = {
                **_TUS,
                "Upload-Offset": str(offset),
                "Upload-Checksum": f"sha256 {_base64(hashlib.sha256(piece).digest())}",
                "Content-Type": "application/offset+octet-stream",
            }
            _, answer = await api.exchange(
                "PATCH", place, data=piece, headers=headers, timeout=UPLOAD_TIMEOUT
            )
    progress(size, size)
    return str(answer["Chat-Document-Id"])


def is_large(path: Path) -> bool:
    """Whether a file is better sent in pieces."""
    return _size(path) > LARGE_BYTES


def _size(path: Path) -> int:
    return path.stat().st_size


def _key(uploads: str, path: Path) -> str:
    found = path.stat()
    said: list[Any] = [uploads, str(path.resolve()), found.st_size, found.st_mtime_ns]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def _may_mend(problem: ApiProblem) -> bool:
    return problem.status in _TRY_AGAIN or problem.code in _MENDED_BY_ANOTHER_TRY


def _count(tries: int, failure: BaseException) -> int:
    if tries + 1 >= TRIES:
        raise failure
    return tries + 1


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
