"""A tenant's own tools: what the bot may do beside talking.

orchestrator owns them; gateway asks for people. A tool is a signed HTTPS call, a question over the
tenant's event broker, or one of an MCP server's. The model chooses a tool and its arguments;
tenant, contact and conversation are bound by the server.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Code, Part, Request, ShortText

ToolName = Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]
ToolUrl = Annotated[str, Field(max_length=2_048)]
Sealed = Annotated[str, Field(max_length=16_384)]


class Tool(Part):
    """A tool of the tenant."""

    name: ToolName = Field(description="What the model calls it.")
    description: Annotated[str, Field(max_length=2_000)] = Field(description="When to use it.")
    parameters: Annotated[str, Field(max_length=16_384)] = Field(
        description="JSON Schema (draft 2020-12) of its arguments, as JSON text."
    )
    kind: Literal["https", "broker"] = Field(description="How it is called.")
    url: ToolUrl | None = Field(description="Where a call is posted, for https.")
    timeout_seconds: Annotated[float, Field(ge=0.5, le=60)] = Field(description="Longest wait.")
    result_characters_max: Annotated[int, Field(ge=100, le=24_000)] = Field(
        description="What is longer is cut."
    )
    enabled: bool = Field(description="Whether the bot is offered it.")
    repeatable: bool = Field(
        description="Whether calling it twice does no harm; else a lost answer is not repeated."
    )
    updated_at: AwareDatetime = Field(description="When it was last changed, UTC.")


class McpTool(Part):
    """A tool that an MCP server offers."""

    name: ShortText = Field(description="As the server calls it.")
    offered_as: ToolName = Field(description="As the model calls it: `<server>__<tool>`.")
    description: Annotated[str, Field(max_length=2_000)] = Field(description="The server's words.")
    enabled: bool = Field(description="Whether the bot is offered it.")


class McpServer(Part):
    """A server of the Model Context Protocol."""

    name: Annotated[str, Field(max_length=24, pattern=r"^[a-z][a-z0-9_]*$")] = Field(
        description="Short name, the first part of its tools' names."
    )
    transport: Literal["streamable_http", "stdio"] = Field(description="How it is reached.")
    url: ToolUrl | None = Field(description="Its address, for streamable_http.")
    command: ShortText | None = Field(
        description="Name of an entry in the operator's allow-list, for stdio."
    )
    state: Literal["working", "failing"] = Field(description="What the last look said.")
    detail: ShortText | None = Field(description="Why it fails, in one sentence.")
    tools: Annotated[list[McpTool], Field(max_length=128)] = Field(description="What it offers.")
    looked_at: AwareDatetime = Field(description="When it was last asked for its tools, UTC.")


class ToolsListed(Answer):
    """The tenant's tools, the built-in ones left out."""

    tools: Annotated[list[Tool], Field(max_length=64)] = Field(description="By name.")
    servers: Annotated[list[McpServer], Field(max_length=16)] = Field(description="By name.")


class ToolSaved(Answer):
    """A tool as it is kept now."""

    tool: Tool = Field(description="The tool.")
    secret: ShortText | None = Field(
        description="`whsec_…`, signs the calls (Standard Webhooks); shown once, when it is new."
    )


class ToolRemoved(Answer):
    """It is not offered any more."""

    name: ShortText = Field(description="Which.")


class ToolTried(Answer):
    """What came of a call."""

    outcome: Code = Field(description="ok, invalid_arguments, failed, timeout, too_large …")
    text: Annotated[str, Field(max_length=24_000)] = Field(description="What the model would read.")
    milliseconds: int = Field(ge=0, description="Time it took.")


class McpServerSaved(Answer):
    """A server as it is kept now, with what it offers."""

    server: McpServer = Field(description="The server.")


class ListTools(Request[ToolsListed], owner="orchestrator", asked_by=("gateway",), version=1):
    """Which tools does the tenant have?"""


class KeepTool(Request[ToolSaved], owner="orchestrator", asked_by=("gateway",), version=1):
    """Make or change a tool; refused with `invalid_schema`, `address_refused`, `name_taken`,
    `too_many`.
    """

    name: ToolName = Field(description="Which.")
    description: Annotated[str, Field(max_length=2_000)] = Field(description="When to use it.")
    parameters: Annotated[str, Field(max_length=16_384)] = Field(description="JSON Schema, JSON.")
    tool_kind: Literal["https", "broker"] = Field(description="How it is called.")
    url: ToolUrl | None = Field(description="For https.")
    sealed_headers: Sealed | None = Field(
        description="JSON object of headers, sealed, context `tool-headers:<tenant_id>:<name>`; "
        "null keeps them."
    )
    timeout_seconds: Annotated[float, Field(ge=0.5, le=60)] = Field(description="Longest wait.")
    result_characters_max: Annotated[int, Field(ge=100, le=24_000)] = Field(
        description="What is longer is cut."
    )
    enabled: bool = Field(description="Whether the bot is offered it.")
    repeatable: bool = Field(description="Whether calling it twice does no harm.")
    rotate_secret: bool = Field(description="Make a new signing secret.")


class RemoveTool(Request[ToolRemoved], owner="orchestrator", asked_by=("gateway",), version=1):
    """Take a tool away; refused with `not_found`."""

    name: ToolName = Field(description="Which.")


class TryTool(Request[ToolTried], owner="orchestrator", asked_by=("gateway",), version=1):
    """Call a tool once, as the bot would; refused with `not_found`."""

    name: ToolName = Field(description="Which; `<server>__<tool>` for an MCP server's.")
    arguments: Annotated[str, Field(max_length=32_768)] = Field(description="JSON object as text.")


class KeepMcpServer(
    Request[McpServerSaved], owner="orchestrator", asked_by=("gateway",), version=1
):
    """Make or change a server; it is asked for its tools first. Refused with `server_failed` (and
    its words), `address_refused`, `not_allowed`, `too_many`.
    """

    name: Annotated[str, Field(max_length=24, pattern=r"^[a-z][a-z0-9_]*$")] = Field(
        description="Which."
    )
    transport: Literal["streamable_http", "stdio"] = Field(description="How it is reached.")
    url: ToolUrl | None = Field(description="For streamable_http.")
    command: ShortText | None = Field(description="Entry of the operator's allow-list, for stdio.")
    sealed_headers: Sealed | None = Field(
        description="JSON object of headers, sealed, context `mcp-headers:<tenant_id>:<name>`; "
        "null keeps them."
    )
    enabled_tools: Annotated[list[ShortText], Field(max_length=128)] = Field(
        description="The server's names of the tools that the bot is offered."
    )


class RemoveMcpServer(Request[ToolRemoved], owner="orchestrator", asked_by=("gateway",), version=1):
    """Take a server away; refused with `not_found`."""

    name: ShortText = Field(description="Which.")
