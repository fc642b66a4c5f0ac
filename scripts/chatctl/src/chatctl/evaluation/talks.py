"""Has the bot talk through a set of conversations, and tells what held."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import aiohttp
from rich.console import Console
from rich.markup import escape

from chatctl.evaluation.conversations import Check, Conversation, checks_of
from chatctl.evaluation.progress_line import ProgressLine
from chatctl.gateway_api import ApiProblem, GatewayApi, patiently
from chatctl.overview import whole_table

FORMAT = 1
TALK_SECONDS = 180.0
"""A turn may take two minutes."""


async def talk_through(
    api: GatewayApi,
    tenant_id: str,
    conversations: Sequence[Conversation],
    settings: dict[str, Any] | None,
    line: ProgressLine,
) -> dict[str, Any]:
    """Ask turn by turn; the report as `--json` prints it and `--against` reads it."""
    checks: list[Check] = []
    cost, unpriced, milliseconds, turns = 0.0, 0, 0, 0
    whole = sum(len(one.turns) for one in conversations)
    for conversation in conversations:
        said: list[dict[str, str]] = []
        for number, turn in enumerate(conversation.turns, start=1):
            said.append({"role": "customer", "text": turn.customer})
            body = {"messages": said, "settings": settings, "language": conversation.language}
            answer = await _answer(api, tenant_id, body)
            turns += 1
            line("talking", turns, whole)
            if isinstance(answer, str):
                checks.append(
                    Check(conversation.name, number, "answers", held=False, detail=answer)
                )
                break
            checks += checks_of(conversation, number, turn, answer)
            said.append({"role": "bot", "text": answer["text"] or "…"})
            cost += answer["cost_usd"] or 0.0
            unpriced += answer["cost_usd"] is None
            milliseconds += answer["milliseconds"]
    return {
        "format": FORMAT,
        "conversations": len(conversations),
        "turns": turns,
        "held": sum(check.held for check in checks),
        "checks": [vars(check) for check in checks],
        "cost_usd": round(cost, 6),
        "unpriced_turns": unpriced,
        "milliseconds_a_turn": round(milliseconds / turns) if turns else None,
    }


async def _answer(api: GatewayApi, tenant_id: str, body: dict[str, Any]) -> dict[str, Any] | str:
    """The bot's answer, or why there is none."""
    sent = {name: value for name, value in body.items() if value is not None}
    try:
        told = await patiently(lambda: talk(api, tenant_id, sent))
    except ApiProblem as problem:
        if problem.status in (401, 403, 404, 422):
            raise
        return str(problem)
    answer: dict[str, Any] = told["answer"]
    return answer


async def talk(api: GatewayApi, tenant_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask the bot what it would say; with all evidence."""
    path = f"/api/tenants/{tenant_id}/chat"
    timeout = aiohttp.ClientTimeout(total=TALK_SECONDS)
    told: dict[str, Any] = await api.call("POST", path, json=body, timeout=timeout)
    return told


def print_talks(console: Console, report: dict[str, Any], *, as_json: bool) -> None:
    """What did not hold, and the sums."""
    if as_json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
        return
    failed = [check for check in report["checks"] if not check["held"]]
    if failed:
        table = whole_table("conversation", "turn", "must be true", "what was")
        for check in failed:
            detail = " ".join(str(check["detail"]).split())
            table.add_row(
                escape(check["conversation"]),
                str(check["turn"]),
                escape(check["name"]),
                escape(detail[:160]),
            )
        console.print(table)
    unpriced = f", {report['unpriced_turns']} turns of unknown price" * bool(
        report["unpriced_turns"]
    )
    console.print(
        f"{report['held']} of {len(report['checks'])} checks held: {report['conversations']} "
        f"conversations, {report['turns']} turns, {report['milliseconds_a_turn']} ms a turn, "
        f"{report['cost_usd']:.4f} USD{unpriced}"
    )
