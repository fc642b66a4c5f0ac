"""Finding passages: orchestrator (or the API) asks, retriever owns the index."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from contracts.message import Answer, Part, Request, ShortText


class FoundPassage(Part):
    """A passage and why it was chosen."""

    passage_id: UUID = Field(description="The passage.")
    document_id: UUID = Field(description="Its document.")
    document_version: int = Field(ge=1, description="The version that was read.")
    title: ShortText = Field(description="The document's title.")
    page: int | None = Field(ge=1, description="Page it begins on.")
    heading: ShortText | None = Field(description="Heading path, joined by ' > '.")
    text: Annotated[str, Field(max_length=16_384)] = Field(description="Its words.")
    keyword_score: float = Field(description="BM25; 0 if the keyword leg did not find it.")
    vector_score: float = Field(description="Cosine similarity; 0 if that leg did not find it.")
    score: float = Field(description="Fused, 0 to 1.")


class KnowledgeFound(Answer):
    """The best passages, best first; none is a valid answer with a reason."""

    passages: Annotated[list[FoundPassage], Field(max_length=20)] = Field(description="Best first.")
    reason: Literal["no_documents", "none_ready", "below_threshold"] | None = Field(
        description="Why there are none."
    )
    degraded: bool = Field(description="True when only keywords were searched (embedder away).")
    candidates: int = Field(ge=0, description="Passages that either leg proposed.")
    milliseconds: float = Field(ge=0, description="Time taken, the embedding included.")


class SearchKnowledge(
    Request[KnowledgeFound],
    owner="retriever",
    asked_by=("orchestrator", "gateway"),
    version=1,
):
    """Which passages of the tenant's documents speak of this?"""

    query: Annotated[str, Field(min_length=1, max_length=8_192)] = Field(
        description="A question in natural language."
    )
    limit: Annotated[int, Field(ge=1, le=20)] = Field(description="At most so many passages.")
