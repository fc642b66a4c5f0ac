"""Tools: checked arguments, and a model that cannot reach further than the server lets it."""

import json
from uuid import UUID

import pytest

from contracts.v1.knowledge import FoundPassage
from contracts.v1.models import ToolCall
from orchestrator.builtin_tools import builtin_tools
from orchestrator.passages import PassageBook
from orchestrator.tools import (
    RESULT_CHARACTERS_MAX,
    ToolContext,
    ToolFailed,
    ToolRegistry,
)

from .conftest import SHOP_SETTINGS


def knowledge_tools() -> ToolRegistry:
    return ToolRegistry(builtin_tools(SHOP_SETTINGS))


def call(arguments: str, name: str = "search_knowledge_base") -> ToolCall:
    return ToolCall(call_id="1", name=name, arguments=arguments)


def found(number: int, text: str = "words") -> FoundPassage:
    return FoundPassage(
        passage_id=UUID(int=number),
        document_id=UUID(int=1),
        document_version=1,
        title="Returns",
        page=None,
        heading=None,
        text=text,
        keyword_score=0.0,
        vector_score=0.0,
        score=0.0,
    )


class Searched:
    def __init__(self, passages=(), error: Exception | None = None):
        self.asked: list[tuple[str, int]] = []
        self.passages = list(passages)
        self.error = error

    async def __call__(self, query: str, limit: int, wanted: object) -> list[FoundPassage]:
        assert wanted is None
        self.asked.append((query, limit))
        if self.error is not None:
            raise self.error
        return self.passages


async def test_it_searches_and_goes_on_numbering():
    search, book = Searched([found(1), found(2)]), PassageBook()
    book.add([found(9)])
    result = await knowledge_tools().call(
        call('{"query": "returns", "limit": 3}'), ToolContext(search, book)
    )
    assert search.asked == [("returns", 3)]
    assert result.outcome == "ok"
    assert 'number="2"' in result.text
    assert 'number="3"' in result.text


@pytest.mark.parametrize(
    "arguments",
    [
        "not json",
        "[]",
        "null",
        "{}",
        '{"query": ""}',
        '{"query": 7}',
        '{"query": "a", "limit": 0}',
        '{"query": "a", "limit": true}',
        '{"query": "a", "limit": NaN}',
        '{"query": "a", "tenant_id": "00000000-0000-0000-0000-000000000001"}',
        '{"query": "' + "a" * 2_001 + '"}',
        "[" * 5_000,
    ],
)
async def test_arguments_are_checked(arguments):
    search = Searched()
    result = await knowledge_tools().call(call(arguments), ToolContext(search, PassageBook()))
    assert result.outcome == "invalid_arguments"
    assert result.text.startswith("Error: invalid arguments")
    assert search.asked == []


async def test_an_unknown_tool_is_told_the_known_ones():
    result = await knowledge_tools().call(
        call("{}", "delete_everything"), ToolContext(Searched(), PassageBook())
    )
    assert result.outcome == "unknown_tool"
    assert "search_knowledge_base" in result.text


@pytest.mark.parametrize(
    ("changes", "offered"),
    [
        ({}, "search_knowledge_base get_conversation_facts hand_off_to_human end_conversation"),
        ({"rag_enabled": False}, "get_conversation_facts hand_off_to_human end_conversation"),
        ({"tools": ["end_conversation", "no_such_tool"]}, "end_conversation"),
        ({"tools": ["search_knowledge_base"], "rag_enabled": False}, ""),
        ({"tools": []}, ""),
    ],
)
def test_settings_choose_among_the_built_in_tools(changes, offered):
    settings = SHOP_SETTINGS.model_copy(update=changes)
    assert [tool.name for tool in builtin_tools(settings)] == offered.split()


async def test_a_search_that_fails_is_told_to_the_model():
    search = Searched(error=ToolFailed("the search could not be reached"))
    result = await knowledge_tools().call(
        call('{"query": "a"}'), ToolContext(search, PassageBook())
    )
    assert (result.outcome, result.text) == ("failed", "Error: the search could not be reached")


async def test_nothing_found_and_too_much_found():
    context = ToolContext(Searched(), PassageBook())
    assert "Nothing" in (await knowledge_tools().call(call('{"query": "a"}'), context)).text
    long = ToolContext(Searched([found(n, "x" * 16_000) for n in range(1, 10)]), PassageBook())
    result = await knowledge_tools().call(call('{"query": "a"}'), long)
    assert len(result.text) <= RESULT_CHARACTERS_MAX


def test_the_offered_schema_is_json():
    definition = knowledge_tools().definitions[0]
    assert json.loads(definition.parameters)["required"] == ["query"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("search_knowledge_base", '{"query": "lamp \\ud83d"}'),
        ("search_knowledge_base", '{"query": "lamp", "tags": ["\\ud83d"]}'),
        ("search_knowledge_base", '{"query": " \\u0000 "}'),
        ("hand_off_to_human", '{"reason": "\\ud83d"}'),
        ("hand_off_to_human", '{"reason": " \\u0000 "}'),
    ],
)
async def test_words_that_nothing_can_carry_are_refused_to_the_model(name, arguments):
    search, context = Searched(), ToolContext(Searched(), PassageBook())
    result = await knowledge_tools().call(call(arguments, name), context)
    assert result.outcome in {"invalid_arguments", "failed"}
    assert search.asked == []
    assert context.decisions.handoff is None


async def test_a_reason_is_one_line_without_control_characters():
    context = ToolContext(Searched(), PassageBook())
    wish = call('{"reason": "wants\\u0000 a\\n refund"}', "hand_off_to_human")
    await knowledge_tools().call(wish, context)
    assert context.decisions.handoff == "wants a refund"


async def test_whatever_a_tool_does_is_no_end_of_the_turn():
    search = Searched(error=RuntimeError("sk-secret at https://shop.example"))
    result = await knowledge_tools().call(
        call('{"query": "a"}'), ToolContext(search, PassageBook())
    )
    assert (result.outcome, result.text) == ("failed", "Error: the tool failed")


async def test_facts_are_those_that_a_model_may_know():
    async def facts(_leased):
        return {
            "name": "Ana",
            "phone": "+385",
            "email": "a@x.example",
            "tags": [],
            "language": "hr",
        }

    registry = ToolRegistry(builtin_tools(SHOP_SETTINGS, facts))
    context = ToolContext(Searched(), PassageBook(), leased=object())
    result = await registry.call(call("{}", "get_conversation_facts"), context)
    assert '"name": "Ana"' in result.text
    assert "+385" not in result.text
    assert "a@x.example" not in result.text
    assert "tags" not in result.text
    unbound = ToolContext(Searched(), PassageBook())
    result = await registry.call(call("{}", "get_conversation_facts"), unbound)
    assert result.outcome == "failed"
