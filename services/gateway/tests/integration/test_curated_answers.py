"""Curated answers and unanswered questions at the API: asked of their owner, noted, bounded."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from bus import Refused
from contracts.v1.curated import (
    CuratedAnswer,
    CuratedAnswerSaved,
    KeepCuratedAnswer,
    ListUnanswered,
    UnansweredCluster,
    UnansweredListed,
    UnansweredSaved,
    UpdateUnanswered,
)

from .conftest import Owners, Running

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def cluster(**changes: Any) -> UnansweredCluster:
    fields = {
        "cluster_id": uuid4(), "question": "Do you rent tents?", "asked": 3,
        "first_asked_at": NOW, "last_asked_at": NOW, "state": "open", "examples": [],
    }  # fmt: skip
    return UnansweredCluster.model_validate({**fields, **changes})


async def test_answers_are_kept_and_questions_gathered(running: Running, owners: Owners) -> None:
    asked: list[Any] = []
    taken: list[str] = []

    async def keep(request: KeepCuratedAnswer) -> CuratedAnswerSaved:
        asked.append(request)
        if taken:
            raise Refused("question_taken", "Another answer has the question: x")
        kept = request.model_dump(include={"curated_answer_id", "questions", "text"})
        kept |= {"source_url": request.source_url, "enabled": request.enabled}
        return CuratedAnswerSaved(curated=CuratedAnswer(**kept, used=0, updated_at=NOW))

    async def listed(request: ListUnanswered) -> UnansweredListed:
        asked.append(request)
        return UnansweredListed(clusters=[cluster()], next_cursor="further")

    async def update(request: UpdateUnanswered) -> UnansweredSaved:
        return UnansweredSaved(cluster=cluster(cluster_id=request.cluster_id, state=request.state))

    bus = owners.of("orchestrator")
    bus.answer(KeepCuratedAnswer, keep)
    bus.answer(ListUnanswered, listed)
    bus.answer(UpdateUnanswered, update)
    await owners.start()
    tenant = await running.tenant()
    path, resolved = f"{tenant.path}/curated-answers", str(uuid4())
    wish = {"questions": [" Do you rent tents? "], "text": "No.", "resolves_cluster_id": resolved}
    made = await tenant.call("POST", path, wish)
    assert (made.status, made.json["questions"]) == (201, ["Do you rent tents?"])
    assert str(asked[-1].resolves_cluster_id) == resolved
    for bad in (
        {"questions": [], "text": "x"},
        {"questions": ["x"], "text": " "},
        {"questions": ["x"], "text": "x", "source_url": "javascript:alert(1)"},
        {"questions": ["x"], "text": "x", "source_url": "https://user@host/"},
    ):
        assert (await tenant.call("POST", path, bad)).status == 422
    taken.append("x")
    refused = await tenant.call("PUT", f"{path}/{uuid4()}", {**wish, "resolves_cluster_id": None})
    assert (refused.status, refused.json["code"]) == (409, "question_taken")
    page = await tenant.call("GET", f"{tenant.path}/unanswered?state=open&limit=5")
    assert page.json["items"][0]["asked"] == 3
    more = await tenant.call(
        "GET", f"{tenant.path}/unanswered?state=open&cursor={page.json['next_cursor']}"
    )
    assert (more.status, asked[-1].cursor) == (200, "further")
    assert (await tenant.call("GET", f"{tenant.path}/unanswered?limit=51")).status == 422
    one = await tenant.call("PUT", f"{tenant.path}/unanswered/{uuid4()}", {"state": "dismissed"})
    assert one.json["state"] == "dismissed"
    audit = await tenant.call("GET", f"{tenant.path}/audit")
    actions = {entry["action"] for entry in audit.json["items"]}
    assert {"curated_answer.kept", "unanswered.changed"} <= actions
