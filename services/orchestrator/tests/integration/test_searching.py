"""A turn searches for what the customer meant, and keeps the whole record of it."""

import json
from uuid import uuid4

import pytest

from bus import AskFailed, Refused
from contracts.v1.conversations import ListTurns
from contracts.v1.knowledge import (
    ExplainedIndex,
    KnowledgeFound,
    SearchExplained,
    SearchKnowledge,
)
from contracts.v1.models import GenerateReply, ToolCall
from orchestrator.turn_evidence import fitting

FIRST = "How long may I return a lamp?"


def searched(desk) -> list[str]:
    return [one.query for one in desk.bus.asked if isinstance(one, SearchKnowledge)]


async def ask_twice(desk, model, say_reply, second: str = "And in Croatia?") -> None:
    async def answer(request: GenerateReply):
        if request.purpose == "rewrite":
            return say_reply("How long may I return a lamp in Croatia?", model=model)
        return say_reply("30 days [1].")

    desk.model_says(answer)
    await desk.hear(FIRST)
    await desk.idle()
    await desk.hear(second)
    await desk.idle()


async def test_a_follow_up_is_completed_before_it_is_searched(desk, say_reply):
    await ask_twice(desk, "openai/gpt-x", say_reply)
    assert searched(desk) == [FIRST, "How long may I return a lamp in Croatia?"]
    understood = (await desk.evidence())[1][1]["understood"]
    assert understood["by"] == "model"
    assert understood["asked"] == "And in Croatia?"


async def test_without_a_writing_model_the_question_before_is_searched_along(desk, say_reply):
    await ask_twice(desk, "builtin/extractive", say_reply)
    assert searched(desk) == [FIRST, f"{FIRST}\nAnd in Croatia?"]


async def test_a_complete_question_asks_no_model_first(desk, say_reply):
    await ask_twice(desk, "openai/gpt-x", say_reply, "What does a brass desk lamp cost?")
    assert searched(desk)[1] == "What does a brass desk lamp cost?"
    assert [one.purpose for one in desk.bus.asked if isinstance(one, GenerateReply)] == [
        "answer",
        "answer",
    ]


async def test_a_tenant_can_have_its_customers_words_searched_as_they_are(desk, say_reply):
    await desk.configure(rewrite_questions=False)
    await ask_twice(desk, "openai/gpt-x", say_reply)
    assert searched(desk) == [FIRST, "And in Croatia?"]


async def test_the_model_reads_the_parent_and_cites_the_passage(desk, passage):
    found = passage(1).model_copy(
        update={"context": "A whole section about returns.", "source_url": "https://shop.example/r"}
    )
    desk.documents_hold(found)
    await desk.hear(FIRST)
    await desk.idle()
    question = next(one for one in desk.bus.asked if isinstance(one, GenerateReply))
    assert "A whole section about returns." in question.messages[0].content
    assert question.passages[0].text == "A whole section about returns."
    rows = await desk.rows("select citations from messages where role = 'bot'")
    citation = json.loads(rows[0]["citations"])[0]
    assert citation["quote"] == found.text
    assert citation["source_url"] == "https://shop.example/r"


async def test_the_model_may_search_by_tags_and_nothing_else(desk, gate, say_reply):
    arguments = '{"query": "lamps", "tags": ["warranty"]}'
    wish = ToolCall(call_id="1", name="search_knowledge_base", arguments=arguments)
    gate.open(say_reply("", tool_calls=[wish], finish_reason="tool_calls"))
    gate.open("Done.")
    desk.model_says(gate)
    await desk.hear("Lamps?")
    await desk.idle()
    second = [one for one in desk.bus.asked if isinstance(one, SearchKnowledge)][1]
    assert second.filter.tags_any == ["warranty"]
    assert second.tenant_id == desk.tenant_id


async def test_several_questions_are_searched_one_by_one(desk, passage):
    await desk.configure(multi_query=True, passages_max=2)

    async def found(request: SearchKnowledge):
        number = {"Do you ship to Norway?": 2, "What do lamps cost?": 3}.get(request.query, 1)
        return KnowledgeFound(
            passages=[passage(number)], reason=None, degraded=False, candidates=1, milliseconds=1.0
        )

    desk.bus.answers[SearchKnowledge] = found
    await desk.hear("Do you ship to Norway? What do lamps cost?")
    await desk.idle()
    assert len(searched(desk)) == 3
    question = next(one for one in desk.bus.asked if isinstance(one, GenerateReply))
    assert len(question.passages) == 2


async def test_a_part_that_could_not_be_searched_takes_nothing_from_the_others(desk, passage):
    await desk.configure(multi_query=True)

    async def found(request: SearchKnowledge):
        if request.query == "What do lamps cost?":
            raise AskFailed("timeout", "Nobody answered.")
        return KnowledgeFound(
            passages=[passage(1)], reason=None, degraded=False, candidates=1, milliseconds=1.0
        )

    desk.bus.answers[SearchKnowledge] = found
    await desk.hear("Do you ship to Norway? What do lamps cost?")
    await desk.idle()
    question = next(one for one in desk.bus.asked if isinstance(one, GenerateReply))
    assert len(question.passages) == 1
    failed = [one.get("failed") for one in (await desk.evidence())[0][1]["searches"]]
    assert failed == [None, None, "timeout"]


async def test_a_turn_can_be_asked_why(desk, passage):
    desk.bus.answers[SearchKnowledge] = KnowledgeFound(
        passages=[],
        reason="below_threshold",
        degraded=False,
        candidates=7,
        milliseconds=1.0,
        cause="below_threshold",
        cause_detail="Seven passages, none near enough.",
        explained=explained(),
    )
    desk.model_says("I could not find that.")
    await desk.hear(FIRST)
    await desk.idle()
    asked = {"turn_id": None, "recorded_message_id": None, "limit": 5}
    request = ListTurns.make(
        tenant_id=desk.tenant_id, conversation_id=desk.conversation_of(), **asked
    )
    (turn,) = (await desk.parts.evidence.list(request)).turns
    search = json.loads(turn.evidence)["searches"][0]
    assert turn.outcome == "answered"
    assert search["cause"] == "below_threshold"
    assert search["explained"]["threshold"] == "cosine 0.2"
    for tenant_id, conversation_id in (
        (uuid4(), desk.conversation_of()),
        (desk.tenant_id, uuid4()),
    ):
        foreign = ListTurns.make(tenant_id=tenant_id, conversation_id=conversation_id, **asked)
        with pytest.raises(Refused, match="not_found"):
            await desk.parts.evidence.list(foreign)


def test_evidence_that_is_too_large_loses_its_prompt_before_its_searches():
    text, left_out = fitting({"prompt": "p" * 300, "searches": ["s" * 50]}, 200)
    assert left_out == ["prompt"]
    assert json.loads(text)["searches"]


def test_many_searches_lose_their_worst_candidates_before_they_are_left_out():
    candidates = [{"fused_rank": n, "cut_by": "not_read", "id": "i" * 300} for n in range(1, 101)]
    candidates[60]["cut_by"] = "given"
    searches = [{"query": "lamps", "explained": {"candidates": candidates}} for _ in range(20)]
    text, left_out = fitting({"searches": searches})
    assert left_out == ["candidates"]
    kept = [
        one["fused_rank"] for one in json.loads(text)["searches"][19]["explained"]["candidates"]
    ]
    assert kept == [*range(1, 21), 61]


def test_what_a_customer_or_a_model_wrote_never_keeps_a_turn_from_being_shown():
    quotes = '"' * 90_000
    evidence = {"understood": {"asked": quotes}, "unsaid": quotes, "decision": "suppressed"}
    text, left_out = fitting(evidence)
    assert left_out == ["unsaid", "understood"]
    assert json.loads(text)["decision"] == "suppressed"
    assert len(text) < 200_000


def explained() -> SearchExplained:
    return SearchExplained(
        query=FIRST,
        language="en",
        index=ExplainedIndex(
            revision=3,
            documents=1,
            documents_searched=1,
            documents_disabled=0,
            documents_expired=0,
            documents_filtered=0,
            passages_searched=7,
            models=["builtin/minilm"],
        ),
        keyword_method="bm25",
        vector_method="exact",
        fusion="weighted 0.5/0.5",
        reranker="none",
        threshold="cosine 0.2",
        terms=[],
        candidates=[],
        cuts={"below_threshold": 7},
        milliseconds={"keyword": 1.0},
    )
