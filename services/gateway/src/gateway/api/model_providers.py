"""A tenant's own keys and addresses of model providers; a key is sealed here and never shown."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field, StringConstraints

from contracts.v1.model_routes import (
    ForgetProvider,
    KeepProvider,
    ListProviders,
    Provider,
    TestProvider,
)
from gateway.api.guarded_route import GuardedRoute
from gateway.api.model_routes import ModelName, known_tenant
from gateway.api.parts import Caller, Parts, Shape, With
from gateway.door import Principal

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/models/providers", tags=["models"], route_class=GuardedRoute
)

TRY_SECONDS = 40.0

ProviderNamed = Annotated[
    str, Path(max_length=64, pattern=r"^[a-z0-9][a-z0-9_-]*$", description="openai, anthropic …")
]
Url = Annotated[str, StringConstraints(min_length=8, max_length=2_048, pattern=r"^[\x21-\x7e]+$")]
KeyText = Annotated[
    str, StringConstraints(min_length=1, max_length=8_192, pattern=r"^[\x21-\x7e]+$")
]


class ProviderKept(Shape):
    """A way to a provider as it shall be; null is the platform's, or for the key the kept one."""

    key: KeyText | None = Field(
        None, description="Never shown again; null keeps the one that is there."
    )
    base_url: Url | None = Field(
        None, description="A public https address; needs the key again when it changes."
    )
    test_model: ModelName | None = Field(
        None, description="Asked for one word as the test; null: the provider's list of models is."
    )
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        None, description="Rate limit of one replica; null: none."
    )
    concurrent_max: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="Calls at once of one replica; null: the platform's."
    )


class ProviderTried(Shape):
    """How to test what is kept."""

    test_model: ModelName | None = Field(
        None, description="Asked for one word; null: the provider's list of models is asked for."
    )


class ProvidersShown(BaseModel):
    """Every provider, by name: there are few."""

    items: list[Provider]
    next_cursor: None = None


@router.get("")
async def list_model_providers(tenant_id: UUID, parts: With) -> ProvidersShown:
    """The tenant's own ways to providers, and what their last tests said."""
    listed = await parts.ask(ListProviders.make(tenant_id=tenant_id))
    return ProvidersShown(items=listed.providers)


@router.put("/{provider}")
async def keep_model_provider(
    tenant_id: UUID, provider: ProviderNamed, body: ProviderKept, parts: With, who: Caller
) -> Provider:
    """Keep a key, an address and limits once a real call worked; the provider says why not."""
    await known_tenant(parts, tenant_id)
    request = KeepProvider.make(
        tenant_id=tenant_id,
        provider=provider,
        sealed_key=_sealed(parts, tenant_id, provider, body.key),
        base_url=body.base_url,
        test_model=body.test_model,
        requests_per_minute=body.requests_per_minute,
        concurrent_max=body.concurrent_max,
    )
    saved = await parts.ask(request, timeout_seconds=TRY_SECONDS)
    changed = sorted(body.model_fields_set)
    await _note(parts, tenant_id, who, "model_provider.kept", provider, changed=changed)
    return saved.provider


@router.post("/{provider}/test")
async def test_model_provider(
    tenant_id: UUID, provider: ProviderNamed, body: ProviderTried, parts: With, who: Caller
) -> Provider:
    """Test what is kept once more; `state` and `detail` say how it went."""
    request = TestProvider.make(tenant_id=tenant_id, provider=provider, test_model=body.test_model)
    saved = await parts.ask(request, timeout_seconds=TRY_SECONDS)
    await _note(
        parts, tenant_id, who, "model_provider.tested", provider, state=saved.provider.state
    )
    return saved.provider


@router.delete("/{provider}", status_code=204)
async def forget_model_provider(
    tenant_id: UUID, provider: ProviderNamed, parts: With, who: Caller
) -> Response:
    """Forget a key and an address; from here on the platform's way is taken."""
    await parts.ask(ForgetProvider.make(tenant_id=tenant_id, provider=provider))
    await _note(parts, tenant_id, who, "model_provider.forgotten", provider)
    return Response(status_code=204)


def _sealed(parts: Parts, tenant_id: UUID, provider: str, key: str | None) -> str | None:
    if key is None:
        return None
    return parts.ring.seal(key.encode(), f"provider-key:{tenant_id}:{provider}")


async def _note(
    parts: Parts, tenant_id: UUID, who: Principal, action: str, subject: str, **detail: object
) -> None:
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(tx, tenant_id, who, action, subject, **detail)
