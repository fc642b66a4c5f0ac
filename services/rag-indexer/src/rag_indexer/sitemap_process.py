"""Reads one foreign sitemap in a child process of its own, within limits."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from rag_indexer.parser_process import ParserLimits
from rag_indexer.web_failures import WebFailure

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Sitemap:
    """Addresses of pages, or of further sitemaps."""

    kind: Literal["index", "pages"]
    addresses: list[str]


async def read_sitemap(content: bytes, limits: ParserLimits) -> Sitemap:
    """The addresses, or `WebFailure`; a child that hangs or crashes takes nobody with it."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-m", "rag_indexer.sitemap_child"),
        *(str(limits.address_space_bytes), str(limits.cpu_seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limits.wall_seconds):
            said, _ = await child.communicate(content)
    except TimeoutError:
        raise WebFailure("not_a_sitemap", "reading it took too long") from None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
    return _understood(said)


def _understood(said: bytes) -> Sitemap:
    try:
        heard = json.loads(said)
    except ValueError:
        raise WebFailure("not_a_sitemap", "it cannot be read") from None
    if "refused" in heard:
        raise WebFailure("not_a_sitemap", heard["refused"])
    return Sitemap(heard["kind"], heard["addresses"])
