"""The widget's sources and bundles: strictly typed, small, and from a lock without addresses."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from chatctl.run_folder import RunFolder
from chatctl.widget_build import UI, build_widget, node_and_npm, widget_is_current


@pytest.fixture(scope="module")
def node() -> str:
    """The node that `make up` would use, with the widget's packages installed and built."""
    folder = RunFolder.default()
    if not (UI / "node_modules/typescript").exists() or not widget_is_current(folder):
        build_widget(folder)
    programs, _ = node_and_npm()
    return str(programs / "node")


def run(node: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run node in the widget's folder, so that it also finds itself for its children."""
    path = f"{Path(node).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [node, *arguments],
        cwd=UI,
        env={**os.environ, "PATH": path},
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_types_hold(node: str) -> None:
    done = run(node, "node_modules/typescript/bin/tsc", "--noEmit")
    assert done.returncode == 0, done.stdout


def test_bundles_keep_to_their_budgets(node: str) -> None:
    done = run(node, "scripts/size.mjs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok") == 4


def test_the_lock_says_what_but_not_from_where() -> None:
    packages = json.loads((UI / "package-lock.json").read_text())["packages"]
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if name and "integrity" not in entry] == []
