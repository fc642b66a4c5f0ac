"""Trying before trusting: a talk without a customer, replays, shadows and canaries.

Whatever is tried here runs as the real thing does, with other settings on top, and sends nothing.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Code, Event, Part, Request, ShortText
from contracts.v1.shapes import Citation, Cursor, Limit, MessageText

Overrides = Annotated[str, Field(max_length=32_768)]
"""JSON object of tenant settings that differ from the tenant's own, as the API takes them."""


class TriedMessage(Part):
    """A message of a talk that is tried."""

    role: Literal["customer", "bot", "agent"] = Field(description="Who says it.")
    text: MessageText = Field(description="The words.")


class TriedAnswer(Part):
    """What the bot would say, and why."""

    text: MessageText = Field(description="Markdown; empty where it would be silent.")
    citations: Annotated[list[Citation], Field(max_length=20)] = Field(description="Its sources.")
    decision: Code = Field(description="answer, disclaimed, handoff_model, low_confidence …")
    confidence: float | None = Field(ge=0, le=1, description="Computed from evidence.")
    model: ShortText | None = Field(description="The model that wrote it.")
    input_tokens: int = Field(ge=0, description="Tokens read.")
    output_tokens: int = Field(ge=0, description="Tokens written.")
    cost_usd: float | None = Field(ge=0, description="Null where a price is unknown.")
    milliseconds: int = Field(ge=0, description="Time it took.")
    tool_calls: Annotated[list[ShortText], Field(max_length=40)] = Field(
        description="Names of the tools that were called, in order."
    )


class ReplyTried(Answer):
    """The bot's answer in a talk without a customer."""

    answer: TriedAnswer = Field(description="The answer.")
    evidence: Annotated[str, Field(max_length=220_000)] = Field(
        description="JSON object, as a turn keeps it."
    )
    left_out: Annotated[list[ShortText], Field(max_length=16)] = Field(
        description="Parts of the evidence that did not fit, by name."
    )


class TryReply(Request[ReplyTried], owner="orchestrator", asked_by=("gateway",), version=1):
    """What would the bot say to this? Nothing is kept or sent; refused with `invalid_settings`, or
    with the code of the turn's failure.
    """

    messages: Annotated[list[TriedMessage], Field(min_length=1, max_length=100)] = Field(
        description="The talk so far; the customer's last words are answered."
    )
    overrides: Overrides | None = Field(description="Other settings; null: the tenant's own.")
    tools: Literal["real", "recorded", "none"] = Field(
        description="Whether the tenant's tools are really called; `recorded` answers that no "
        "effect was wanted."
    )
    language: Annotated[str, Field(max_length=16)] | None = Field(description="BCP 47.")


class ReplayTurn(Part):
    """One past turn beside what the other settings would have said."""

    turn_id: UUID = Field(description="The past turn.")
    conversation_id: UUID = Field(description="Its conversation.")
    question: MessageText = Field(description="What the customer asked.")
    before: TriedAnswer = Field(description="What was said.")
    after: TriedAnswer | None = Field(description="What would be said; null while it is not done.")
    failure: ShortText | None = Field(description="Why there is no answer, where there is none.")
    similarity: float | None = Field(ge=-1, le=1, description="Of the two answers' meanings.")


class ReplaySums(Part):
    """One side of a replay in numbers."""

    turns: int = Field(ge=0, description="Turns that are done.")
    answered: int = Field(ge=0, description="With an answer.")
    handed_off: int = Field(ge=0, description="That went to a person.")
    failed: int = Field(ge=0, description="Without an answer.")
    cited: int = Field(ge=0, description="Answers with a source.")
    confidence: float | None = Field(ge=0, le=1, description="Mean.")
    cost_usd: float = Field(ge=0, description="Sum of the known costs.")
    unpriced: int = Field(ge=0, description="Turns with an unknown cost.")
    milliseconds_p50: int | None = Field(ge=0, description="Median time.")
    milliseconds_p95: int | None = Field(ge=0, description="95th percentile.")


class Replay(Part):
    """Past turns answered once more with other settings."""

    replay_id: UUID = Field(description="The replay.")
    name: ShortText = Field(description="What it tries.")
    overrides: Overrides = Field(description="The settings that differ.")
    state: Literal["running", "done", "stopped", "failed"] = Field(description="How far it is.")
    detail: ShortText | None = Field(description="Why it stopped, where it did.")
    turns_total: int = Field(ge=0, description="Turns to replay.")
    before: ReplaySums = Field(description="What was.")
    after: ReplaySums = Field(description="What would be.")
    budget_usd: float | None = Field(ge=0, description="It stops when it has cost so much.")
    created_at: AwareDatetime = Field(description="When it was begun, UTC.")


class ReplayFound(Answer):
    """One replay."""

    replay: Replay = Field(description="The replay.")


class ReplaysListed(Answer):
    """Replays, the newest first."""

    replays: Annotated[list[Replay], Field(max_length=50)] = Field(description="The newest 50.")


class ReplayTurnsListed(Answer):
    """Turns of a replay, those that differ most first."""

    turns: Annotated[list[ReplayTurn], Field(max_length=20)] = Field(description="The page.")
    next_cursor: Cursor | None = Field(description="Where the next page begins; null at the end.")


class StartReplay(Request[ReplayFound], owner="orchestrator", asked_by=("gateway",), version=1):
    """Answer past turns once more; refused with `invalid_settings`, `no_turns` or `too_many`."""

    name: ShortText = Field(description="What it tries.")
    overrides: Overrides = Field(description="The settings that differ.")
    since: AwareDatetime | None = Field(description="Turns from here on, UTC.")
    until: AwareDatetime | None = Field(description="Turns up to here, UTC.")
    conversation_ids: Annotated[list[UUID], Field(max_length=200)] | None = Field(
        description="Only of these conversations."
    )
    turns_max: Annotated[int, Field(ge=1, le=1_000)] = Field(description="The newest so many.")
    budget_usd: float | None = Field(ge=0, description="It stops when it has cost so much.")


class ListReplays(Request[ReplaysListed], owner="orchestrator", asked_by=("gateway",), version=1):
    """Which replays were made?"""


class GetReplay(Request[ReplayFound], owner="orchestrator", asked_by=("gateway",), version=1):
    """How far is a replay, and what do its numbers say? Refused with `not_found`."""

    replay_id: UUID = Field(description="Which.")


class ListReplayTurns(
    Request[ReplayTurnsListed], owner="orchestrator", asked_by=("gateway",), version=1
):
    """Turn by turn, side by side; refused with `not_found`."""

    replay_id: UUID = Field(description="Which.")
    cursor: Cursor | None = Field(description="Where the page begins.")
    limit: Limit = Field(description="Size of the page; 20 at most.")


class StopReplay(Request[ReplayFound], owner="orchestrator", asked_by=("gateway",), version=1):
    """Replay no further; refused with `not_found`."""

    replay_id: UUID = Field(description="Which.")


class ExperimentRule(Part):
    """When a canary stops by itself: it is worse than the others by more than this."""

    turns_min: Annotated[int, Field(ge=1, le=100_000)] = Field(description="Not before so many.")
    failures_percent_more: Annotated[float, Field(ge=0, le=100)] | None = Field(
        description="Failed turns, in points."
    )
    handoffs_percent_more: Annotated[float, Field(ge=0, le=100)] | None = Field(
        description="Handoffs, in points."
    )
    cost_percent_more: Annotated[float, Field(ge=0, le=1_000)] | None = Field(
        description="Cost a turn, in percent."
    )
    seconds_percent_more: Annotated[float, Field(ge=0, le=1_000)] | None = Field(
        description="Median time, in percent."
    )


class Experiment(Part):
    """Other settings beside the live ones: unseen (shadow), or for a share of conversations."""

    experiment_id: UUID = Field(description="The experiment.")
    name: ShortText = Field(description="What it tries.")
    kind: Literal["shadow", "canary"] = Field(description="Whether customers see its answers.")
    percent: Annotated[float, Field(gt=0, le=100)] = Field(
        description="Share of the conversations; one stays on its side."
    )
    overrides: Overrides = Field(description="The settings that differ.")
    rule: ExperimentRule = Field(description="When it stops by itself.")
    state: Literal["running", "stopped"] = Field(description="Whether it goes on.")
    detail: ShortText | None = Field(description="Why it stopped, where it did.")
    live: ReplaySums = Field(description="Turns with the live settings since it began.")
    tried: ReplaySums = Field(description="Turns with the other settings.")
    budget_usd: float | None = Field(ge=0, description="A shadow stops when it has cost so much.")
    created_at: AwareDatetime = Field(description="When it was begun, UTC.")


class ExperimentFound(Answer):
    """One experiment."""

    experiment: Experiment = Field(description="The experiment.")


class ExperimentsListed(Answer):
    """Experiments, the newest first."""

    experiments: Annotated[list[Experiment], Field(max_length=50)] = Field(
        description="The newest 50."
    )


class StartExperiment(
    Request[ExperimentFound], owner="orchestrator", asked_by=("gateway",), version=1
):
    """Begin a shadow or a canary; one of each kind at a time. Refused with `invalid_settings` or
    `already_running`.
    """

    name: ShortText = Field(description="What it tries.")
    experiment_kind: Literal["shadow", "canary"] = Field(description="Shadow or canary.")
    percent: Annotated[float, Field(gt=0, le=100)] = Field(description="Share of conversations.")
    overrides: Overrides = Field(description="The settings that differ.")
    rule: ExperimentRule = Field(description="When it stops by itself.")
    budget_usd: float | None = Field(ge=0, description="A shadow stops when it has cost so much.")


class ListExperiments(
    Request[ExperimentsListed], owner="orchestrator", asked_by=("gateway",), version=1
):
    """Which experiments are there, and how do they do?"""


class StopExperiment(
    Request[ExperimentFound], owner="orchestrator", asked_by=("gateway",), version=1
):
    """End an experiment; refused with `not_found`."""

    experiment_id: UUID = Field(description="Which.")


class ExperimentStopped(
    Event, owner="orchestrator", heard_by=(), version=1, public="experiment.stopped"
):
    """A shadow or canary ended, by a person or by its own rule."""

    experiment_id: UUID = Field(description="Which.")
    name: ShortText = Field(description="What it tried.")
    experiment_kind: Literal["shadow", "canary"] = Field(description="Shadow or canary.")
    reason: Code = Field(description="person, failures, handoffs, cost, time, budget.")
    detail: ShortText = Field(description="One sentence with the numbers.")
