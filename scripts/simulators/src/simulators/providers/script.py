"""What the simulated provider does next: scripted steps, then a default."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal[
    "answer",
    "tool_call",
    "invalid_tool_json",
    "error",
    "cut",
    "hang",
    "endless",
    "empty",
    "refusal",
    "wrong_encoding",
    "html",
    "drip",
    "reset",
    "stream_error",
]


class Step(BaseModel):
    """One call's behaviour; `kind=answer` without text quotes the first passage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Field("answer", description="What happens to the call.")
    text: str | None = Field(None, description="Fixed answer text; none = quote passage [1].")
    tool: str | None = Field(None, description="Tool to call; none = the first offered one.")
    arguments: dict[str, Any] | None = Field(
        None, description="Tool arguments; none = {'query': last user text}."
    )
    tool_count: int = Field(1, ge=1, description="How many calls of that tool.")
    encoding: Literal["broken", "bom", "latin-1"] = Field(
        "broken", description="What `kind=wrong_encoding` does to the bytes."
    )
    refusal_field: bool = Field(
        False, description="OpenAI: a refusal stands in `refusal`, finish reason `stop`."
    )
    cached_tokens: int = Field(0, ge=0, description="Of the prompt, read from the prompt cache.")
    cache_write_tokens: int = Field(0, ge=0, description="Of the prompt, put into it (Anthropic).")
    status: int = Field(500, description="Of `kind=error` and `kind=stream_error`.")
    retry_after_seconds: float | None = Field(None, description="Sent as Retry-After.")
    retry_after_date: bool = Field(False, description="Send Retry-After as an HTTP date.")
    message: str = Field("simulated failure", description="Error text in the body.")
    delay_ms: int = Field(0, ge=0, description="Wait before the first byte.")
    chunk_delay_ms: int = Field(0, ge=0, description="Wait between stream chunks (drip: bytes).")
    chunk_words: int = Field(2, ge=1, description="Words in one stream chunk.")
    after_chunks: int = Field(2, ge=0, description="Chunks sent before a cut or hang.")
    clean: bool = Field(
        False, description="A cut ends the HTTP body properly, only the end of the answer lacks."
    )
    after_finish: bool = Field(
        False, description="A cut comes after the finish reason, before usage and the end."
    )
    usage: bool = Field(True, description="Whether token usage is reported.")
    finish_reason: str | None = Field(None, description="OpenAI name; none = what fits.")
    times: int = Field(1, ge=1, description="How many calls this step serves.")
    model: str | None = Field(None, description="Only calls for this model name take the step.")
    provider: str | None = Field(None, description="Only calls in this wire format take it.")
    operation: Literal["chat", "embed", "rank", "listen"] = Field(
        "chat", description="Which calls it is for."
    )


class ScriptBody(BaseModel):
    """Body of `POST /_sim/script`: replaces the whole script."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: list[Step] = Field(default_factory=list, description="Consumed in order, each once.")
    default: Step = Field(default_factory=Step, description="After (or without) steps.")
    tool_first: bool = Field(
        False, description="By default call an offered tool until a tool result is in the prompt."
    )


class Script:
    """The steps that are still to be played."""

    def __init__(self) -> None:
        self._steps: deque[Step] = deque()
        self._default = Step()
        self._tool_first = False

    def replace(self, body: ScriptBody) -> None:
        """Forget the old script and play `body`."""
        self._steps = deque(step for step in body.steps for _ in range(step.times))
        self._default = body.default
        self._tool_first = body.tool_first

    def pending(self) -> int:
        """How many scripted steps have not been played yet."""
        return len(self._steps)

    def next_step(
        self, provider: str, model: str, operation: str, *, wants_tool: bool = False
    ) -> Step:
        """Take the first step that fits the call, or the default."""
        for step in self._steps:
            fits_model = step.model is None or step.model == model
            fits_provider = step.provider is None or step.provider == provider
            if fits_model and fits_provider and step.operation == operation:
                self._steps.remove(step)
                return step
        if operation != "chat":
            return Step() if self._default.operation != operation else self._default
        if self._tool_first and wants_tool and self._default.kind == "answer":
            return self._default.model_copy(update={"kind": "tool_call"})
        return self._default
