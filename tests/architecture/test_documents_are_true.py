"""What people read: links lead somewhere, commands exist, every decision is listed once."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sources import ROOT, text_of, tracked_files
from typer.main import get_command

import chatctl.__main__  # noqa: F401 - every command is there then
from chatctl.cli import app

LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^|[`/\s])chatctl (\S[^`#|\n]*)")
MAKE = re.compile(r"(?:`|^ {4})make ([a-z]+)", re.MULTILINE)
DECISIONS = Path("docs/decisions")
SEED = "seed"


def documents() -> list[Path]:
    """Every Markdown file, without the demo shops' own texts."""
    return [path for path in tracked_files() if path.suffix == ".md" and SEED not in path.parts]


def test_every_link_leads_somewhere() -> None:
    broken = [
        f"{path}: {link}"
        for path in documents()
        for link in LINK.findall(text_of(path))
        if not link.startswith(("http", "#", "mailto:"))
        and not (ROOT / path.parent / link.partition("#")[0]).exists()
    ]
    assert broken == []


def commands_named() -> Iterator[tuple[str, list[str]]]:
    """Each call of chatctl that a document shows, as its words."""
    for path in documents():
        for said in COMMAND.findall(text_of(path)):
            yield f"{path}: chatctl {said}", shlex.split(said.rstrip(".,;:"))


def problem_of(words: list[str]) -> str | None:
    """Why the command line would not take these words; None if it would."""
    at: Any = get_command(app)
    rest = list(words)
    while rest and hasattr(at, "commands") and rest[0] in at.commands:
        at = at.commands[rest.pop(0)]
    if hasattr(at, "commands") and rest and not rest[0].startswith("-"):
        return f"there is no command {rest[0]}"
    known = {one for parameter in at.params for one in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [word for word in rest if word.startswith("-") and word not in {*known, "--help"}]
    return f"there is no option {unknown[0]}" if unknown else None


def test_every_command_that_is_shown_exists() -> None:
    shown = list(commands_named())
    assert len(shown) >= 5
    assert [f"{where}: {wrong}" for where, words in shown if (wrong := problem_of(words))] == []


@pytest.mark.parametrize("words", [["search", "repair", "--nonsense"], ["find", "repair"]])
def test_a_command_that_does_not_exist_is_seen(words: list[str]) -> None:
    assert problem_of(words)


def test_every_verb_of_make_that_is_shown_exists() -> None:
    verbs = set(re.findall(r"^([a-z]+):", text_of(Path("Makefile")), re.MULTILINE))
    shown = {verb for path in documents() for verb in MAKE.findall(text_of(path))}
    assert {"up", "test"} <= shown <= verbs


def test_every_decision_is_listed_and_has_a_number_of_its_own() -> None:
    pages = [path.name for path in documents() if path.parent == DECISIONS and path.name[0] == "0"]
    assert LINK.findall(text_of(DECISIONS / "README.md")) == sorted(pages)
    assert max(Counter(name[:4] for name in pages).values()) == 1
    titles = {name: text_of(DECISIONS / name).splitlines()[0] for name in pages}
    assert [name for name, title in titles.items() if not title.startswith(f"# {name[:4]} ")] == []
