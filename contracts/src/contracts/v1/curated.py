"""Answers that a person wrote for questions that come again, and questions that nothing answered.

A curated answer is said as it stands, without a model, when a question means the same as one of
its questions. Questions that ended without an answer are gathered by meaning.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Part, Request, ShortText
from contracts.v1.shapes import Cursor, Limit

Question = Annotated[str, Field(min_length=1, max_length=1_000)]
CuratedText = Annotated[str, Field(min_length=1, max_length=8_192)]


class CuratedAnswer(Part):
    """Words for a question, said as they stand."""

    curated_answer_id: UUID = Field(description="The answer.")
    questions: Annotated[list[Question], Field(min_length=1, max_length=50)] = Field(
        description="Ways in which customers ask."
    )
    text: CuratedText = Field(description="Markdown.")
    source_url: Annotated[str, Field(max_length=2_048)] | None = Field(
        description="Where it can be read, shown as its source."
    )
    enabled: bool = Field(description="Whether it is used.")
    used: int = Field(ge=0, description="How often it was said.")
    updated_at: AwareDatetime = Field(description="When it was last changed, UTC.")


class CuratedAnswerSaved(Answer):
    """A curated answer as it is kept."""

    curated: CuratedAnswer = Field(description="The answer.")


class CuratedAnswersListed(Answer):
    """Curated answers, the newest first."""

    answers: Annotated[list[CuratedAnswer], Field(max_length=20)] = Field(description="The page.")
    next_cursor: Cursor | None = Field(description="Where the next page begins; null at the end.")


class CuratedAnswerRemoved(Answer):
    """It is not said any more."""

    curated_answer_id: UUID = Field(description="Which.")


class KeepCuratedAnswer(
    Request[CuratedAnswerSaved], owner="orchestrator", asked_by=("gateway",), version=1
):
    """Make or change a curated answer; it counts from this moment on. Refused with `too_many` or
    `question_taken`.
    """

    curated_answer_id: UUID = Field(description="Which; a new id makes a new one.")
    questions: Annotated[list[Question], Field(min_length=1, max_length=50)] = Field(
        description="Ways in which customers ask."
    )
    text: CuratedText = Field(description="Markdown.")
    source_url: Annotated[str, Field(max_length=2_048)] | None = Field(description="Its source.")
    enabled: bool = Field(description="Whether it is used.")
    resolves_cluster_id: UUID | None = Field(
        description="The gathered questions that it answers, if it was made from them."
    )


class ListCuratedAnswers(
    Request[CuratedAnswersListed], owner="orchestrator", asked_by=("gateway",), version=1
):
    """Which curated answers does the tenant have?"""

    query: ShortText | None = Field(description="Only those with these words.")
    cursor: Cursor | None = Field(description="Where the page begins.")
    limit: Annotated[int, Field(ge=1, le=20)] = Field(description="Size of the page.")


class RemoveCuratedAnswer(
    Request[CuratedAnswerRemoved], owner="orchestrator", asked_by=("gateway",), version=1
):
    """Delete a curated answer; refused with `not_found`."""

    curated_answer_id: UUID = Field(description="Which.")


class UnansweredExample(Part):
    """A question that ended without an answer."""

    conversation_id: UUID = Field(description="Where it was asked.")
    turn_id: UUID = Field(description="The turn that could not answer.")
    question: Question = Field(description="As it was understood.")
    reason: ShortText = Field(description="nothing_found, low_confidence, ungrounded, refused …")
    asked_at: AwareDatetime = Field(description="When, UTC.")


class UnansweredCluster(Part):
    """Questions that mean the same and that nothing answered."""

    cluster_id: UUID = Field(description="The cluster.")
    question: Question = Field(description="The one that stands for all.")
    asked: int = Field(ge=1, description="How often.")
    first_asked_at: AwareDatetime = Field(description="When first, UTC.")
    last_asked_at: AwareDatetime = Field(description="When last, UTC.")
    state: Literal["open", "answered", "dismissed"] = Field(description="Whether it is done with.")
    examples: Annotated[list[UnansweredExample], Field(max_length=5)] = Field(
        description="The newest."
    )


class UnansweredListed(Answer):
    """Clusters, the most asked first."""

    clusters: Annotated[list[UnansweredCluster], Field(max_length=50)] = Field(
        description="The page."
    )
    next_cursor: Cursor | None = Field(description="Where the next page begins; null at the end.")


class UnansweredSaved(Answer):
    """A cluster as it is kept now."""

    cluster: UnansweredCluster = Field(description="The cluster.")


class ListUnanswered(
    Request[UnansweredListed], owner="orchestrator", asked_by=("gateway",), version=1
):
    """What do customers ask that nothing answers? A page holds 50 at most."""

    state: Literal["open", "answered", "dismissed"] | None = Field(description="Only these.")
    cursor: Cursor | None = Field(description="Where the page begins.")
    limit: Limit = Field(description="Size of the page.")


class UpdateUnanswered(
    Request[UnansweredSaved], owner="orchestrator", asked_by=("gateway",), version=1
):
    """Say that a cluster is done with, or open it again; refused with `not_found`."""

    cluster_id: UUID = Field(description="Which.")
    state: Literal["open", "answered", "dismissed"] = Field(description="What it is from now on.")
