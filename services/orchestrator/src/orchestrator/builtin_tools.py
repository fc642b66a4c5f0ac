"""The tools that every tenant has: search, facts, handing over, ending."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from contracts.v1.knowledge import SearchFilter
from contracts.v1.tenants import TenantSettings
from orchestrator.domain import Leased
from orchestrator.passages import render_passage
from orchestrator.storable import storable_text
from orchestrator.tool_text import as_data
from orchestrator.tools import Tool, ToolContext, ToolFailed

Facts = Callable[[Leased], Awaitable[Mapping[str, Any]]]
"""What is known of a conversation and its customer, of the turn's own tenant."""

_NO_FILTER: Final = dict.fromkeys(SearchFilter.model_fields)


async def _search_knowledge_base(arguments: Mapping[str, Any], context: ToolContext) -> str:
    tags = arguments.get("tags")
    wanted = SearchFilter.model_validate({**_NO_FILTER, "tags_any": tags}) if tags else None
    query = storable_text(str(arguments["query"])).strip()
    if not query:
        raise ToolFailed("a question is needed")
    found = await context.search(query, int(arguments.get("limit", 5)), wanted)
    numbered = context.book.add(found)
    if not numbered:
        return "Nothing was found." if not found else "No more passages fit into this answer."
    return "Passages found; cite them by their numbers.\n" + "\n".join(
        render_passage(number, passage) for number, passage in numbered
    )


SEARCH_KNOWLEDGE_BASE: Final = Tool(
    name="search_knowledge_base",
    description=(
        "Search the business's documents. Use it when the passages already given do not hold the "
        "answer; ask in other words or about one thing at a time."
    ),
    parameters={
        "type": "object",
        "properties": {
            "query": {
                "type": "string",
                "minLength": 1,
                "maxLength": 2000,
                "description": "What to look for: a question in natural language.",
            },
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": 10,
                "description": "At most so many passages; 5 if not given.",
            },
            "tags": {
                "type": "array",
                "maxItems": 8,
                "items": {"type": "string", "minLength": 1, "maxLength": 64},
                "description": "Only documents with one of these tags; leave out to search all.",
            },
        },
        "required": ["query"],
        "additionalProperties": False,
    },
    run=_search_knowledge_base,
)


async def _hand_off_to_human(arguments: Mapping[str, Any], context: ToolContext) -> str:
    reason = " ".join(storable_text(str(arguments["reason"])).split())
    if not reason:
        raise ToolFailed("a reason is needed")
    context.decisions.handoff = reason
    return (
        "Done: after your next words a person has the conversation and you are silent. Tell the "
        "customer so in one short sentence; promise no time."
    )


HAND_OFF_TO_HUMAN: Final = Tool(
    name="hand_off_to_human",
    description=(
        "Give the conversation to a person of the business: the customer asks for one, is upset, "
        "or needs something that only a person may decide or do."
    ),
    parameters={
        "type": "object",
        "properties": {
            "reason": {
                "type": "string",
                "minLength": 1,
                "maxLength": 400,
                "description": "One sentence for that person: what the customer wants, and why you "
                "cannot help.",
            },
        },
        "required": ["reason"],
        "additionalProperties": False,
    },
    run=_hand_off_to_human,
)


async def _end_conversation(_arguments: Mapping[str, Any], context: ToolContext) -> str:
    context.decisions.ends = True
    return "Done: it is resolved after your next words. Say good-bye in one short sentence."


END_CONVERSATION: Final = Tool(
    name="end_conversation",
    description=(
        "Mark the conversation as resolved, when the customer says that nothing is left to do. "
        "It begins again by itself when they write again."
    ),
    parameters={"type": "object", "properties": {}, "additionalProperties": False},
    run=_end_conversation,
)


_TOLD: Final = (
    "name", "channel", "channel_name", "language", "tags", "metadata", "status", "began_at",
    "last_message_at",
)  # fmt: skip
"""How to reach a customer is not for a model."""


async def _no_facts(_leased: Leased) -> Mapping[str, Any]:
    raise ToolFailed("nothing is known of this conversation")


def conversation_facts(facts: Facts = _no_facts) -> Tool:
    """Make the tool that tells what is known of this one conversation."""

    async def run(_arguments: Mapping[str, Any], context: ToolContext) -> str:
        if context.leased is None:
            raise ToolFailed("nothing is known of this conversation")
        known = await facts(context.leased)
        told = {name: known[name] for name in _TOLD if known.get(name) not in (None, "", [], {})}
        return as_data("get_conversation_facts", json.dumps(told, ensure_ascii=False, indent=1))

    return Tool(
        name="get_conversation_facts",
        description=(
            "What is known of this customer and this conversation: name, channel, language, tags, "
            "what the business keeps with it, and when it began."
        ),
        parameters={"type": "object", "properties": {}, "additionalProperties": False},
        run=run,
    )


BUILT_IN: Final = (
    "search_knowledge_base",
    "get_conversation_facts",
    "hand_off_to_human",
    "end_conversation",
)


def builtin_tools(settings: TenantSettings, facts: Facts = _no_facts) -> tuple[Tool, ...]:
    """Return the built-in tools that a tenant's settings leave; search only over documents."""
    made = {
        tool.name: tool
        for tool in (
            SEARCH_KNOWLEDGE_BASE,
            conversation_facts(facts),
            HAND_OFF_TO_HUMAN,
            END_CONVERSATION,
        )
    }
    if not settings.rag_enabled:
        del made["search_knowledge_base"]
    wanted = BUILT_IN if settings.tools is None else settings.tools
    return tuple(tool for name, tool in made.items() if name in wanted)
