"""For every test: logs are put back as they were; without testkit, what needs it is left out."""

from __future__ import annotations

import importlib.util
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

ALONE = importlib.util.find_spec("testkit") is None
NEEDS_TESTKIT = re.compile(
    r"^\s*(from|import) (testkit|embedded|simulators)\b"
    r"|\b(service_database|amqp_vhost|empty_vhost|redis_url|recording_bus|failpoints|processes"
    r"|postgres_admin_url|servers|clock)\b *[,:)]",
    re.MULTILINE,
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:  # noqa: ARG001
    """Leave out a test file that uses the testkit when there is none."""
    if not ALONE or collection_path.suffix != ".py" or collection_path.name == "conftest.py":
        return None
    return True if NEEDS_TESTKIT.search(collection_path.read_text()) else None


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Undo what `observe.configure` did: it would go on writing to this test's captured output."""
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook = hook
