"""The sources as the architecture tests read them."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = (
    "gateway",
    "channel-ingress",
    "orchestrator",
    "rag-indexer",
    "retriever",
    "llm-router",
    "webhook-dispatcher",
)


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that is, or is about to be, in the repository; relative to its root."""
    said = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    paths = [Path(name) for name in said.split("\0") if name]
    return tuple(path for path in paths if (ROOT / path).is_file())


@cache
def python_files() -> tuple[Path, ...]:
    """Every Python file, relative to the root."""
    return tuple(path for path in tracked_files() if path.suffix == ".py")


def production_files() -> tuple[Path, ...]:
    """Python files that are part of a package."""
    return tuple(path for path in python_files() if "src" in path.parts)


def text_of(path: Path) -> str:
    """Content of a file, relative to the root."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


@cache
def tree_of(path: Path) -> ast.Module:
    """Syntax tree of a Python file, relative to the root."""
    return ast.parse(text_of(path), filename=str(path))


def module_of(service: str) -> str:
    """Import name of a service."""
    return service.replace("-", "_")
