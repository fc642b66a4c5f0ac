"""Whoever knows one service knows all of them."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from sources import ROOT, SERVICES, module_of, production_files, text_of, tree_of

MODULES = ("__init__", "__main__", "config", "handlers", "domain", "store")
STATEMENT = re.compile(r"^\s*(select|insert into|update|delete from|with)\s", re.IGNORECASE)
QUERY = re.compile(r"^-- name: (?P<name>[a-z0-9_]+)\n(?P<next>.*)$", re.MULTILINE)
MIGRATION = re.compile(r"^\d{4}_[a-z0-9_]+\.sql$")

each_service = pytest.mark.parametrize("service", SERVICES)


def source_of(service: str) -> Path:
    return ROOT / "services" / service / "src" / module_of(service)


@each_service
def test_files_of_a_service(service: str) -> None:
    folder = ROOT / "services" / service
    wanted = [folder / "README.md", folder / "pyproject.toml", folder / "tests"]
    wanted += [source_of(service) / f"{module}.py" for module in MODULES]
    wanted += [source_of(service) / name for name in ("queries.sql", "migrations", "py.typed")]
    assert [str(path.relative_to(ROOT)) for path in wanted if not path.exists()] == []


@each_service
def test_every_query_says_what_it_is_for(service: str) -> None:
    text = (source_of(service) / "queries.sql").read_text()
    silent = [m["name"] for m in QUERY.finditer(text) if not m["next"].startswith("-- ")]
    assert silent == []


@each_service
def test_every_query_is_used(service: str) -> None:
    names = [m["name"] for m in QUERY.finditer((source_of(service) / "queries.sql").read_text())]
    code = "\n".join(path.read_text() for path in source_of(service).rglob("*.py"))
    assert [name for name in names if f'"{name}"' not in code] == []


@each_service
def test_no_statement_outside_of_queries_sql(service: str) -> None:
    inside = [p for p in production_files() if p.is_relative_to(f"services/{service}")]
    found = [
        f"{path}:{node.lineno}"
        for path in inside
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and STATEMENT.match(node.value)
        and re.search(r"\b(from|set|into|values)\b", node.value, re.IGNORECASE)
        and not _is_prose(node.value)
    ]
    assert found == []


@each_service
def test_columns_are_spelled_out(service: str) -> None:
    text = (source_of(service) / "queries.sql").read_text()
    assert not re.search(r"select\s+(\w+\.)?\*", text, re.IGNORECASE)


@each_service
def test_migrations_are_numbered(service: str) -> None:
    names = sorted(p.name for p in (source_of(service) / "migrations").glob("*.sql"))
    assert names
    assert all(MIGRATION.match(name) for name in names)
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


@each_service
def test_every_setting_is_described_and_named_chat(service: str) -> None:
    from process.settings import variable_name

    settings = import_module(f"{module_of(service)}.config").Settings
    assert settings.model_config["frozen"]
    for name, field in settings.model_fields.items():
        assert field.description, name
        assert variable_name(settings, name).startswith("CHAT_")


@each_service
def test_locked_requirements_hold_what_is_declared(service: str) -> None:
    declared = tomllib.loads(text_of(Path("services") / service / "pyproject.toml"))["project"]
    lock = text_of(Path("requirements") / f"{service}.lock")
    locked = set(re.findall(r"^([a-z0-9._-]+)==", lock, re.MULTILINE))
    names = {
        re.split(r"[\[<>=!~ ;]", requirement)[0].lower() for requirement in declared["dependencies"]
    }
    assert {name for name in names if not name.startswith("chat-")} <= locked


@pytest.mark.parametrize(
    "lock", sorted((ROOT / "requirements").glob("*.lock")), ids=lambda p: p.name
)
def test_locks_are_hashed_and_name_no_index(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    pins = re.findall(r"^[a-z0-9._-]+==[^\n]*\n(    --hash=)?", text, re.MULTILINE)
    assert pins
    assert all(pins)


def _is_prose(text: str) -> bool:
    """A sentence of a docstring may begin with "Select" too."""
    return text.lstrip()[:1].isupper()
