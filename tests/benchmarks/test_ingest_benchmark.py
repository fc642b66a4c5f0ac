"""Reading files: the whole path of `parse_file` beside the libraries alone, and its memory."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest
import structlog
from pdf_corpus import write_pdf
from processes_seen import family
from report import ratio, write_section
from small_files import small_files

from rag_indexer.parser_process import ParserLimits, parse_file

READER = Path(__file__).with_name("reading_alone.py")
ROUNDS = 3
MANY, PAGES_OF_MANY, LARGE_PAGES = 40, 50, 2_000
PICTURE_BYTES = 125_000
PYPDF_FILES = 2
SAMPLE_SECONDS = 0.05
SMALL_ROUNDS, SMALL_TIMES = 5, 10
ALONE = """
import sys
from rag_indexer.file_source import FileSource
from rag_indexer.parser_child import parse
from rag_indexer.parser_limits import limit_self
limit_self(1024 ** 3, 60)
parse(FileSource(0), sys.argv[1], lambda *_: None)
"""


COLUMNS = (
    "way", "many: pages/s", "of pypdfium2", "one large: pages/s", "of pypdfium2",
    "pages per CPU second", "of pypdfium2", "asking process", "children resident",
    "children private",
)  # fmt: skip


@dataclass
class Seen:
    """One run of the reader: what it said and the most memory it and its children had, in MiB."""

    said: dict[str, float] = field(default_factory=dict)
    before: float = 0.0
    own: float = 0.0
    children: float = 0.0
    children_private: float = 0.0

    @property
    def pages_per_second(self) -> float:
        return self.said["pages"] / self.said["seconds"]

    @property
    def pages_per_cpu_second(self) -> float:
        return self.said["pages"] / self.said["cpu_seconds"]


def watched(mode: str, at_once: int, files: list[Path]) -> Seen:
    """Run the reader and look at its memory all the while."""
    command = [sys.executable, str(READER), mode, str(at_once), *map(str, files)]
    seen = Seen()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline().strip() == "ready"
        seen.before = memory(reader.pid)[0]
        while reader.poll() is None:
            sizes = [memory(pid) for pid in family(reader.pid)]
            if sizes:
                seen.own = max(seen.own, sizes[0][0])
                seen.children = max(seen.children, sum(size for size, _ in sizes[1:]))
                seen.children_private = max(
                    seen.children_private, sum(private for _, private in sizes[1:])
                )
            time.sleep(SAMPLE_SECONDS)
        seen.said = json.loads(reader.stdout.read())
    return seen


def memory(pid: int) -> tuple[float, float]:
    """Resident and anonymous MiB: pages of the mapped file are resident and belong to the cache."""
    found = {"Rss": 0.0, "Anonymous": 0.0}
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name in found:
            found[name] = int(value.split()[0]) / 1024
    return found["Rss"], found["Anonymous"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[Path], Path]]:
    """Forty PDFs of fifty pages and one of two thousand, 250 MB each half."""
    folder = tmp_path_factory.mktemp("pdf")
    many = [folder / f"{number}.pdf" for number in range(MANY)]
    for file in many:
        write_pdf(file, PAGES_OF_MANY, PICTURE_BYTES)
    large = folder / "large.pdf"
    write_pdf(large, LARGE_PAGES, PICTURE_BYTES)
    yield many, large
    for file in (*many, large):
        file.unlink()


@pytest.mark.timeout(1200)
def test_reading_pdf(corpus: tuple[list[Path], Path]) -> None:
    many, large = corpus
    ways: dict[str, tuple[str, int]] = {
        "pypdfium2 alone": ("pdfium", 1),
        "parse_file": ("indexer", 1),
        "parse_file, two at once": ("indexer", 2),
        "pypdf alone": ("pypdf", 1),
    }
    seen: dict[str, list[tuple[Seen, Seen]]] = {way: [] for way in ways}
    for number in range(ROUNDS):
        for way, (mode, at_once) in ways.items():
            if mode == "pypdf" and number:
                continue
            slow = mode == "pypdf"
            first = watched(mode, at_once, many[:PYPDF_FILES] if slow else many)
            seen[way].append((first, first if slow else watched(mode, at_once, [large])))
    rows = [table_row(way, runs, seen["pypdfium2 alone"]) for way, runs in seen.items()]
    write_section(
        "Reading PDF",
        f"""{MANY} files of {PAGES_OF_MANY} pages and one of {LARGE_PAGES}, 500 MB in all, each page
with 3,500 characters and a picture; median of {ROUNDS} rounds in turn, pypdf on {PYPDF_FILES} files
only. `parse_file` is the whole way: a limited child a file, text cleaned, page marks, and back. On
a machine that others use, read the pages per CPU second. Memory in MiB, the most that was seen: of
the process that asks (as it was before → most), and of the parser server with its children; of
their resident pages those of the mapped file belong to the page cache, private ones do not. Aim:
90 % of pypdfium2 alone, and memory that does not grow with the file.""",
        COLUMNS,
        rows,
    )


def table_row(
    way: str, runs: list[tuple[Seen, Seen]], alone: list[tuple[Seen, Seen]]
) -> tuple[object, ...]:
    cells: list[object] = [way]
    for half in (0, 1):
        speed = median(run[half].pages_per_second for run in runs)
        compared = median(run[half].pages_per_second for run in alone)
        cells += [f"{speed:.0f}", ratio(speed, compared)]
    both = [one for run in runs for one in run]
    lean = median(one.pages_per_cpu_second for one in both)
    compared = median(one.pages_per_cpu_second for run in alone for one in run)
    cells += [f"{lean:.0f}", ratio(lean, compared)]
    before, most = median(one.before for one in both), max(one.own for one in both)
    cells.append(f"{before:.0f} → {most:.0f}")
    has_children = any(one.children for one in both)
    cells.append(f"{max(one.children for one in both):.0f}" if has_children else "–")
    cells.append(f"{max(one.children_private for one in both):.0f}" if has_children else "–")
    return tuple(cells)


@pytest.mark.timeout(600)
def test_small_files(tmp_path: Path) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    rows = []
    for name, content in small_files(tmp_path).items():
        file = tmp_path / name
        file.write_bytes(content)
        forked, alone = in_turn(
            lambda file=file: asyncio.run(forked_reads(file)), lambda file=file: own_process(file)
        )
        rows.append((name, f"{forked:.1f}", f"{alone:.0f}", ratio(alone, forked)))
    write_section(
        "Small files",
        f"""Milliseconds to read one small file, one after the other, median of {SMALL_ROUNDS}
rounds: `parse_file` (a limited child forked by the warm parser server) against a Python process
started for the file that limits itself in the same way, imports the loader and reads.""",
        ("file", "parse_file ms", "own process ms", "own process costs"),
        rows,
    )


def in_turn(*ways: Callable[[], float]) -> list[float]:
    """The median of each, measured in turn."""
    measured = [[way() for way in ways] for _ in range(SMALL_ROUNDS)]
    return [median(column) for column in zip(*measured, strict=True)]


async def forked_reads(file: Path) -> float:
    content, limits = await asyncio.to_thread(file.read_bytes), ParserLimits()
    await parse_file(content, file.name, limits)
    started = time.perf_counter()
    for _ in range(SMALL_TIMES):
        await parse_file(content, file.name, limits)
    return (time.perf_counter() - started) / SMALL_TIMES * 1000


def own_process(file: Path) -> float:
    started = time.perf_counter()
    with file.open("rb") as content:
        subprocess.run([sys.executable, "-I", "-c", ALONE, file.name], stdin=content, check=True)
    return (time.perf_counter() - started) * 1000
