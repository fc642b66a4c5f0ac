"""Settings given on a command line: `--set model=openai/gpt-5-mini --set grounding=strict`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer


def settings_given(given: Sequence[str], file: Path | None = None) -> dict[str, Any] | None:
    """Read NAME=VALUE pairs over a JSON file; VALUE is JSON, else text, and @FILE is its text."""
    settings: dict[str, Any] = json.loads(file.read_text("utf-8")) if file else {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{one!r} is not NAME=VALUE")
        settings[name.strip()] = _value(value)
    return settings or None


def _value(text: str) -> Any:
    if text.startswith("@"):
        return Path(text[1:]).read_text("utf-8")
    try:
        return json.loads(text)
    except ValueError:
        return text
