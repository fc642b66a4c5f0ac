"""What one turn may take, and what it has gathered so far."""

from dataclasses import dataclass, field
from typing import Any

import observe
from contracts.v1.models import ChatMessage, ReplyGenerated
from contracts.v1.tenants import TenantSettings
from orchestrator.domain import Leased
from orchestrator.memory import Memory
from orchestrator.metrics import Durations
from orchestrator.passages import PassageBook
from orchestrator.prompt import as_evidence, passages_as_evidence
from orchestrator.prompt_guard import canary_of
from orchestrator.searching import SearchRecord
from orchestrator.tools import Decisions, ToolRegistry


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """How long and how often a turn asks others."""

    search_seconds: float = 3.0
    completion_seconds: float = 4.0
    model_seconds: float = 60.0
    turn_seconds: float = 120.0
    tool_rounds_max: int = 5


@dataclass(slots=True)
class Work:
    """A turn while it is being answered."""

    leased: Leased
    settings: TenantSettings
    registry: ToolRegistry
    durations: Durations
    deadline: float
    book: PassageBook = field(default_factory=PassageBook)
    messages: list[ChatMessage] = field(default_factory=list)
    replies: list[ReplyGenerated] = field(default_factory=list)
    record: SearchRecord = field(default_factory=SearchRecord)
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    decisions: Decisions = field(default_factory=Decisions)
    tool_texts: list[str] = field(default_factory=list)
    tokens_left: int = 0
    rounds: int = 0
    mark: str | None = None
    """The word of the model's statement; None where no model is asked."""
    memory: Memory = field(default_factory=Memory)

    @property
    def canary(self) -> str:
        """The word that stands in the instructions and nowhere else."""
        return canary_of(self.leased.tenant_id)

    @property
    def asked(self) -> str:
        """What the customer said and nobody answered."""
        return "\n".join(message.text for message in self.leased.unanswered)

    @property
    def customers_words(self) -> str:
        """All that the customer said, as far as the prompt may hold it."""
        return "\n".join(
            message.text for message in self.leased.messages if message.role == "customer"
        )

    @property
    def all_replies(self) -> list[ReplyGenerated]:
        """Every model call of the turn, completing the question included."""
        return [*self.record.completions, *self.replies]

    def evidence(self) -> dict[str, Any]:
        """Return what is stored with the turn, whatever becomes of it."""
        return {
            "understood": self.record.understood,
            "searches": self.record.searches,
            "passages": passages_as_evidence(self.book),
            "prompt": as_evidence(self.messages),
            "tool_calls": self.tool_calls,
            "model_calls": [
                reply.model_dump(mode="json", exclude={"text", "tool_calls"})
                for reply in self.all_replies
            ],
            "milliseconds": self.durations.milliseconds,
            "trace_id": observe.current_trace_id(),
        }
