"""The way of a message, as far as orchestrator tells it."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from bus import Refused
from contracts.v1.models import ToolCall
from contracts.v1.timelines import ConversationStepsFound, GetConversationSteps
from orchestrator.message_steps import MessageSteps

from .desk import Desk

SEARCH = ToolCall(call_id="1", name="search_knowledge_base", arguments='{"query": "returns"}')


async def steps_of(desk: Desk, role: str, tenant_id: UUID | None = None) -> ConversationStepsFound:
    rows = await desk.rows("select message_id from messages where role = $1 order by seq", role)
    request = GetConversationSteps.make(
        tenant_id=tenant_id or desk.tenant_id,
        conversation_id=desk.conversation_of(),
        recorded_message_id=rows[0]["message_id"],
    )
    outbox: Any = desk.outbox
    return await MessageSteps(outbox).get(request)


async def test_a_customers_message_is_followed_to_its_answer(desk, gate, say_reply):
    desk.model_says(gate)
    gate.open(say_reply("", tool_calls=[SEARCH], finish_reason="tool_calls"))
    gate.open("Thirty days [1].")
    await desk.hear("How long may I keep shoes before they go back?")
    await desk.idle()
    found = await steps_of(desk, "customer")
    whats = [step.what for step in found.steps]
    assert whats[:3] == ["written", "placed", "turn_began"]
    assert sorted(whats[3:-2]) == [
        "model_called",
        "model_called",
        "searched",
        "searched",
        "tool_called",
    ]
    assert set(whats[-2:]) == {"turn_ended", "answer_placed"}
    assert [step.at for step in found.steps] == sorted(step.at for step in found.steps)
    (send,) = await desk.rows("select send_id, turn_id from messages where role = 'bot'")
    assert found.send_ids == [send["send_id"]]
    assert found.turn_ids == [send["turn_id"]]
    assert "How long" not in found.model_dump_json(), "steps hold no words of the customer"


async def test_the_answer_leads_back_to_its_turn(desk):
    await desk.hear("How long?")
    await desk.idle()
    asked, answered = await steps_of(desk, "customer"), await steps_of(desk, "bot")
    assert answered.turn_ids == asked.turn_ids
    assert answered.send_ids == asked.send_ids


@pytest.mark.parametrize("foreign", [True, False])
async def test_what_is_not_the_tenants_is_not_there(desk, foreign):
    await desk.hear("How long?")
    await desk.idle()
    with pytest.raises(Refused) as refused:
        if foreign:
            await steps_of(desk, "customer", tenant_id=uuid4())
        else:
            request = GetConversationSteps.make(
                tenant_id=desk.tenant_id,
                conversation_id=desk.conversation_of(),
                recorded_message_id=uuid4(),
            )
            await MessageSteps(desk.outbox).get(request)
    assert refused.value.code == "not_found"
