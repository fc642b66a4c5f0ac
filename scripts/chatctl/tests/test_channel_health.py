"""What `chatctl channel health` shows."""

from __future__ import annotations

from rich.console import Console

from chatctl.command_channel_health import health_table


def test_the_worst_is_told_with_its_words_and_what_waits() -> None:
    console = Console(width=160, record=True, file=None, force_terminal=False)
    finding = {
        "check": "token",
        "level": "red",
        "code": "token_invalid",
        "detail": "Meta refuses the token: [session expired]. Replace it.",
    }
    health = {"level": "red", "parked_sends": 3, "findings": [finding]}
    console.print(health_table("WhatsApp", health))
    shown = console.export_text()
    assert "WhatsApp: red, 3 messages wait" in shown
    assert "[session expired]" in shown, "a provider's brackets are no markup"
    assert "token_invalid" in shown
