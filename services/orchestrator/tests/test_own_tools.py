"""One call of a tenant's own tool: whose turn it is, what a rehearsal calls, and what is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import pytest

from orchestrator.domain import Leased, Trial
from orchestrator.own_tools import OwnTool, OwnTools, call_identity, fingerprint_of
from orchestrator.passages import PassageBook
from orchestrator.tool_schemas import ArgumentCheck
from orchestrator.tools import ToolContext, ToolFailed
from postgres import DatabaseAway

TENANT = uuid4()
TOOL = OwnTool(TENANT, "refund", "Refunds.", {"type": "object"}, "https", 5.0, 500, False)


class Runs:
    """Keeps notes in memory."""

    def __init__(self, kept: str | None = None, away: bool = False) -> None:
        self.kept = kept
        self.away = away
        self.ended: list[tuple[str, str]] = []

    async def begin(self, *_: Any) -> None:
        return None

    async def end(self, _leased: Any, _fingerprint: bytes, outcome: str, text: str) -> None:
        if self.away:
            raise DatabaseAway("gone")
        self.ended.append((outcome, text))

    async def recorded(self, *_: Any) -> str | None:
        return self.kept

    async def facts(self, _leased: Any) -> dict[str, Any]:
        return {}


class Caller:
    """Answers at once, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.calls: list[Any] = []
        self.failure = failure

    async def call(self, _tool: OwnTool, call: Any) -> str:
        self.calls.append(call)
        if self.failure is not None:
            raise self.failure
        return "done"


def leased(tenant_id: UUID = TENANT, trial: Trial | None = None) -> Leased:
    now = datetime.now(UTC)
    return Leased(
        tenant_id, uuid4(), uuid4(), "webchat", "visitor", 1, 1, 1, 1, 1, 1, now, monotonic(),
        uuid4(), [], trial=trial,
    )  # fmt: skip


async def run(runs: Runs, caller: Caller, turn: Leased, seconds_left: float = 60.0) -> str:
    offered = OwnTools(runs, {"https": caller}).offered(TOOL, ArgumentCheck(TOOL.parameters))

    async def search(*_: Any) -> Any:
        raise AssertionError("not searched")

    deadline = monotonic() + seconds_left
    return await offered.run({}, ToolContext(search, PassageBook(), leased=turn, deadline=deadline))


async def test_a_turn_of_another_tenant_calls_nothing() -> None:
    caller = Caller()
    with pytest.raises(ToolFailed, match="cannot be used here"):
        await run(Runs(), caller, leased(uuid4()))
    assert caller.calls == []


@pytest.mark.parametrize(
    ("mode", "kept", "said"),
    [("none", "old", None), ("recorded", "old", "old"), ("recorded", None, None)],
)
async def test_a_rehearsal_calls_nothing(mode: Any, kept: str | None, said: str | None) -> None:
    caller, turn = Caller(), leased(trial=Trial("replay", tools=mode))
    if said is None:
        with pytest.raises(ToolFailed, match="rehearsal"):
            await run(Runs(kept), caller, turn)
    else:
        assert said in await run(Runs(kept), caller, turn)
    assert caller.calls == []


async def test_what_was_done_is_told_although_it_cannot_be_kept() -> None:
    assert "done" in await run(Runs(away=True), Caller(), leased())


@pytest.mark.parametrize(("maybe_done", "kept"), [(True, []), (False, [("broken", "no")])])
async def test_a_failure_is_kept_where_it_is_known_that_nothing_was_done(
    maybe_done: bool, kept: Any
) -> None:
    runs = Runs()
    with pytest.raises(ToolFailed):
        await run(runs, Caller(ToolFailed("no", "broken", maybe_done=maybe_done)), leased())
    assert runs.ended == kept


async def test_a_call_leaves_time_for_words() -> None:
    caller = Caller()
    with pytest.raises(ToolFailed, match="no time left"):
        await run(Runs(), caller, leased(), seconds_left=5.2)
    await run(Runs(), caller, leased(), seconds_left=8.0)
    assert caller.calls[0].seconds < 3.1


def test_a_call_is_the_same_call_in_whatever_order_it_was_written() -> None:
    one, two = (fingerprint_of("a", x) for x in ({"b": 1, "c": [2]}, {"c": [2], "b": 1}))
    assert one == two
    assert one != fingerprint_of("a", {"b": 1, "c": ["2"]})
    assert one != fingerprint_of("b", {"b": 1, "c": [2]})
    turn = uuid4()
    assert call_identity(turn, one) == call_identity(turn, two) != call_identity(uuid4(), one)
