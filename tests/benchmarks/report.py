"""`docs/benchmarks.md`: one section a benchmark, each rewritten by the run that measured it."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench`. Every section is one run on one machine; the rows of a table were measured
in turn in that run, so **read the ratios**: the machine is shared and its absolute speed drifts.
"""


def write_section(
    title: str, prose: str, header: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Replace (or add) the section of this title."""
    table = "\n".join(
        [
            "| " + " | ".join(header) + " |",
            "|" + "---|" * len(header),
            *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows),
        ]
    )
    stamp = f"*{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine()}*"
    section = f"## {title}\n\n{stamp}\n\n{prose.strip()}\n\n{table}\n"
    sections = _sections()
    sections[title] = section
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text("\n".join([HEAD, *sections.values()]), "utf-8")


def machine() -> str:
    """Cores, Python and load, in a few words."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f} at the end"


def ratio(value: float, other: float) -> str:
    """`0.62 ×`."""
    return f"{value / other:.2f} ×" if other else "–"


def _sections() -> dict[str, str]:
    if not FILE.exists():
        return {}
    parts = re.split(r"^## (.+)$", FILE.read_text("utf-8"), flags=re.MULTILINE)
    return {
        title: f"## {title}{body.rstrip()}\n"
        for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }
