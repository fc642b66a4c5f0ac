"""A platform as an operator would run it: durable database, usual leases."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_platform import WholePlatform, whole_platform


@pytest.fixture(scope="session")
def platform() -> Iterator[WholePlatform]:
    """All seven services with fsync on; statuses off, so that replies alone are measured."""
    folder = Path(tempfile.mkdtemp(prefix="chat-bench-"))
    folder.chmod(0o755)
    try:
        with whole_platform(folder, durable=True, CHAT_LOG_LEVEL="warning") as running:
            running.simulator(running.meta_url, "statuses", {"delays_seconds": {}})
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)
