"""A line of the log says something: no field of ours has a name that is always redacted."""

from __future__ import annotations

import ast
from pathlib import Path

from sources import production_files, tree_of

from observe.redaction import is_forbidden_key

LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def redacted_fields(path: Path, tree: ast.AST) -> list[str]:
    """Where a logger is given a field that nobody will ever read."""
    return [
        f"{path}:{node.lineno} {field.arg}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and ast.unparse(node.func.value).rpartition(".")[2] in {"log", "_log"}
        for field in node.keywords
        if field.arg is not None and is_forbidden_key(field.arg)
    ]


def test_no_field_is_redacted_by_its_name() -> None:
    assert [
        found for path in production_files() for found in redacted_fields(path, tree_of(path))
    ] == []


def test_a_field_that_is_redacted_is_seen() -> None:
    tree = ast.parse('_log.warning("refused", signature_headers=2)')
    assert redacted_fields(Path("a.py"), tree) == ["a.py:1 signature_headers"]
