"""Memory at rest, import time, and cold and warm start of each process."""

from __future__ import annotations

import subprocess
import sys
import time

from processes_seen import family, memory_mebibytes
from report import write_section
from whole_platform import WholePlatform

from chatctl.services import SERVICES
from embedded import RecordedProcess


def test_footprint(platform: WholePlatform):
    rows = []
    total_rss = total_pss = 0.0
    for service in SERVICES:
        process = platform.service(service.name)
        started = time.perf_counter()
        process.restart()
        ready = time.perf_counter() - started
        imported = _import_seconds(service.module)
        rss, pss = map(sum, zip(*map(memory_mebibytes, family(process.pid)), strict=True))
        total_rss, total_pss = total_rss + rss, total_pss + pss
        rows.append((service.name, f"{rss:.0f}", f"{pss:.0f}", f"{imported:.1f}", f"{ready:.1f}"))
    for name in ("postgres", "rabbitmq", "redis"):
        record = RecordedProcess.load(platform.servers.folder / name / "process.json")
        assert record is not None
        rss, pss = map(sum, zip(*map(memory_mebibytes, family(record.pid)), strict=True))
        total_rss, total_pss = total_rss + rss, total_pss + pss
        rows.append((name, f"{rss:.0f}", f"{pss:.0f}", "–", "–"))
    rows.append(("**total**", f"**{total_rss:.0f}**", f"**{total_pss:.0f}**", "", ""))
    write_section(
        "Footprint",
        """Each process just after it became ready, its children included. PSS counts shared pages
once. Aim: the whole of `make up` below 1.5 GB. Start is from the kill of the old process to
`/readyz` of the new one.""",
        ("process", "RSS MiB", "PSS MiB", "import s", "start to ready s"),
        rows,
    )


def _import_seconds(module: str) -> float:
    code = (
        "import time; s = time.perf_counter(); "
        f"import runpy; runpy.run_module('{module}', run_name='measured'); "
        "print(time.perf_counter() - s)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])
