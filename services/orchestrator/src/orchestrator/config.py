"""Settings of this service, from the environment."""

from typing import Annotated, Final

from pydantic import Field, StringConstraints, TypeAdapter, field_validator
from pydantic_settings import SettingsConfigDict

from orchestrator.answering import AnswerLimits
from orchestrator.rehearsing import RehearsalPace
from orchestrator.runner import RunnerPace
from orchestrator.tool_parts import ToolSettings
from process import ServiceSettings
from sealing import InvalidKeyRing, KeyRing

_COMMANDS: Final = TypeAdapter(
    dict[
        Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")],
        Annotated[list[str], Field(min_length=1)],
    ]
)


class Settings(ServiceSettings):
    """CHAT_ORCHESTRATOR_…"""

    model_config = SettingsConfigDict(env_prefix="CHAT_ORCHESTRATOR_")

    concurrent_turns_max: int = Field(
        64, ge=1, le=1_000, description="Turns that one process works on at once."
    )
    database_connections_max: int = Field(
        12, ge=2, le=100, description="Connections to Postgres that one process holds at most."
    )
    lease_seconds: float = Field(
        60.0, ge=0.5, le=600, description="How long a turn is its worker's without a heartbeat."
    )
    heartbeat_seconds: float = Field(
        20.0, ge=0.1, le=300, description="How often leases of running turns are renewed."
    )
    sweep_seconds: float = Field(
        5.0, ge=0.1, le=300, description="How often turns that nobody works on are looked for."
    )
    life_sweep_seconds: float = Field(
        5.0,
        ge=0.1,
        le=300,
        description="How often conversations are looked at that wake, end or wait too long.",
    )
    typing_after_seconds: float = Field(
        0.25,
        ge=0,
        le=20,
        description="A customer on WhatsApp or Messenger sees us read and type after this long.",
    )
    search_timeout_seconds: float = Field(
        3.0, gt=0, le=60, description="Deadline of one search; without passages the bot says so."
    )
    completion_timeout_seconds: float = Field(
        4.0,
        gt=0,
        le=60,
        description="How long a follow-up question waits to be completed from the conversation.",
    )
    model_timeout_seconds: float = Field(
        60.0, gt=0, le=600, description="Deadline of one model call."
    )
    turn_timeout_seconds: float = Field(
        120.0, gt=0, le=1_200, description="Deadline of a whole answer, all tool rounds included."
    )

    rehearsals_at_once: int = Field(
        2, ge=1, le=64, description="Turns of replays and shadows answered once more at a time."
    )

    def rehearsals(self) -> RehearsalPace:
        """Return how much is answered once more at a time."""
        return RehearsalPace(at_once=self.rehearsals_at_once)

    master_keys: str = Field(
        "",
        alias="CHAT_MASTER_KEYS",
        description="`id:base64key32,…`; seals secrets of tenants' tools. Empty: none are kept.",
        repr=False,
    )
    tools_allow_private_networks: bool = Field(
        False,
        alias="CHAT_TOOLS_ALLOW_PRIVATE_NETWORKS",
        description="Development only: tools by http, at any port and at private addresses.",
    )
    events_amqp_url: str = Field(
        "",
        alias="CHAT_EVENTS_AMQP_URL",
        description="RabbitMQ URL of the vhost `events`, for tools by the broker. Empty: none.",
        repr=False,
    )
    mcp_commands: str = Field(
        "{}",
        alias="CHAT_MCP_COMMANDS",
        description="MCP servers that tenants may have started, as JSON: "
        '`{"name": ["program", "argument"]}`.',
    )

    @field_validator("master_keys")
    @classmethod
    def _key_ring(cls, value: str) -> str:
        try:
            if value:
                KeyRing.from_text(value)
        except InvalidKeyRing as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("mcp_commands")
    @classmethod
    def _commands(cls, value: str) -> str:
        _COMMANDS.validate_json(value)
        return value

    def own_tools(self) -> ToolSettings:
        """Return what tenants' tools are allowed."""
        return ToolSettings(
            ring=KeyRing.from_text(self.master_keys) if self.master_keys else None,
            allow_private_networks=self.tools_allow_private_networks,
            events_amqp_url=self.events_amqp_url,
            mcp_commands=_COMMANDS.validate_json(self.mcp_commands),
        )

    def limits(self) -> AnswerLimits:
        """Return how long a turn asks others."""
        return AnswerLimits(
            search_seconds=self.search_timeout_seconds,
            completion_seconds=self.completion_timeout_seconds,
            model_seconds=self.model_timeout_seconds,
            turn_seconds=self.turn_timeout_seconds,
        )

    def pace(self) -> RunnerPace:
        """Return how much is done at once, and how often this process looks around."""
        return RunnerPace(
            concurrent_turns_max=self.concurrent_turns_max,
            heartbeat_seconds=self.heartbeat_seconds,
            sweep_seconds=self.sweep_seconds,
        )
