"""Sizes, names and habits of every source file."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from sources import production_files, python_files, text_of, tracked_files, tree_of

FILE_LINES = 400
MAIN_LINES = 60
FUNCTION_LINES = 70
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|raise NotImplementedError)\b")
BARE_IGNORE = re.compile(r"#\s*type:\s*ignore(?!\[)")
# Of the place where somebody works, not of the product.
PRIVATE_PLACES = re.compile(r"(?<![\w.])/(work|root)/[a-z.]")
THIS_FILE = Path("tests/architecture/test_house_rules.py")
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".sql",
    ".yaml",
    ".yml",
    ".json",
    ".ts",
    ".tsx",
    ".html",
    ".lock",
    "",
}


def test_files_are_short() -> None:
    lengths = {path: len(text_of(path).splitlines()) for path in python_files()}
    assert (
        offenders(
            python_files(),
            lambda path: lengths[path] > (MAIN_LINES if path.name == "__main__.py" else FILE_LINES),
        )
        == []
    )


def test_functions_are_short() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path in python_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    ]
    assert long == []


def test_names_say_what_is_inside() -> None:
    def vague(path: Path) -> bool:
        parts = {part.lower() for part in (*path.parts[:-1], path.stem)}
        # Kustomize's own word.
        return bool(parts & (VAGUE_NAMES - {"base"} if path.parts[0] == "k8s" else VAGUE_NAMES))

    assert offenders(tracked_files(), vague) == []


def test_nothing_is_left_unfinished() -> None:
    assert offenders(python_files(), lambda path: bool(UNFINISHED.search(text_of(path)))) == []


def test_ignored_types_say_which() -> None:
    assert offenders(python_files(), lambda path: bool(BARE_IGNORE.search(text_of(path)))) == []


def test_no_error_is_swallowed() -> None:
    silent = [
        f"{path}:{node.lineno}"
        for path in production_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or _names(node.type) & {"Exception", "BaseException"})
        and all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
    ]
    assert silent == []


def test_public_things_say_what_they_are_for() -> None:
    modules = [str(p) for p in production_files() if ast.get_docstring(tree_of(p)) is None]
    silent = [
        f"{path}:{node.lineno} {node.name}"
        for path in production_files()
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert modules + silent == []


def test_no_private_place_is_named() -> None:
    texts = [path for path in tracked_files() if path.suffix in TEXT]
    assert offenders(texts, lambda path: bool(PRIVATE_PLACES.search(text_of(path)))) == []


def test_test_folders_are_no_packages() -> None:
    """Two packages of one name (`tests`, `integration`) cannot be imported in one run."""
    assert [str(p) for p in python_files() if p.name == "__init__.py" and "tests" in p.parts] == []


def offenders(paths: Iterable[Path], broken: Callable[[Path], bool]) -> list[str]:
    """The files that break a rule; this one names what it looks for and is left out."""
    return [str(path) for path in paths if path != THIS_FILE and broken(path)]


def _names(expression: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
