"""What a search was asked, and how it is to be made. Pure."""

from dataclasses import dataclass

from contracts.v1.knowledge import SearchFilter, SearchTuning
from retriever.choosing import ChoiceRule
from retriever.domain import CANDIDATES
from retriever.expansion import Expansion
from retriever.fusion import Fusion, Weights
from retriever.index_types import TenantSearch
from retriever.reranking import DEFAULT, NEIGHBOURS, NONE

CANDIDATES_MAX = 200


@dataclass(frozen=True)
class Wish:
    """A question and what the asker wants of the answer."""

    question: str
    limit: int
    only: SearchFilter | None = None
    tuning: SearchTuning | None = None
    explain: bool = False


@dataclass(frozen=True)
class Plan:
    """The tenant's way of searching, or the one that is tried out."""

    weights: Weights
    fusion: Fusion
    reranker: str
    expansion: Expansion
    threshold: bool
    near_duplicates_stay: bool
    candidates: int
    minimum_similarity: float | None

    @property
    def smooths(self) -> bool:
        """Whether candidates are re-ranked by their neighbours, alone or before a model."""
        return self.reranker != NONE

    @property
    def asks_model(self) -> bool:
        """Whether a model re-ranks."""
        return self.reranker not in (NONE, NEIGHBOURS)

    def choice_rule(self, limit: int) -> ChoiceRule:
        """What may be given."""
        return ChoiceRule(
            limit,
            near_duplicates_stay=self.near_duplicates_stay,
            parents_once=self.threshold and self.expansion == "parent",
        )

    def describe_fusion(self) -> str:
        """For the record."""
        share = self.weights.keyword_share()
        how = "min-max, both scores filled in" if self.fusion == "weighted" else "ranks"
        return f"{self.fusion} {share:.2f} keyword / {1 - share:.2f} vector, {how}"


def plan_of(settings: TenantSearch, tuning: SearchTuning | None) -> Plan:
    """What is tried out stands before what the tenant chose, and that before the platform's."""
    tried = tuning or _NOTHING_TRIED
    keyword = settings.keyword_weight if tried.keyword_weight is None else tried.keyword_weight
    vector = settings.vector_weight if tried.vector_weight is None else tried.vector_weight
    return Plan(
        weights=Weights(keyword, vector),
        fusion=tried.fusion or settings.fusion or "weighted",
        reranker=tried.reranker or settings.reranker or DEFAULT,
        expansion=tried.expansion or settings.expansion or "parent",
        threshold=tried.threshold is not False,
        near_duplicates_stay=tried.near_duplicates is True,
        candidates=min(CANDIDATES_MAX, tried.candidates or CANDIDATES),
        minimum_similarity=settings.minimum_similarity,
    )


_NOTHING_TRIED = SearchTuning(
    fusion=None,
    keyword_weight=None,
    vector_weight=None,
    reranker=None,
    expansion=None,
    threshold=None,
    near_duplicates=None,
    candidates=None,
)
