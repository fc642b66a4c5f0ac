"""Reads PDFs, by a library alone or as the indexer does, in a process of its own.

`python reading_alone.py pdfium|pypdf|indexer AT_ONCE FILE…` says pages, characters, seconds and
CPU seconds as JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import structlog

Counted = tuple[int, int]


def by_pdfium(file: Path) -> Counted:
    import pypdfium2

    characters = 0
    with pypdfium2.PdfDocument(file) as document:
        for index in range(len(document)):
            page = document[index]
            text = page.get_textpage()
            characters += len(text.get_text_bounded())
            text.close()
            page.close()
        return len(document), characters


def by_pypdf(file: Path) -> Counted:
    from pypdf import PdfReader

    pages = PdfReader(file).pages
    return len(pages), sum(len(page.extract_text()) for page in pages)


async def by_indexer(files: list[Path], at_once: int) -> list[Counted]:
    from rag_indexer.parser_process import ParserLimits, parse_file

    room = asyncio.Semaphore(at_once)

    async def read(file: Path) -> Counted:
        async with room:
            document = await parse_file(file, file.name, ParserLimits())
            return document.pages or 0, len(document.text)

    return await asyncio.gather(*(read(file) for file in files))


def warmed(mode: str, smallest: Path) -> None:
    """Imports and the start of the parser server are not what is measured."""
    if mode == "indexer":
        asyncio.run(by_indexer([smallest], 1))
    else:
        LIBRARIES[mode](smallest)


LIBRARIES: dict[str, Callable[[Path], Counted]] = {"pdfium": by_pdfium, "pypdf": by_pypdf}


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    mode, at_once, files = sys.argv[1], int(sys.argv[2]), list(map(Path, sys.argv[3:]))
    warmed(mode, min(files, key=lambda file: file.stat().st_size))
    print("ready", flush=True)
    started = time.perf_counter()
    if mode == "indexer":
        counted = asyncio.run(by_indexer(files, at_once))
    else:
        counted = [LIBRARIES[mode](file) for file in files]
    seconds = time.perf_counter() - started
    if mode == "indexer":
        from rag_indexer.parser_client import server

        server().close()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    pages, characters = (sum(part) for part in zip(*counted, strict=True))
    said = {
        "pages": pages,
        "characters": characters,
        "seconds": seconds,
        "cpu_seconds": sum(one.ru_utime + one.ru_stime for one in used),
    }
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
