"""Sizes, names and habits of every source file."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from sources import production_files, python_files, text_of, tracked_files, tree_of

FILE_LINES = 400
MAIN_LINES = 60
FUNCTION_LINES = 70
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b")
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

python = pytest.mark.parametrize("path", python_files(), ids=str)
production = pytest.mark.parametrize("path", production_files(), ids=str)


@python
def test_file_is_short(path: Path) -> None:
    limit = MAIN_LINES if path.name == "__main__.py" else FILE_LINES
    assert len(text_of(path).splitlines()) <= limit


@python
def test_functions_are_short(path: Path) -> None:
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    ]
    assert not long


@pytest.mark.parametrize("path", tracked_files(), ids=str)
def test_name_says_what_is_inside(path: Path) -> None:
    parts = {part.lower() for part in (*path.parts[:-1], path.stem)}
    if path.parts[0] == "k8s":
        parts -= {"base"}  # kustomize's own word for it
    assert not parts & VAGUE_NAMES


@python
def test_nothing_is_left_unfinished(path: Path) -> None:
    if path != THIS_FILE:
        assert not UNFINISHED.search(text_of(path))


@python
def test_ignored_types_say_which(path: Path) -> None:
    if path != THIS_FILE:
        assert not BARE_IGNORE.search(text_of(path))


@production
def test_no_error_is_swallowed(path: Path) -> None:
    silent = [
        node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or _names(node.type) & {"Exception", "BaseException"})
        and all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
    ]
    assert not silent


@production
def test_public_things_say_what_they_are_for(path: Path) -> None:
    tree = tree_of(path)
    silent = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    if ast.get_docstring(tree) is None:
        silent.insert(0, "the module")
    assert not silent


@pytest.mark.parametrize("path", tracked_files(), ids=str)
def test_no_private_place_is_named(path: Path) -> None:
    if path.suffix in TEXT and path != THIS_FILE:
        assert not PRIVATE_PLACES.search(text_of(path))


def _names(expression: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
