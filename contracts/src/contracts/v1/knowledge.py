"""Finding passages: orchestrator (or the API) asks, retriever owns the index.

Every search can explain itself: what was asked of which index, each candidate with the scores of
both legs, the fused one and the re-ranked one, and which rule cut what. "Nothing found" names the
cause.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from contracts.message import Answer, Part, Request, ShortText
from contracts.v1.documents import DocumentKind, MetadataEntry, Tags

Cause = Literal[
    "no_documents",
    "none_ready",
    "disabled",
    "expired",
    "filtered",
    "no_match",
    "below_threshold",
    "index_version",
]
CutRule = Literal[
    "given", "below_threshold", "near_duplicate", "beyond_limit", "not_read", "same_parent"
]


class SearchFilter(Part):
    """Which documents may be searched; everything that is given must hold."""

    document_ids: Annotated[list[UUID], Field(min_length=1, max_length=200)] | None = Field(
        description="Only these documents."
    )
    kinds: Annotated[list[DocumentKind], Field(min_length=1, max_length=4)] | None = Field(
        description="Only of these kinds."
    )
    tags_any: Tags | None = Field(description="With at least one of these tags.")
    tags_all: Tags | None = Field(description="With all of these tags.")
    metadata: Annotated[list[MetadataEntry], Field(max_length=16)] | None = Field(
        description="With all of these, name and value."
    )
    languages: (
        Annotated[list[Annotated[str, Field(max_length=16)]], Field(min_length=1, max_length=16)]
        | None
    ) = Field(description="In one of these languages, BCP 47; `pt` matches `pt-BR`.")


class SearchTuning(Part):
    """Another way of searching than the tenant's, for trying out; null: as the tenant chose."""

    fusion: Literal["weighted", "rrf"] | None = Field(description="How two lists become one.")
    keyword_weight: float | None = Field(ge=0, le=1, description="Share of the keyword leg.")
    vector_weight: float | None = Field(ge=0, le=1, description="Share of the vector leg.")
    reranker: ShortText | None = Field(
        description="`none`, `builtin/neighbours`, `builtin/maxsim`, or `provider/model`."
    )
    expansion: Literal["none", "neighbours", "parent"] | None = Field(
        description="What a found passage is read with."
    )
    threshold: bool | None = Field(description="False: nothing is cut for being unlike.")
    near_duplicates: bool | None = Field(description="True: they stay.")
    candidates: int | None = Field(ge=1, le=200, description="Passages each leg proposes.")


class ExplainedTerm(Part):
    """A word of the question, as the keyword leg searched for it."""

    word: ShortText = Field(description="As the customer wrote it.")
    term: ShortText = Field(description="As it stands in the index, stemmed.")
    configuration: ShortText = Field(description="The language's text-search configuration.")
    passages: int = Field(ge=0, description="Passages that hold it.")
    idf: float = Field(description="Its weight.")
    corrected_from: ShortText | None = Field(description="The typo that it replaces.")


class ExplainedCandidate(Part):
    """A passage that either leg proposed, and what became of it."""

    passage_id: UUID = Field(description="The passage.")
    document_id: UUID = Field(description="Its document.")
    keyword_rank: int | None = Field(ge=1, description="Place in the keyword leg.")
    keyword_score: float | None = Field(description="BM25.")
    coverage: float | None = Field(description="Share of the question's idf that it holds, 0 to 1.")
    vector_rank: int | None = Field(ge=1, description="Place in the vector leg.")
    vector_score: float | None = Field(description="Cosine similarity.")
    fused_rank: int = Field(ge=1, description="Place after fusion.")
    fused_score: float = Field(description="0 to 1.")
    rerank_rank: int | None = Field(ge=1, description="Place after re-ranking.")
    rerank_score: float | None = Field(description="As the re-ranker says.")
    cut_by: CutRule = Field(description="`given`, or the rule that left it out.")


class ExplainedIndex(Part):
    """The index as one search saw it."""

    revision: int | None = Field(ge=0, description="State of the index; rises with each change.")
    documents: int = Field(ge=0, description="Documents of the tenant in the index.")
    documents_searched: int = Field(ge=0, description="Of those, seen by this search.")
    documents_disabled: int = Field(ge=0, description="Left out because they are disabled.")
    documents_expired: int = Field(ge=0, description="Left out because they have expired.")
    documents_filtered: int = Field(ge=0, description="Left out by the filter.")
    passages_searched: int = Field(ge=0, description="Passages seen by this search.")
    models: Annotated[list[ShortText], Field(max_length=8)] = Field(
        description="Models of their vectors, the most frequent first."
    )


class SearchExplained(Part):
    """The whole record of one search."""

    query: Annotated[str, Field(max_length=8_192)] = Field(description="What was searched for.")
    language: Annotated[str, Field(max_length=16)] | None = Field(
        description="BCP 47 of the question, where it can be told."
    )
    index: ExplainedIndex = Field(description="What was searched.")
    keyword_method: ShortText = Field(description="How the keyword leg was made, with its figures.")
    vector_method: ShortText = Field(description="exact, hnsw or none, with its figures.")
    fusion: ShortText = Field(description="How the lists became one, with its figures.")
    reranker: ShortText = Field(description="Which, or none and why.")
    threshold: ShortText = Field(description="What a passage had to reach, with its figures.")
    terms: Annotated[list[ExplainedTerm], Field(max_length=64)] = Field(
        description="Words of the question."
    )
    candidates: Annotated[list[ExplainedCandidate], Field(max_length=250)] = Field(
        description="By fused rank."
    )
    cuts: Annotated[dict[str, int], Field(max_length=16)] = Field(
        description="Candidates left out, by rule."
    )
    milliseconds: Annotated[dict[str, float], Field(max_length=16)] = Field(
        description="Time by step."
    )


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
    context: Annotated[str, Field(max_length=16_384)] | None = Field(
        None, description="The words to read: its parent, or its neighbours and itself."
    )
    rerank_score: float | None = Field(None, description="As the re-ranker says.")
    ordinal: int | None = Field(None, ge=0, description="Order in the document, from 0.")
    start_offset: int | None = Field(None, ge=0, description="First character in the document.")
    end_offset: int | None = Field(None, ge=0, description="One past its last character.")
    document_kind: DocumentKind | None = Field(None, description="Where the document comes from.")
    source_url: Annotated[str, Field(max_length=2_048)] | None = Field(
        None, description="The address of a web page."
    )


class KnowledgeFound(Answer):
    """The best passages, best first; none is a valid answer with a reason."""

    passages: Annotated[list[FoundPassage], Field(max_length=20)] = Field(description="Best first.")
    reason: Literal["no_documents", "none_ready", "below_threshold"] | None = Field(
        description="Why there are none."
    )
    degraded: bool = Field(description="True when only keywords were searched (embedder away).")
    candidates: int = Field(ge=0, description="Passages that either leg proposed.")
    milliseconds: float = Field(ge=0, description="Time taken, the embedding included.")
    cause: Cause | None = Field(None, description="Why there are none, in detail.")
    cause_detail: ShortText | None = Field(None, description="The same, and what to do.")
    explained: SearchExplained | None = Field(None, description="If it was asked for.")


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
    filter: SearchFilter | None = Field(None, description="Which documents may be searched.")
    tuning: SearchTuning | None = Field(None, description="For trying out.")
    explain: bool | None = Field(None, description="Whether the record is wanted.")
