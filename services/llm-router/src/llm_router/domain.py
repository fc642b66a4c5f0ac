"""What a model call is, how it can end, and which models are tried; nothing here does I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.v1.models import ChatMessage, GivenPassage, ModelTry, ToolCall, ToolDefinition

if TYPE_CHECKING:
    from llm_router.purse import Reservation

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
Purpose = Literal["answer", "rewrite", "summary"]
EmbeddingPurpose = Literal["passage", "query"]
OnWords = Callable[[str], None]

BUILTIN = "builtin"
CHARACTERS_PER_TOKEN = 4
PICTURE_TOKENS = 1_000
TEXT_CHARACTERS_MAX = 100_000
ANSWER_BYTES_MAX = 200_000
_RETRYABLE = frozenset({"rate_limited", "overloaded", "unreachable", "truncated", "timeout"})
NEVER_BILLED = frozenset(
    {
        "rate_limited",
        "overloaded",
        "unreachable",
        "not_authorised",
        "bad_request",
        "context_too_long",
        "unknown_model",
    }
)
"""Failures for which no provider asks money."""

_FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "safety": "content_filter",
    "model_context_window_exceeded": "length",
}


class ModelFailed(Exception):
    """A model did not give an answer that may be used.

    `code` is one of rate_limited, overloaded, unreachable, timeout, truncated, empty_answer,
    bad_response, not_authorised, bad_request, context_too_long, unknown_model, cooling_down.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        retry_after_seconds: float | None = None,
        billed: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail[:400]
        self.retry_after_seconds = retry_after_seconds
        self.billed = billed
        """Tokens read and written that are paid all the same; None: told by the code alone."""

    def without(self, key: str | None) -> ModelFailed:
        """The same failure, without the key that the provider may have repeated."""
        if not key or key not in self.detail:
            return self
        detail = self.detail.replace(key, "…")
        return ModelFailed(self.code, detail, self.retry_after_seconds, self.billed)

    @property
    def retryable(self) -> bool:
        """Whether asking the same model again may help."""
        return self.code in _RETRYABLE


class ChainFailed(Exception):
    """No model of the chain answered; `failures` says why, in order."""

    def __init__(self, failures: Sequence[tuple[Model, ModelFailed]]) -> None:
        self.failures = tuple(failures)
        parts = [f"{model}: {failure}" for model, failure in failures]
        super().__init__("; ".join(parts) or "no model")

    @property
    def code(self) -> str:
        """The failure of the first choice, which is the one that a person can act on."""
        return self.failures[0][1].code if self.failures else "no_model"

    @property
    def retry_after_seconds(self) -> float | None:
        """When the first choice may be asked again, where somebody said so."""
        return self.failures[0][1].retry_after_seconds if self.failures else None


@dataclass(frozen=True, slots=True)
class Model:
    """A model as tenants name it: `provider/name`."""

    provider: str
    name: str

    @classmethod
    def named(cls, text: str) -> Model:
        """Read `provider/name`; a bare name is OpenAI's."""
        provider, slash, name = text.strip().partition("/")
        return cls(provider.lower(), name) if slash else cls("openai", provider)

    def __str__(self) -> str:
        return f"{self.provider}/{self.name}"


class Gate(Protocol):
    """Bounds the calls of one provider."""

    def enter(self, tenant_id: UUID, seconds: float) -> AbstractAsyncContextManager[None]:
        """Hold a place during a call of at most `seconds`. Raises ModelFailed."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """Where a provider is reached and with which key.

    `own` is the tenant's own key or address: the provider bills the tenant. `guarded` is an address
    that a tenant chose, which only the checked way out may dial. Calls enter all of `gates`.
    """

    url: str | None
    key: str | None = field(repr=False)
    own: bool = False
    guarded: bool = False
    gates: tuple[Gate, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PromptPicture:
    """An image that a call shows; the type is what its bytes say."""

    mime_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChatCall:
    """One call of one model; `pictures` are those of its messages that can be shown, by hash."""

    tenant_id: UUID
    model: Model
    access: Access
    purpose: Purpose
    messages: Sequence[ChatMessage]
    tools: Sequence[ToolDefinition]
    passages: Sequence[GivenPassage]
    reply_tokens_max: int
    timeout_seconds: float
    answer_schema: str | None = None
    pictures: Mapping[str, PromptPicture] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatOutcome:
    """What a model answered; token counts are None where nobody counted, `estimated` where we did.

    `note` is for the evidence: what the model was not given.

    `input_tokens` holds everything that was read; `cached_tokens` of them came from the provider's
    prompt cache and `cache_write_tokens` were put there, which each have a price of their own.
    """

    text: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    estimated: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """A usable answer and the way to it; `held` was reserved for its `call`."""

    outcome: ChatOutcome
    model: Model
    fallback: bool
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None
    milliseconds: int
    first_token_milliseconds: int | None
    call: ChatCall
    held: Reservation | None
    variant: Literal["primary", "canary"] | None
    tries: tuple[ModelTry, ...]


@dataclass(frozen=True, slots=True)
class Vectors:
    """Unit vectors, one a text, each as little-endian float32 bytes."""

    rows: tuple[bytes, ...]
    dimensions: int
    tokens: int


class ChatAdapter(Protocol):
    """Speaks to one family of providers."""

    async def chat(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
        """Call the model; streams when `on_words` is given. Raises ModelFailed."""
        ...


class EmbeddingAdapter(Protocol):
    """Turns texts into vectors."""

    async def embed(
        self,
        model: Model,
        access: Access,
        texts: Sequence[str],
        purpose: EmbeddingPurpose,
        timeout_seconds: float,
    ) -> Vectors:
        """One unit vector a text, in order. Raises ModelFailed."""
        ...


@dataclass(frozen=True, slots=True)
class Spend:
    """One model call as the ledger keeps it; `cost_usd` is None where the price is unknown."""

    tenant_id: UUID
    correlation_id: UUID
    conversation_id: UUID | None
    purpose: str
    model: Model
    input_tokens: int
    output_tokens: int
    estimated: bool
    cost_usd: Decimal | None
    milliseconds: int
    outcome: str
    occurred_at: datetime
    spend_id: UUID = field(default_factory=uuid7)
    month: date | None = None
    """The budget's month in which it counts; None: that of its own time."""
    counted_usd: Decimal | None = None
    """What it takes of the budget where that is not its cost."""
    cached_tokens: int = 0


def finish_reason(raw: str | None, *, called_tools: bool) -> FinishReason:
    """One name for the many ways in which providers say why they stopped."""
    if raw == "error":
        raise ModelFailed("overloaded", "the provider ended its answer with an error")
    known = _FINISH_REASONS.get((raw or "").lower(), "stop")
    if called_tools and known == "stop":
        return "tool_calls"
    if known == "tool_calls" and not called_tools:
        return "stop"
    return known


def checked(outcome: ChatOutcome, call: ChatCall) -> ChatOutcome:
    """Refuse an answer that says nothing; cut one that no message could carry.

    A model that calls a tool though none was offered is heard as far as it also spoke.
    """
    if outcome.tool_calls and not call.tools:
        finish = "stop" if outcome.finish_reason == "tool_calls" else outcome.finish_reason
        outcome = replace(outcome, tool_calls=(), finish_reason=finish)
        if not outcome.text.strip():
            raise ModelFailed("bad_response", "the model calls tools, but none was offered")
    silent = not outcome.text.strip() and not outcome.tool_calls
    if silent and outcome.finish_reason != "content_filter":
        raise ModelFailed("empty_answer", "the model answered with nothing")
    size = len(outcome.text.encode()) + sum(len(c.arguments.encode()) for c in outcome.tool_calls)
    if size <= ANSWER_BYTES_MAX:
        return outcome
    if outcome.tool_calls:
        raise ModelFailed("bad_response", f"{size} bytes of tool calls and text")
    text = outcome.text.encode()[:ANSWER_BYTES_MAX].decode("utf-8", "ignore")
    return replace(outcome, text=text, finish_reason="length")


def chain_of(
    asked: str | None, tenant: str | None, fallbacks: Iterable[str], default: str
) -> list[Model]:
    """The models to try in order, each once; the builtin answerer always closes the chain."""
    names = [asked or tenant or default, *fallbacks, f"{BUILTIN}/extractive"]
    return list(dict.fromkeys(Model.named(name) for name in names))


def estimated_tokens(text: str) -> int:
    """A deterministic guess for providers that report no usage."""
    return max(1, (len(text) + CHARACTERS_PER_TOKEN - 1) // CHARACTERS_PER_TOKEN) if text else 0


def prompt_tokens(call: ChatCall) -> int:
    """A guess at what the prompt of a call holds."""
    words = sum(estimated_tokens(message.content) + 4 for message in call.messages)
    tools = sum(estimated_tokens(tool.description + tool.parameters) for tool in call.tools)
    return words + tools + PICTURE_TOKENS * len(call.pictures)


def failure_of_status(status: int, detail: str, retry_after_seconds: float | None) -> ModelFailed:
    """The failure that an HTTP status of a provider means."""
    if status == 429:
        return ModelFailed("rate_limited", detail, retry_after_seconds)
    if status in (401, 403):
        return ModelFailed("not_authorised", detail)
    if status == 404:
        return ModelFailed("unknown_model", detail)
    if status == 408:
        return ModelFailed("timeout", detail)
    if status >= 500:
        return ModelFailed("overloaded", detail, retry_after_seconds)
    too_long = "context" in detail and ("length" in detail or "window" in detail)
    if too_long or status == 413 or "prompt is too long" in detail:
        return ModelFailed("context_too_long", detail)
    return ModelFailed("bad_request", detail)
