"""Answers that people wrote, and questions that nothing answered: from turn to cluster and back."""

import asyncio
import base64
import struct
from uuid import UUID, uuid4

import pytest

from bus import AskFailed, Refused
from contracts.v1.curated import (
    KeepCuratedAnswer,
    ListCuratedAnswers,
    ListUnanswered,
    RemoveCuratedAnswer,
    UpdateUnanswered,
)
from contracts.v1.models import EmbedTexts, GenerateReply, TextsEmbedded
from contracts.v1.sending import SendMessage
from contracts.v1.turns import TurnCompleted

VECTORS = {
    "cancel": (1.0, 0.0, 0.0),
    "rent": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
}


def embedded(request: EmbedTexts) -> TextsEmbedded:
    """Return vectors by the word that a text holds: alike where it is the same."""
    rows = [
        next((vector for word, vector in VECTORS.items() if word in text.lower()), (0.6, 0.6, 0.5))
        for text in request.texts
    ]
    packed = [base64.b64encode(struct.pack("<3f", *row)).decode() for row in rows]
    return TextsEmbedded(
        model="builtin/minilm", dimensions=3, vectors=packed, tokens=1, cost_usd=None
    )


@pytest.fixture
async def curating(desk):
    """Return the desk with somebody who embeds."""

    async def embed(request: EmbedTexts) -> TextsEmbedded:
        return embedded(request)

    desk.bus.answers[EmbedTexts] = embed
    return desk


def wish(desk, *questions: str, **more) -> KeepCuratedAnswer:
    fields = {
        "curated_answer_id": uuid4(),
        "questions": list(questions),
        "text": "Cancel it in your **account** until we send it.",
        "source_url": "https://shop.example/cancel",
        "enabled": True,
        "resolves_cluster_id": None,
        **more,
    }
    return KeepCuratedAnswer.make(tenant_id=desk.tenant_id, **fields)


def requests_of(desk):
    return desk.parts.answers.requests


async def asked(desk, text: str) -> TurnCompleted:
    await desk.hear(text)
    await desk.idle()
    return desk.outbox.heard(TurnCompleted)[-1]


async def listed(desk, **wishes):
    fields = {"state": None, "cursor": None, "limit": 50, **wishes}
    request = ListUnanswered.make(tenant_id=desk.tenant_id, **fields)
    return (await requests_of(desk)[1].listed(request)).clusters


async def gather(desk) -> None:
    await desk.parts.answers.upkeep.once(desk.parts.answers.unanswered, desk.parts.answers.writing)


@pytest.mark.parametrize(
    ("question", "by"),
    [("hello, how do i cancel my order", "words"), ("I would like to cancel an order, how?", None)],
)
async def test_a_curated_answer_is_said_as_it_stands_without_a_model(curating, question, by):
    desk = curating
    saved = await requests_of(desk)[0].keep(wish(desk, "How do I cancel my order?"))
    completed = await asked(desk, question)
    assert completed.text == saved.curated.text
    assert (completed.decision, completed.confidence, completed.model) == ("curated", 1.0, None)
    assert completed.citations[0].source_url == "https://shop.example/cancel"
    assert not [one for one in desk.bus.asked if isinstance(one, GenerateReply)]
    ((_, evidence),) = await desk.evidence()
    assert evidence["curated"]["by"] == (by or "builtin/minilm")
    (row,) = await desk.rows("select used from curated_answers")
    assert row["used"] == 1


async def test_another_question_goes_to_the_model(curating):
    desk = curating
    await requests_of(desk)[0].keep(wish(desk, "How do I cancel my order?"))
    assert (await asked(desk, "Do you rent tents?")).decision == "answer"
    assert (await asked(desk, "How do I cancel my order 77?")).decision == "answer"


async def test_changes_count_at_once_in_every_replica(curating):
    desk = curating
    curated = requests_of(desk)[0]
    first = wish(desk, "How do I cancel my order?")
    await curated.keep(first)
    assert (await asked(desk, "How do I cancel my order?")).decision == "curated"
    await curated.keep(
        wish(
            desk,
            "How do I cancel my order?",
            curated_answer_id=first.curated_answer_id,
            enabled=False,
        )
    )
    assert (await asked(desk, "How do I cancel my order?")).decision == "answer"
    await curated.remove(
        RemoveCuratedAnswer.make(
            tenant_id=desk.tenant_id, curated_answer_id=first.curated_answer_id
        )
    )
    with pytest.raises(Refused, match="no such"):
        await curated.remove(
            RemoveCuratedAnswer.make(
                tenant_id=desk.tenant_id, curated_answer_id=first.curated_answer_id
            )
        )


async def test_a_question_belongs_to_one_answer(curating):
    desk = curating
    curated = requests_of(desk)[0]
    await curated.keep(wish(desk, "How do I cancel my order?"))
    with pytest.raises(Refused, match="Another answer has the question"):
        await curated.keep(wish(desk, "Hello, how do I cancel my order, please?"))


async def test_without_an_embedder_words_still_find_it(desk):
    desk.bus.answers[EmbedTexts] = AskFailed("no_responder", "nobody")
    await requests_of(desk)[0].keep(wish(desk, "How do I cancel my order?"))
    assert (await asked(desk, "How do I cancel my order?")).decision == "curated"


async def test_answers_are_listed_page_by_page(curating):
    desk = curating
    curated = requests_of(desk)[0]
    for number in range(3):
        await curated.keep(wish(desk, f"Question number {number}?", text=f"Text {number}"))
    page = await curated.listed(
        ListCuratedAnswers.make(tenant_id=desk.tenant_id, query=None, cursor=None, limit=2)
    )
    rest = await curated.listed(
        ListCuratedAnswers.make(
            tenant_id=desk.tenant_id, query=None, cursor=page.next_cursor, limit=2
        )
    )
    assert [one.text for one in (*page.answers, *rest.answers)] == ["Text 2", "Text 1", "Text 0"]
    assert rest.next_cursor is None
    found = await curated.listed(
        ListCuratedAnswers.make(tenant_id=desk.tenant_id, query="number 1", cursor=None, limit=9)
    )
    assert [one.text for one in found.answers] == ["Text 1"]


async def test_what_nothing_answered_is_gathered_by_meaning(curating):
    desk = curating
    desk.model_says("I could not find this in the documents.")
    for question in ("Do you rent tents?", "Can I rent a tent from you?", "Is it blue?"):
        await asked(desk, question)
    await asked(desk, "Do you rent tents?")
    await gather(desk)
    await gather(desk)
    rent, blue = await listed(desk)
    assert (rent.question, rent.asked, rent.state) == ("Do you rent tents?", 3, "open")
    assert {one.reason for one in rent.examples} == {"nothing_found"}
    assert (blue.question, blue.asked) == ("Is it blue?", 1)
    assert rent.examples[0].asked_at >= rent.examples[-1].asked_at


async def test_two_replicas_gather_each_question_once(curating):
    desk = curating
    desk.model_says("I could not find this in the documents.")
    for question in ("Do you rent tents?", "Is it blue?", "Can I rent a tent from you?"):
        await asked(desk, question)
    other = desk.another_process()
    await asyncio.gather(
        desk.parts.answers.unanswered.gather(desk.tenant_id),
        other.answers.unanswered.gather(desk.tenant_id),
    )
    assert [cluster.asked for cluster in await listed(desk)] == [2, 1]


async def test_a_cluster_becomes_a_curated_answer(curating):
    desk = curating
    desk.model_says("I could not find this in the documents.")
    await asked(desk, "Do you rent tents?")
    await gather(desk)
    (cluster,) = await listed(desk)
    await requests_of(desk)[0].keep(
        wish(desk, cluster.question, text="We do not.", resolves_cluster_id=cluster.cluster_id)
    )
    assert not await listed(desk, state="open")
    assert (await asked(desk, "do you rent tents")).text == "We do not."
    with pytest.raises(Refused, match="no such"):
        await requests_of(desk)[0].keep(wish(desk, "What?", resolves_cluster_id=UUID(int=1)))


async def test_a_cluster_is_dismissed_and_stays_so(curating):
    desk = curating
    desk.model_says("I could not find this in the documents.")
    await asked(desk, "Do you rent tents?")
    await gather(desk)
    (cluster,) = await listed(desk)
    saved = await requests_of(desk)[1].update(
        UpdateUnanswered.make(
            tenant_id=desk.tenant_id, cluster_id=cluster.cluster_id, state="dismissed"
        )
    )
    assert saved.cluster.state == "dismissed"
    await asked(desk, "Can I rent tents?")
    await gather(desk)
    assert [(one.state, one.asked) for one in await listed(desk)] == [("dismissed", 2)]


async def test_another_tenant_sees_none_of_it(curating):
    desk = curating
    desk.model_says("I could not find this in the documents.")
    await requests_of(desk)[0].keep(wish(desk, "How do I cancel my order?"))
    await asked(desk, "Do you rent tents?")
    await gather(desk)
    other = uuid4()
    async with desk.database.transaction(other) as tx:
        for table in (
            "curated_answers",
            "curated_questions",
            "unanswered_clusters",
            "unanswered_questions",
        ):
            assert await tx.fetchval(f"select count(*) from {table}") == 0
    request = ListUnanswered.make(tenant_id=other, state=None, cursor=None, limit=50)
    assert (await requests_of(desk)[1].listed(request)).clusters == []


async def test_what_a_model_refused_counts_as_unanswered(curating, say_reply):
    desk = curating
    desk.model_says(say_reply("", finish_reason="content_filter"))
    await asked(desk, "Do you rent tents?")
    (row,) = await desk.rows("select question, reason from unanswered_questions")
    assert (row["question"], row["reason"]) == ("Do you rent tents?", "refused")


async def test_small_talk_and_answers_leave_no_question(curating):
    desk = curating
    desk.model_says("Hello! How can I help you?")
    await asked(desk, "Hi")
    desk.model_says("Items may be returned within 30 days [1].")
    await asked(desk, "How long?")
    assert not await desk.rows("select 1 from unanswered_questions")
    assert len(desk.outbox.heard(SendMessage)) == 2
