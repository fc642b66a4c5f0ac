"""What `chatctl models` shows."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from chatctl.command_models import health_table, providers_table, routes_table


def told(table: Table) -> str:
    console = Console(width=200, record=True, force_terminal=False)
    console.print(table)
    return console.export_text()


def test_a_route_is_told_with_its_canary_and_times() -> None:
    route = {
        "purpose": "answer", "model": "openai/a", "canary_model": "openai/b",
        "canary_percent": 12.5, "fallbacks": ["anthropic/c", "ollama/[d]"],
        "hedge_after_milliseconds": 800, "deadline_seconds": 9.0,
    }  # fmt: skip
    empty = {**dict.fromkeys(route), "purpose": "transcribe", "canary_percent": 0}
    shown = told(routes_table([route, empty]))
    for words in ("12.5 % openai/b", "anthropic/c, ollama/[d]", "800 ms", "9 s", "none"):
        assert words in shown


def test_health_is_told_in_the_providers_words() -> None:
    health = {
        "model": "openai/a", "state": "cooling_down", "code": "rate_limited",
        "detail": "HTTP 429: [slow down]", "until": "2026-11-23T04:00:00.123Z",
        "checked_at": None, "in_flight": 2,
    }  # fmt: skip
    shown = told(health_table([health]))
    for words in ("cooling_down", "[slow down]", "2026-11-23T04:00:00", "rate_limited"):
        assert words in shown


def test_of_a_key_only_its_end_is_shown() -> None:
    kept = {
        "provider": "openai", "base_url": None, "key_ending": "wxyz", "requests_per_minute": 60,
        "concurrent_max": None, "state": "failing", "detail": "HTTP 401", "tested_at": "",
    }  # fmt: skip
    shown = told(providers_table([kept]))
    for words in ("…wxyz", "the platform's", "60 a minute", "failing", "HTTP 401"):
        assert words in shown
