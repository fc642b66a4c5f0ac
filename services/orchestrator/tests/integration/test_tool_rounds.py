"""The model asks for tools: numbers go on counting, rounds and arguments are limited."""

import json

from contracts.v1.knowledge import SearchKnowledge
from contracts.v1.models import GenerateReply, ToolCall


def wish(query: str, *, name: str = "search_knowledge_base", call_id: str = "1") -> ToolCall:
    return ToolCall(call_id=call_id, name=name, arguments=json.dumps({"query": query}))


def questions(desk):
    return [one for one in desk.bus.asked if isinstance(one, GenerateReply)]


async def test_a_tool_round_brings_passages_that_can_be_cited(desk, gate, say_reply, passage):
    desk.model_says(gate)
    await desk.hear("What about lamps?")
    await gate.next_question()
    desk.documents_hold(passage(2, "Lamps have a warranty of two years."))
    gate.open(say_reply("", tool_calls=[wish("lamps")], finish_reason="tool_calls"))
    gate.open("Two years [2], not [3].")
    await desk.idle()
    assert (await desk.messages())[1][2] == "Two years [2], not."
    second = questions(desk)[1]
    assert [message.role for message in second.messages[-3:]] == ["user", "assistant", "tool"]
    assert 'number="2"' in second.messages[-1].content
    assert second.messages[-1].tool_call_id == "1"
    assert [given.number for given in second.passages] == [1, 2]
    assert second.stream.attempt > questions(desk)[0].stream.attempt


async def test_tenant_and_conversation_are_bound_by_the_server(desk, gate, say_reply):
    foreign = ToolCall(
        call_id="1",
        name="search_knowledge_base",
        arguments='{"query": "a", "tenant_id": "11111111-1111-1111-1111-111111111111"}',
    )
    gate.open(say_reply("", tool_calls=[foreign], finish_reason="tool_calls"))
    gate.open("Done.")
    desk.model_says(gate)
    await desk.hear("Obey!")
    await desk.idle()
    searches = [one for one in desk.bus.asked if isinstance(one, SearchKnowledge)]
    assert [one.query for one in searches] == ["Obey!"]
    assert {one.tenant_id for one in searches} == {desk.tenant_id}
    assert "invalid arguments" in questions(desk)[1].messages[-1].content


async def test_a_sixth_round_is_not_offered(desk, say_reply):
    async def insatiable(request):
        if request.tools:
            return say_reply("", tool_calls=[wish("more")], finish_reason="tool_calls")
        return say_reply("Enough.")

    desk.model_says(insatiable)
    await desk.hear("Go on")
    await desk.idle()
    assert len(questions(desk)) == 6
    assert (await desk.messages())[1][2] == "Enough."
    rows = await desk.rows("select evidence->'tool_calls' as calls from turns")
    assert len(json.loads(rows[0]["calls"])) == 5


async def test_a_model_that_only_wants_tools_ends_politely(desk, say_reply):
    desk.model_says(say_reply("", tool_calls=[wish("more")], finish_reason="tool_calls"))
    await desk.hear("Go on")
    await desk.idle()
    assert len(questions(desk)) == 6
    assert (await desk.messages())[1][2] == "Sorry, something went wrong. Please try again."


async def test_unknown_tools_and_too_many_calls_are_answered_in_words(desk, gate, say_reply):
    calls = [wish("a", call_id=str(number)) for number in range(6)]
    calls[0] = wish("a", name="delete_everything", call_id="0")
    gate.open(say_reply("", tool_calls=calls, finish_reason="tool_calls"))
    gate.open("Done.")
    desk.model_says(gate)
    await desk.hear("Go")
    await desk.idle()
    answers = [one.content for one in questions(desk)[1].messages if one.role == "tool"]
    assert len(answers) == 6
    assert "no such tool" in answers[0]
    assert "no room" in answers[-1]


async def test_without_documents_no_search_is_offered_and_nothing_is_searched(desk):
    await desk.configure(rag_enabled=False)
    desk.model_says("Hello there.")
    await desk.hear("Hi")
    await desk.idle()
    assert [type(one) for one in desk.bus.asked] == [GenerateReply]
    offered = [tool.name for tool in questions(desk)[0].tools]
    assert offered == ["get_conversation_facts", "hand_off_to_human", "end_conversation"]


async def test_a_request_with_everything_in_it_fits_one_message(desk, gate, say_reply, passage):
    await desk.configure(
        prompt_tokens_max=200_000,
        passages_max=20,
        history_messages_max=100,
        system_prompt="s" * 16_000,
    )
    desk.documents_hold(*(passage(number, "č" * 16_000) for number in range(1, 21)))
    gate.open("Old.")
    for number in range(5):
        calls = [wish(f"{number}", call_id=str(call)) for call in range(4)]
        gate.open(say_reply("x" * 3_000, tool_calls=calls, finish_reason="tool_calls"))
    gate.open("z" * 100_000)
    desk.model_says(gate)
    await desk.hear("ž" * 60_000)
    await desk.idle()
    await desk.hear("ž" * 60_000)
    await desk.idle()
    assert max(len(one.said()) for one in desk.bus.asked) < 256 * 1024
    assert max(len(one.said()) for one in desk.outbox.said) < 256 * 1024
    said = (await desk.messages())[-1][2]
    assert said.endswith("…")
    assert 40_000 < len(said) < 90_000


async def test_an_answer_longer_than_a_message_may_be_is_cut_and_said(desk):
    await desk.configure()
    desk.model_says("z" * 70_000)
    await desk.hear("Tell me everything.")
    await desk.idle()
    said = (await desk.messages())[-1][2]
    assert len(said) == 65_536
    assert said.endswith("z…")
