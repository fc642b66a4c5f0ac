"""Ask the tenant's documents directly: the retrieval test, which can explain itself."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from contracts.v1.documents import DocumentKind
from contracts.v1.knowledge import KnowledgeFound, SearchFilter, SearchKnowledge, SearchTuning
from gateway.api.guarded_route import AskingRoute
from gateway.api.parts import Shape, With
from gateway.document_words import Language, MetadataList, Reranker, TagList

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/search", tags=["search"], route_class=AskingRoute
)

# Re-ranking by a model of our own or of a provider takes longer than a search without.
_SECONDS_MAX = 30.0
Share = Annotated[float, Field(ge=0, le=1)]


class Filter(Shape):
    """Which documents may be searched; everything that is given must hold."""

    document_ids: Annotated[list[UUID], Field(min_length=1, max_length=200)] | None = Field(
        None, description="Only these documents."
    )
    kinds: Annotated[list[DocumentKind], Field(min_length=1, max_length=4)] | None = Field(
        None, description="Only of these kinds."
    )
    tags_any: TagList | None = Field(None, description="With at least one of these tags.")
    tags_all: TagList | None = Field(None, description="With all of these tags.")
    metadata: MetadataList | None = Field(
        None, max_length=16, description="With all of these; an object is taken too."
    )
    languages: Annotated[list[Language], Field(min_length=1, max_length=16)] | None = Field(
        None, description="In one of these languages; `pt` matches `pt-BR`."
    )


class Tuning(Shape):
    """Another way of searching than the tenant's, for trying out; absent: as the tenant chose."""

    fusion: Literal["weighted", "rrf"] | None = Field(None, description="How two lists become one.")
    keyword_weight: Share | None = Field(None, description="Share of the keyword leg.")
    vector_weight: Share | None = Field(None, description="Share of the vector leg.")
    reranker: Reranker | None = Field(
        None, description="`none`, `builtin/maxsim` or `provider/model`."
    )
    expansion: Literal["none", "neighbours", "parent"] | None = Field(
        None, description="What a found passage is read with."
    )
    threshold: bool | None = Field(None, description="False: nothing is cut for being unlike.")
    near_duplicates: bool | None = Field(None, description="True: they stay.")
    candidates: Annotated[int, Field(ge=1, le=200)] | None = Field(
        None, description="Passages each leg proposes."
    )


class Search(Shape):
    """What to look for."""

    query: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8_192)
    ] = Field(description="A question in natural language.")
    limit: Annotated[int, Field(ge=1, le=20)] = Field(5, description="At most so many passages.")
    filter: Filter | None = Field(None, description="Which documents may be searched.")
    tuning: Tuning | None = Field(None, description="For trying out.")
    explain: bool = Field(False, description="Whether the whole record is wanted.")


@router.post("")
async def search(tenant_id: UUID, body: Search, parts: With) -> KnowledgeFound:
    """The best passages, best first; nothing found names its cause; `explain` gives the record."""
    request = SearchKnowledge.make(
        tenant_id=tenant_id,
        query=body.query,
        limit=body.limit,
        filter=SearchFilter(**dict(body.filter)) if body.filter else None,
        tuning=SearchTuning(**dict(body.tuning)) if body.tuning else None,
        explain=body.explain,
    )
    return await parts.ask(request, timeout_seconds=_SECONDS_MAX)
