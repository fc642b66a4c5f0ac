"""Why did the bot say that? The evidence that orchestrator keeps, as the API shows it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

from contracts.v1.conversations import ListTurns, Turn, TurnsListed

from .conftest import Owners, Running


async def test_a_turn_is_shown_with_its_evidence(running: Running, owners: Owners) -> None:
    tenant, conversation_id, message_id = await running.tenant(), uuid4(), uuid4()
    asked: list[ListTurns] = []

    async def answer(request: ListTurns) -> TurnsListed:
        asked.append(request)
        turn = Turn(
            turn_id=uuid4(),
            conversation_id=request.conversation_id,
            first_seq=1,
            last_seq=2,
            attempt=1,
            outcome="answered",
            recorded_message_id=message_id,
            started_at=datetime.now(UTC),
            ended_at=None,
            evidence=json.dumps({"understood": {"asked": "And in Croatia?"}}),
            left_out=["prompt"],
        )
        return TurnsListed(turns=[turn])

    owners.of("orchestrator").answer(ListTurns, answer)
    await owners.start()
    path = f"{tenant.path}/conversations/{conversation_id}/turns"
    found = await tenant.call("GET", f"{path}?message_id={message_id}")
    assert found.status == 200, found.raw
    (turn,) = found.json["items"]
    assert turn["evidence"] == {"understood": {"asked": "And in Croatia?"}}
    assert (turn["message_id"], turn["left_out"]) == (str(message_id), ["prompt"])
    (request,) = asked
    assert (request.tenant_id, request.recorded_message_id) == (UUID(tenant.tenant_id), message_id)
    assert (await tenant.call("GET", f"{path}?limit=21")).status == 422
