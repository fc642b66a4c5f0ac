"""Why the bot said that, or nothing: turns with everything that led to them."""

import json
from typing import Any, Final

from bus import Refused
from contracts.v1.conversations import ListTurns, Turn, TurnsListed
from orchestrator.reading import ReadingStore
from orchestrator.storable import json_bytes
from outbox import Outbox
from postgres import Queries

PAGE_BYTES_MAX: Final = 200_000
_DISPENSABLE: Final = (
    "earlier",
    "thrown_away",
    "prompt",
    "tool_calls",
    "passages",
    "candidates",
    "searches",
    "unsaid",
    "understood",
)
"""Parts that are left out, in this order, where a turn would not fit into one message."""
CANDIDATES_SHOWN: Final = 20
"""What stays of each search's candidates where all of them do not fit."""


class TurnEvidence:
    """Answers `list-turns`."""

    def __init__(self, outbox: Outbox, queries: Queries, reading: ReadingStore) -> None:
        self._outbox = outbox
        self._queries = queries
        self._reading = reading

    async def list(self, request: ListTurns) -> TurnsListed:
        """Turns, the newest first; a page that would be too large ends early."""
        tenant_id, conversation_id = request.tenant_id, request.conversation_id
        async with self._outbox.transaction(tenant_id) as tx:
            if await self._reading.last_seq(tx, tenant_id, conversation_id) is None:
                raise Refused("not_found", "There is no such conversation.")
            rows = await tx.fetch(
                self._queries["list_turns"],
                tenant_id,
                conversation_id,
                request.turn_id,
                request.recorded_message_id,
                request.limit,
            )
        turns: list[Turn] = []
        room = PAGE_BYTES_MAX
        for row in rows:
            turn = _turn(row)
            room -= json_bytes(turn.evidence)
            if turns and room < 0:
                break
            turns.append(turn)
        return TurnsListed(turns=turns)


def fitting(evidence: dict[str, Any], bytes_max: int = PAGE_BYTES_MAX) -> tuple[str, list[str]]:
    """Return the evidence as JSON that fits, and the names of the parts that had to go."""
    left_out: list[str] = []
    text = json.dumps(evidence, ensure_ascii=False)
    for name in _DISPENSABLE:
        if json_bytes(text) <= bytes_max:
            break
        fewer = _without(evidence, name)
        if fewer != evidence:
            evidence = fewer
            left_out.append(name)
            text = json.dumps(evidence, ensure_ascii=False)
    return text, left_out


def _without(evidence: dict[str, Any], name: str) -> dict[str, Any]:
    if name == "candidates" and evidence.get("searches"):
        shown = [_with_the_best(search) for search in evidence["searches"]]
        return {**evidence, "searches": shown}
    return {**evidence, name: None} if evidence.get(name) else evidence


def _with_the_best(search: Any) -> Any:
    """Return a search with its best candidates and all that were given."""
    told = search.get("explained") if isinstance(search, dict) else None
    if not told:
        return search
    shown = [
        one
        for place, one in enumerate(told["candidates"])
        if place < CANDIDATES_SHOWN or one["cut_by"] == "given"
    ]
    return {**search, "explained": {**told, "candidates": shown}}


def _turn(row: Any) -> Turn:
    evidence, left_out = fitting(json.loads(row["evidence"]))
    return Turn(
        turn_id=row["turn_id"],
        conversation_id=row["conversation_id"],
        first_seq=row["first_seq"],
        last_seq=row["last_seq"],
        attempt=max(row["attempt"], 1),
        outcome=row["outcome"],
        recorded_message_id=row["recorded_message_id"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        evidence=evidence,
        left_out=left_out,
    )
