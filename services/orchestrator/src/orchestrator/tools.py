"""Tools that the model may ask for: a registry with checked arguments.

The model chooses a tool and its arguments, nothing else: tenant, contact and conversation are
bound here by the server. Whatever goes wrong is told to the model in words and counted; a tool
never ends the turn.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, Literal

import observe
from contracts.v1.knowledge import FoundPassage, SearchFilter
from contracts.v1.models import ToolCall, ToolDefinition
from orchestrator.domain import Leased
from orchestrator.passages import PassageBook
from orchestrator.prompt import tokens_of_tools
from orchestrator.tool_schemas import ArgumentCheck

RESULT_CHARACTERS_MAX: Final = 24_000
CALLS_PER_ROUND_MAX: Final = 4

_log = observe.get_logger("orchestrator.tools")

Search = Callable[[str, int, SearchFilter | None], Awaitable[list[FoundPassage]]]
"""(query, limit, filter) -> passages of the conversation's own tenant."""


class ToolFailed(Exception):
    """A tool could not do its work; the sentence is for the model.

    `maybe_done` is whether it may have done its work nevertheless: nobody heard.
    """

    def __init__(self, sentence: str, outcome: str = "failed", *, maybe_done: bool = False) -> None:
        super().__init__(sentence)
        self.outcome = outcome
        self.maybe_done = maybe_done


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
    """What the server binds to every call of one turn; no argument of the model reaches it."""

    search: Search
    book: PassageBook
    decisions: Decisions = field(default_factory=Decisions)
    leased: Leased | None = None
    """The turn: tenant, conversation, contact."""
    deadline: float = inf
    """When the whole answer must be there, on the monotonic clock."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model is told, and how it went: ok, unknown_tool, invalid_arguments, failed …"""

    text: str
    outcome: str
    label: str = "unknown"
    """What metrics call the tool: never a word of a tenant's or a model's."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what the model reads of it, and what it does."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Callable[[Mapping[str, Any], ToolContext], Awaitable[str]]
    label: str = ""
    """For metrics; the name where it is empty."""
    check: ArgumentCheck | None = None
    """Of its arguments; made from `parameters` where it is not given."""


class ToolRegistry:
    """The tools that are offered, each with its compiled schema: what is not in it is not there."""

    def __init__(self, tools: tuple[Tool, ...]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._checks = {tool.name: tool.check or ArgumentCheck(tool.parameters) for tool in tools}
        self.definitions = [
            ToolDefinition(
                name=tool.name,
                description=tool.description,
                parameters=json.dumps(tool.parameters, separators=(",", ":")),
            )
            for tool in tools
        ]
        self.tokens = tokens_of_tools(self.definitions)
        """What offering them costs, estimated."""

    @property
    def names(self) -> list[str]:
        """What the model may name."""
        return list(self._tools)

    async def call(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Check the arguments and run the tool."""
        tool = self._tools.get(call.name)
        if tool is None:
            known = ", ".join(self._tools)
            return ToolResult(f"Error: there is no such tool. Tools: {known}.", "unknown_tool")
        label = tool.label or tool.name
        try:
            arguments = self._checks[tool.name].read(call.arguments)
        except ValueError as error:
            wrong = f"Error: invalid arguments: {error}"
            return ToolResult(wrong, "invalid_arguments", label)
        try:
            text = await tool.run(arguments, context)
        except ToolFailed as error:
            return ToolResult(f"Error: {error}", error.outcome, label)
        except Exception as error:  # noqa: BLE001 - a tool never ends the turn
            _log.error("a tool failed unexpectedly", tool=label, error=type(error).__name__)
            return ToolResult("Error: the tool failed", "failed", label)
        return ToolResult(text[:RESULT_CHARACTERS_MAX], "ok", label)
