"""Many files at once: what one of them comes to stops none of the others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from rich.console import Console

from chatctl.command_documents import _sent
from chatctl.document_progress import DocumentBars


class Broken:
    """A gateway that goes away in the middle of an answer."""

    async def upload(self, *_: Any, **__: Any) -> Any:
        raise aiohttp.ServerDisconnectedError


@pytest.mark.parametrize("is_there", [True, False])
def test_a_file_that_cannot_be_sent_is_one_failure(tmp_path: Path, is_there: bool) -> None:
    file = tmp_path / "a.txt"
    if is_there:
        file.write_text("words")
    else:
        file.symlink_to(tmp_path)  # a folder where a file was
    bars = DocumentBars(Console(quiet=True))
    bars.begin(str(file), file.name)
    sent = asyncio.run(_sent(Broken(), "/documents", file, {}, bars))  # type: ignore[arg-type]
    assert sent is None
    assert bars.outcome.failed == 1
    assert bars.outcome.problems[0].rstrip() not in {"a.txt:", ""}
