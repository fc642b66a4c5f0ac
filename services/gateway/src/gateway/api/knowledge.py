"""What a tenant's documents take up, and how much they may."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from contracts.v1.documents import GetKnowledgeUse
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import With
from gateway.problems import not_found

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/knowledge", tags=["documents"], route_class=GuardedRoute
)


class Quotas(BaseModel):
    """How much the tenant may keep."""

    documents: int
    size_bytes: int
    passages: int | None = Field(description="Null: as the platform's indexer is set.")


class KnowledgeShown(BaseModel):
    """What the tenant's documents take up."""

    documents: int
    size_bytes: int = Field(description="Of their newest files.")
    passages: int = Field(description="That can be found.")
    tokens: int = Field(description="Of those passages.")
    stages: dict[str, int] = Field(description="Documents by stage.")
    embedding_cost_usd: float | None = Field(description="Null where a price is unknown.")
    quotas: Quotas


@router.get("")
async def show_knowledge(tenant_id: UUID, parts: With) -> KnowledgeShown:
    """Documents, bytes, passages, tokens, cost, and the quotas."""
    used = await parts.ask(GetKnowledgeUse.make(tenant_id=tenant_id))
    async with parts.database.transaction(tenant_id) as tx:
        tenant = await parts.tenants.find(tx, tenant_id)
        use = await parts.uploads.use(tx, tenant_id)
        quota = await parts.keeper.quota(tx, tenant_id)
    if tenant is None:
        raise not_found()
    return KnowledgeShown(
        documents=use.documents,
        size_bytes=use.size_bytes,
        passages=used.passages,
        tokens=used.tokens,
        stages=used.stages,
        embedding_cost_usd=used.embedding_cost_usd,
        quotas=Quotas(
            documents=quota.documents,
            size_bytes=quota.size_bytes,
            passages=tenant.settings.quota_passages,
        ),
    )
