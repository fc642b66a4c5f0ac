"""What became of a message, as far as this service had its hands on it."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from bus import Bus, Refused
from contracts.v1.timelines import ConversationStepsFound, GetConversationSteps, TimelineStep
from orchestrator.trying import confidence_of
from outbox import Outbox
from postgres import Queries

STEPS_MAX: Final = 200


class MessageSteps:
    """Answers `get-conversation-steps`."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._queries = Queries("orchestrator", "queries_steps.sql")

    def listen(self, bus: Bus) -> None:
        """Register the request."""
        bus.answer(GetConversationSteps, self.get)

    async def get(self, request: GetConversationSteps) -> ConversationStepsFound:
        """Every step of a message and of the turns about it."""
        ids = (request.tenant_id, request.conversation_id)
        async with self._outbox.transaction(request.tenant_id) as tx:
            row = await tx.fetchrow(
                self._queries["message_in_its_turns"], *ids, request.recorded_message_id
            )
            if row is None:
                raise Refused("not_found", "There is no such message.")
            seq = row["seq"] if row["role"] == "customer" else None
            turns = await tx.fetch(self._queries["turns_about"], *ids, seq, row["turn_id"])
        read = [(turn, json.loads(turn["evidence"])) for turn in turns]
        steps = [*_of_message(row)]
        for turn, evidence in read:
            steps += _of_turn(turn, evidence)
        steps.sort(key=lambda step: step.at)
        sends = [row["send_id"], *(turn["said_send_id"] for turn in turns)]
        traces = [str(evidence.get("trace_id") or "") for _, evidence in read]
        return ConversationStepsFound(
            steps=steps[:STEPS_MAX],
            conversation_id=request.conversation_id,
            channel_id=row["channel_id"],
            provider_message_id=row["provider_message_id"] if seq is not None else None,
            contact_external_id=row["contact_external_id"],
            turn_ids=[turn["turn_id"] for turn in turns],
            send_ids=list(dict.fromkeys(send for send in sends if send is not None))[:20],
            trace_ids=list(dict.fromkeys(filter(None, traces))),
            began_at=steps[0].at,
            ended_at=steps[-1].at,
        )


def _of_message(row: Any) -> Iterator[TimelineStep]:
    if row["role"] == "customer" and row["sent_at"] is not None:
        yield _step(row["sent_at"], "written", "The customer wrote it, as the channel says.")
    yield _step(
        row["created_at"],
        "placed",
        f"It got place {row['seq']} in its conversation.",
        seq=row["seq"],
        role=row["role"],
    )
    if row["role"] != "customer" and row["turn_id"] is None:
        yield _step(
            row["created_at"],
            "sending",
            f"It shall be sent; by now it is {row['delivery']}.",
            delivery=row["delivery"],
            code=row["delivery_code"],
        )


def _of_turn(turn: Any, evidence: dict[str, Any]) -> Iterator[TimelineStep]:
    began, ended = turn["started_at"], turn["ended_at"]
    answered = f"messages {turn['first_seq']} to {turn['last_seq']}"
    yield _step(
        began,
        "turn_began",
        f"Try {turn['attempt']} at answering {answered} began.",
        turn_id=turn["turn_id"],
        attempt=turn["attempt"],
    )
    clock = began
    for step in (*_searches(evidence, clock), *_models(evidence, clock), *_tools(evidence, clock)):
        # Nobody kept when each began: they follow each other, as they did.
        clock = min(clock + timedelta(milliseconds=step.milliseconds or 0), ended)
        yield step.model_copy(update={"at": clock})
    confidence = confidence_of(evidence)
    decision = evidence.get("decision") or evidence.get("failure") or turn["outcome"]
    yield _step(
        ended,
        "turn_ended",
        f"It ended as {turn['outcome']}: {decision}.",
        (ended - began).total_seconds() * 1000,
        decision=decision,
        confidence=confidence,
        stages=evidence.get("milliseconds"),
        superseded=len(evidence.get("superseded") or ()),
    )
    if turn["said_id"] is not None:
        yield _step(
            turn["said_at"],
            "answer_placed",
            f"The answer got place {turn['said_seq']}; by now it is {turn['said_delivery']}.",
            message_id=turn["said_id"],
            delivery=turn["said_delivery"],
            code=turn["said_code"],
        )


def _searches(evidence: dict[str, Any], at: datetime) -> Iterator[TimelineStep]:
    for search in evidence.get("searches") or []:
        failed, cause = search.get("failed"), search.get("cause")
        explained = search.get("explained") or {}
        given = sum(one.get("cut_by") == "given" for one in explained.get("candidates") or ())
        words = f"The search failed: {failed}." if failed else f"{given} passages were found."
        yield _step(
            at,
            "searched",
            f"Nothing was found: {cause}." if cause else words,
            search.get("milliseconds"),
            cause=cause,
            failed=failed,
            given=given,
        )


def _models(evidence: dict[str, Any], at: datetime) -> Iterator[TimelineStep]:
    for call in evidence.get("model_calls") or []:
        cost = call.get("cost_usd")
        paid = "an unknown price" if cost is None else f"{cost:.6f} USD"
        yield _step(
            at,
            "model_called",
            f"{call.get('model')} read {call.get('input_tokens')} and wrote "
            f"{call.get('output_tokens')} tokens for {paid}.",
            call.get("milliseconds"),
            **{name: call.get(name) for name in ("model", "finish_reason", "fallback", "cost_usd")},
        )


def _tools(evidence: dict[str, Any], at: datetime) -> Iterator[TimelineStep]:
    for call in evidence.get("tool_calls") or []:
        yield _step(
            at,
            "tool_called",
            f"{call.get('name')} was called: {call.get('outcome')}.",
            call.get("milliseconds"),
            name=call.get("name"),
            outcome=call.get("outcome"),
            round=call.get("round"),
        )


def _step(
    at: datetime, what: str, detail: str, milliseconds: float | None = None, **facts: Any
) -> TimelineStep:
    kept = {name: value for name, value in facts.items() if value is not None}
    text = json.dumps(kept, default=str, ensure_ascii=False)
    return TimelineStep(
        at=at,
        what=what,
        detail=detail[:512],
        milliseconds=None if milliseconds is None else max(0.0, float(milliseconds)),
        facts=text if len(text) <= 4_000 else "{}",
    )
