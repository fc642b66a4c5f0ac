"""Tools that the model may ask for: a registry with checked arguments.

The model chooses a tool and its arguments, nothing else: tenant, contact and conversation are
bound here by the server. Whatever goes wrong is told to the model in words and counted; a tool
never ends the turn.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from jsonschema import Draft202012Validator

from contracts.v1.knowledge import FoundPassage, SearchFilter
from contracts.v1.models import ToolCall, ToolDefinition
from orchestrator.passages import PassageBook, render_passage
from orchestrator.storable import storable_text

RESULT_CHARACTERS_MAX: Final = 24_000
CALLS_PER_ROUND_MAX: Final = 4

Search = Callable[[str, int, SearchFilter | None], Awaitable[list[FoundPassage]]]
"""(query, limit, filter) -> passages of the conversation's own tenant."""


class ToolFailed(Exception):
    """A tool could not do its work; the sentence is for the model."""


HandoffReason = Literal["keyword", "model", "low_confidence", "error", "budget", "api"]


@dataclass(slots=True)
class Decisions:
    """What was decided about the conversation; done when its words are said, not before."""

    handoff: str | None = None
    """Why a person should take over, in one sentence."""
    handoff_by: HandoffReason = "model"
    ends: bool = False


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What the server binds to every call of one turn."""

    search: Search
    book: PassageBook
    decisions: Decisions = field(default_factory=Decisions)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model is told, and how it went: ok, unknown_tool, invalid_arguments, failed …"""

    text: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what the model reads of it, and what it does."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Callable[[Mapping[str, Any], ToolContext], Awaitable[str]]


class ToolRegistry:
    """The tools that are offered, each with its compiled schema."""

    def __init__(self, tools: tuple[Tool, ...]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._validators = {
            tool.name: Draft202012Validator(dict(tool.parameters)) for tool in tools
        }
        self.definitions = [
            ToolDefinition(
                name=tool.name,
                description=tool.description,
                parameters=json.dumps(tool.parameters, separators=(",", ":")),
            )
            for tool in tools
        ]

    async def call(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Check the arguments and run the tool."""
        tool = self._tools.get(call.name)
        if tool is None:
            known = ", ".join(self._tools)
            return ToolResult(f"Error: there is no such tool. Tools: {known}.", "unknown_tool")
        try:
            arguments = self._checked(call)
        except ValueError as error:
            return ToolResult(f"Error: invalid arguments: {error}", "invalid_arguments")
        try:
            text = await tool.run(arguments, context)
        except ToolFailed as error:
            return ToolResult(f"Error: {error}", "failed")
        return ToolResult(text[:RESULT_CHARACTERS_MAX], "ok")

    def _checked(self, call: ToolCall) -> dict[str, Any]:
        try:
            arguments = json.loads(call.arguments or "{}", parse_constant=_refuse_constant)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        error = next(self._validators[call.name].iter_errors(arguments), None)
        if error is not None:
            raise ValueError(f"{error.json_path}: {error.message}"[:500])
        # Halves of an escaped emoji are no text: nothing could carry them.
        json.dumps(arguments, ensure_ascii=False).encode()
        return dict(arguments)


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


def knowledge_tools() -> ToolRegistry:
    """Return the tools of a tenant whose answers may use its documents."""
    return ToolRegistry((SEARCH_KNOWLEDGE_BASE, HAND_OFF_TO_HUMAN, END_CONVERSATION))


def plain_tools() -> ToolRegistry:
    """Return the tools of a tenant without documents."""
    return ToolRegistry((HAND_OFF_TO_HUMAN, END_CONVERSATION))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
