"""A talk with the bot that no customer sees, with everything that led to each answer."""

from __future__ import annotations

import json
import sys
from typing import Any

from chatctl.cli import console, with_api
from chatctl.evaluation.talks import talk
from chatctl.gateway_api import GatewayApi
from chatctl.trial_view import print_tried
from chatctl.turn_view import print_turn


def try_talk(
    text: str,
    settings: dict[str, Any] | None,
    tools: str,
    *,
    why: bool,
    prompt: bool,
    as_json: bool,
) -> None:
    """Answer one message, or without any the lines that are typed, each after the one before."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        said: list[dict[str, str]] = []
        words = text or _asked()
        while words:
            said.append({"role": "customer", "text": words})
            body: dict[str, Any] = {"messages": said, "tools": tools}
            if settings:
                body["settings"] = settings
            told = await talk(api, state["CHAT_TENANT_ID"], body)
            said.append({"role": "bot", "text": told["answer"]["text"] or "…"})
            _print(told, why=why or prompt, prompt=prompt, as_json=as_json)
            words = "" if text else _asked()

    with_api(work)


def _print(told: dict[str, Any], *, why: bool, prompt: bool, as_json: bool) -> None:
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
        return
    print_tried(console, told["answer"])
    if why:
        shown = {
            "turn_id": "that was tried",
            "outcome": "tried",
            "attempt": 1,
            "evidence": told["evidence"],
            "left_out": told["left_out"],
        }
        print_turn(console, shown, with_prompt=prompt)


def _asked() -> str:
    """The next line of whoever types, or of a file; empty at the end."""
    if sys.stdin.isatty():
        console.print("[bold]>[/bold] ", end="")
    return sys.stdin.readline().strip()
