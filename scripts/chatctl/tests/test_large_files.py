"""Sending in pieces: what is worth another try, and what is not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from chatctl import large_files
from chatctl.gateway_api import ApiProblem
from chatctl.large_files import Places, send_in_pieces

PLACE = "/api/tenants/t/uploads/u"


class Gateway:
    """Takes uploads, and answers their bytes as it was told to."""

    def __init__(self, code: str = "") -> None:
        self.code = code
        self.begun = self.offset = self.pieces = 0

    async def exchange(self, method: str, path: str, **sent: Any) -> tuple[Any, dict[str, str]]:
        if method == "POST":
            self.begun += 1
            self.offset = 0
            return None, {"Location": PLACE}
        if method == "PATCH":
            self.pieces += 1
            assert self.pieces < 50, "it never ends"
            if self.code:
                code, self.code = self.code, ""
                raise ApiProblem(409, {"code": code})
            self.offset += len(sent["data"])
        done = {"Chat-Document-Id": "d"} if self.offset == 8 else {}
        return None, {"Upload-Offset": str(self.offset), **done}


def send(gateway: Gateway, folder: Path, size: int = 8) -> str:
    file = folder / "large.pdf"
    file.write_bytes(b"x" * size)
    places = Places(folder / "uploads.json")

    def shown(_done: int, _total: int) -> None:
        return

    return asyncio.run(
        send_in_pieces(gateway, "/api/tenants/t/uploads", file, {}, places, shown)  # type: ignore[arg-type]
    )


def test_a_refusal_that_stays_is_told_at_once(tmp_path: Path) -> None:
    gateway = Gateway("wrong_kind")
    with pytest.raises(ApiProblem, match="wrong_kind"):
        send(gateway, tmp_path)
    assert (gateway.begun, gateway.pieces) == (1, 1)
    assert Places(tmp_path / "uploads.json")._read() == {}


@pytest.mark.parametrize("code", ["wrong_offset", "upload_lost"])
def test_what_another_try_may_mend_is_tried_again(tmp_path: Path, code: str) -> None:
    gateway = Gateway(code)
    assert send(gateway, tmp_path) == "d"
    assert gateway.pieces == 2


def test_a_file_that_became_shorter_ends_the_sending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_files, "_size", lambda _path: 8)
    with pytest.raises(OSError, match="shorter"):
        send(Gateway(), tmp_path, size=5)
