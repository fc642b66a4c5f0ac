"""What a search asks of the index; `retriever.index.Index` answers it."""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from contracts.v1.knowledge import SearchFilter
from postgres import Transaction
from retriever.index_types import (
    Around,
    ModelGroup,
    NearTerm,
    QuestionTerm,
    Scope,
    Siblings,
    StoredPassage,
    VectorSearch,
    WordSearch,
)


class SearchedIndex(Protocol):
    """Every method runs in the caller's transaction, which is of the tenant."""

    async def scope(
        self, tx: Transaction, tenant_id: UUID, question: str, only: SearchFilter | None = None
    ) -> Scope:
        """What a search that begins now may see, and the question's terms."""

    async def search_words(
        self,
        tx: Transaction,
        scope: Scope,
        terms: Sequence[QuestionTerm] | None = None,
        limit: int = 100,
    ) -> WordSearch:
        """BM25 over the scope's passages, best first; `terms` instead of the scope's own."""

    async def known_terms(
        self, tx: Transaction, scope: Scope, configuration: str, terms: Sequence[str]
    ) -> Mapping[str, int]:
        """How many of the scope's passages hold each term; 0 for unknown ones."""

    async def near_terms(
        self, tx: Transaction, scope: Scope, configuration: str, term: str, distance_max: int
    ) -> Sequence[NearTerm]:
        """Terms of the scope's passages that begin alike, within an edit distance; nearest first,
        then by how many passages hold them."""

    async def search_vectors(
        self,
        tx: Transaction,
        scope: Scope,
        group: ModelGroup,
        vector: Sequence[float],
        limit: int = 100,
    ) -> VectorSearch:
        """The passages of the group nearest to the vector, best first."""

    async def read_passages(
        self, tx: Transaction, scope: Scope, keys: Sequence[int]
    ) -> dict[int, StoredPassage]:
        """Those of the passages whose version answers."""

    async def read_siblings(
        self, tx: Transaction, scope: Scope, wanted: Sequence[Around]
    ) -> Siblings:
        """Passages beside found ones, for neighbours and parents."""

    async def hold(self, tx: Transaction, tenant_id: UUID) -> None:
        """Until the commit nothing that a search of this tenant can see changes."""
