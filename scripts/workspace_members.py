"""Which packages the workspace has, and what each of them stands on."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def root_project() -> dict[str, Any]:
    """Return the root's pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def members() -> dict[str, Path]:
    """Return distribution name -> folder, for every package of the workspace."""
    folders = [
        path
        for pattern in root_project()["tool"]["uv"]["workspace"]["members"]
        for path in sorted(ROOT.glob(pattern))
        if (path / "pyproject.toml").exists()
    ]
    return {str(_project(folder)["name"]): folder for folder in folders}


def import_name(folder: Path) -> str:
    """Return under which name a member is imported: the one package in its `src`."""
    return next(path.parent.name for path in sorted(folder.glob("src/*/__init__.py")))


def closure(name: str) -> tuple[list[Path], set[str]]:
    """Return the members that `name` stands on, itself included, and its outside needs."""
    known = members()
    folders: dict[str, Path] = {}
    outside: set[str] = set()
    waiting = [name]
    while waiting:
        member = waiting.pop()
        if member in folders:
            continue
        folders[member] = known[member]
        for requirement in _project(known[member])["dependencies"]:
            if requirement in known:
                waiting.append(requirement)
            else:
                outside.add(requirement)
    return sorted(folders.values()), outside


def _project(folder: Path) -> dict[str, Any]:
    declared: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return declared
