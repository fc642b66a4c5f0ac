"""What the index tells a search: its state, the words, the two legs, the passages. Pure.

One search goes `Index.scope` -> `Index.search_words` -> `Index.search_vectors` for each model
group -> `Index.read_passages`. Each answer carries the revision it saw; a search whose revisions
differ from its scope's is made again (ADR 0013).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from retriever.domain import KeywordHit, VectorHit

if TYPE_CHECKING:
    from retriever.index_state import Seen


@dataclass(frozen=True)
class TenantSearch:
    """How a tenant wants to be searched; None where it did not say."""

    keyword_weight: float = 0.5
    vector_weight: float = 0.5
    fusion: Literal["weighted", "rrf"] | None = None
    reranker: str | None = None
    expansion: Literal["none", "neighbours", "parent"] | None = None
    minimum_similarity: float | None = None
    multi_query: bool | None = None


@dataclass(frozen=True)
class ModelGroup:
    """Passages this search may see whose vectors are of one model and length."""

    model: str
    dimensions: int
    passages: int


@dataclass(frozen=True)
class QuestionTerm:
    """A stem of the question in one language's configuration.

    `passages` (that hold it) and `idf` are known in what `search_words` answers. To search for
    another spelling, hand `search_words` a term replaced by one with `corrected_from`.
    """

    word: str
    term: str
    configuration: str
    times: int
    passages: int = 0
    idf: float = 0.0
    corrected_from: str | None = None


@dataclass(frozen=True)
class Scope:
    """What one search may see: one state of the index, less what is disabled, expired, filtered.

    `documents` have a version that answers; those disabled, expired or filtered away are counted
    once each, in this order. `any_version` is also true while the first document is being stored.
    """

    tenant_id: UUID
    revision: int | None
    any_version: bool
    documents: int
    documents_searched: int
    documents_disabled: int
    documents_expired: int
    documents_filtered: int
    passages: int
    groups: tuple[ModelGroup, ...]
    """The one with the most passages first."""
    terms: tuple[QuestionTerm, ...]
    """Of the question, in every configuration of the passages that are searched."""
    settings: TenantSearch
    seen: "Seen" = field(repr=False)
    """The versions and segments; for the index alone."""


@dataclass(frozen=True)
class WordSearch:
    """The keyword leg, and the terms as they were counted."""

    revision: int | None
    hits: tuple[KeywordHit, ...]
    terms: tuple[QuestionTerm, ...]
    method: str


@dataclass(frozen=True)
class VectorSearch:
    """The vector leg over one model group, and the revision it saw."""

    revision: int | None
    hits: tuple[VectorHit, ...]
    method: str


@dataclass(frozen=True)
class NearTerm:
    """A term of the tenant's vocabulary that resembles another one."""

    term: str
    passages: int
    distance: int


@dataclass(frozen=True)
class StoredPassage:
    """A live passage with what a citation needs."""

    key: int
    passage_id: UUID
    document_id: UUID
    document_version: int
    version_id: int
    title: str
    ordinal: int
    page: int | None
    heading: str | None
    text: str
    start_offset: int
    end_offset: int
    token_count: int
    parent_start: int | None
    parent_end: int | None
    document_kind: str
    source_url: str | None
    revision: int | None


@dataclass(frozen=True)
class Around:
    """Wanted beside passage `key`: its siblings by ordinal, or those that touch an offset range."""

    key: int
    version_id: int
    first: int
    last: int
    """By ordinal both ends are included; by offset `last` is one past the end."""
    by: Literal["ordinal", "offset"]


@dataclass(frozen=True)
class Sibling:
    """A passage of the same version, for building a context from."""

    ordinal: int
    start_offset: int
    end_offset: int
    text: str


@dataclass(frozen=True)
class Siblings:
    """Of each wanted key its siblings in order, and the revision they were read at."""

    revision: int | None
    by_key: dict[int, Sequence[Sibling]]
