"""Routes of models and tenants' own providers at the API: sealed, audited, refused in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bus import Refused
from contracts.v1 import model_routes as models

from .conftest import Owners, Running, Tenant

KEY = "sk-of-the-tenant-0123456789-wxyz"


class Router:
    """Stands where llm-router stands."""

    def __init__(self, owners: Owners) -> None:
        self.asked: list[Any] = []
        self.refusal: Refused | None = None
        bus = owners.of("llm-router")
        bus.answer(models.GetModelRoutes, self._routes)
        bus.answer(models.KeepModelRoutes, self._routes)
        bus.answer(models.ListProviders, self._listed)
        bus.answer(models.KeepProvider, self._saved)
        bus.answer(models.TestProvider, self._saved)
        bus.answer(models.ForgetProvider, self._forgotten)

    async def _routes(self, request: Any) -> models.RoutesFound:
        self._heard(request)
        return models.RoutesFound(routes=getattr(request, "routes", []), health=[])

    async def _saved(self, request: Any) -> models.ProviderSaved:
        self._heard(request)
        return models.ProviderSaved(provider=provider(request.provider))

    async def _listed(self, request: Any) -> models.ProvidersListed:
        self._heard(request)
        return models.ProvidersListed(providers=[provider("openai")])

    async def _forgotten(self, request: Any) -> models.ProviderForgotten:
        self._heard(request)
        return models.ProviderForgotten(provider=request.provider)

    def _heard(self, request: Any) -> None:
        self.asked.append(request)
        if self.refusal is not None:
            raise self.refusal


def provider(name: str) -> models.Provider:
    return models.Provider(
        provider=name, base_url=None, key_ending="wxyz", requests_per_minute=None,
        concurrent_max=None, state="working", detail=None, tested_at=datetime.now(UTC),
    )  # fmt: skip


async def audit(running: Running) -> list[tuple[str, str]]:
    rows = await running.rows("select action, detail::text from audit_log order by at")
    return [(row["action"], row["detail"]) for row in rows if row["action"].startswith("model")]


async def test_a_key_is_sealed_before_it_travels_and_never_shown(
    running: Running, owners: Owners, capsys: pytest.CaptureFixture[str]
) -> None:
    router = Router(owners)
    await owners.start()
    tenant = await running.tenant()
    path = f"{tenant.path}/models/providers"
    put = await tenant.call("PUT", f"{path}/openai", {"key": KEY, "test_model": "gpt-5-nano"})
    assert (put.status, put.json["key_ending"]) == (200, "wxyz")
    [request] = router.asked
    place = f"provider-key:{tenant.tenant_id}:openai"
    assert running.gateway.parts.ring.unseal(request.sealed_key, place).decode() == KEY
    assert (request.test_model, request.base_url) == ("gpt-5-nano", None)
    listed = await tenant.call("GET", path)
    tested = await tenant.call("POST", f"{path}/openai/test", {})
    gone = await tenant.call("DELETE", f"{path}/openai")
    assert (listed.json["items"][0]["provider"], tested.status, gone.status) == ("openai", 200, 204)
    noted = await audit(running)
    assert [action for action, _ in noted] == [
        "model_provider.kept", "model_provider.tested", "model_provider.forgotten",
    ]  # fmt: skip
    said = capsys.readouterr()
    for place in (str(noted), said.out, said.err, *(str(one.raw) for one in (put, listed, tested))):
        assert KEY not in place
    bad = await tenant.call("PUT", f"{path}/openai", {"key": f"{KEY}\r\nX-Evil: 1"})
    assert (bad.status, KEY.encode() in bad.raw) == (422, False)


async def test_routes_are_kept_with_defaults_for_what_is_left_out(
    running: Running, owners: Owners
) -> None:
    router = Router(owners)
    await owners.start()
    tenant = await running.tenant()
    path = f"{tenant.path}/models/routes"
    route = {"purpose": "answer", "model": "openai/a", "canary_model": "openai/b"}
    kept = await tenant.call("PUT", path, {"routes": [{**route, "canary_percent": 5}]})
    assert kept.status == 200, kept.raw
    [wanted] = router.asked[0].routes
    assert (wanted.canary_percent, wanted.fallbacks, wanted.deadline_seconds) == (5, None, None)
    assert (await tenant.call("GET", path)).status == 200
    [(action, detail)] = await audit(running)
    assert action == "model_route.kept"
    assert "openai/b" in detail
    wrong: list[dict[str, Any]] = [
        {"routes": []},
        {"routes": [{"purpose": "nonsense"}]},
        {"routes": [{"purpose": "answer", "model": "a b"}]},
        {"routes": [{"purpose": "answer", "canary_percent": 101}]},
        {"routes": [{"purpose": "answer", "hedge_after_milliseconds": 1}]},
    ]
    for body in wrong:
        assert (await tenant.call("PUT", path, body)).status == 422, body
    absent = "/api/tenants/00000000-0000-7000-8000-000000000000/models"
    for address in (f"{absent}/routes", f"{absent}/providers/openai"):
        body = {"routes": [route]} if address.endswith("routes") else {"key": KEY}
        assert (await running.call("PUT", address, body)).status == 404
    assert len(router.asked) == 2


async def test_the_owners_refusals_are_told_and_change_nothing(
    running: Running, owners: Owners
) -> None:
    router = Router(owners)
    await owners.start()
    tenant = await running.tenant()
    path = f"{tenant.path}/models/providers/openai"
    for code in ("provider_refused", "address_refused", "unknown_model", "invalid_key"):
        router.refusal = Refused(code, "HTTP 401: Incorrect API key provided.")
        answer = await tenant.call("PUT", path, {"key": KEY})
        assert (answer.status, answer.code) == (422, code)
        assert answer.json["detail"] == "HTTP 401: Incorrect API key provided."
    assert await audit(running) == []


async def test_a_key_that_only_reads_and_a_stranger_change_nothing(
    running: Running, owners: Owners
) -> None:
    router = Router(owners)
    await owners.start()
    tenant, stranger = await running.tenant(), await running.tenant()
    reading = await tenant.call("POST", f"{tenant.path}/keys", {"name": "r", "scopes": ["read"]})
    reader = Tenant(tenant.tenant_id, running.call.using(reading.json["key"]), tenant.path)
    providers = f"{tenant.path}/models/providers"
    assert (await reader.call("GET", providers)).status == 200
    changes: list[tuple[str, str, Any]] = [
        ("PUT", f"{tenant.path}/models/routes", {"routes": [{"purpose": "answer"}]}),
        ("PUT", f"{providers}/openai", {"key": KEY}),
        ("POST", f"{providers}/openai/test", {}),
        ("DELETE", f"{providers}/openai", None),
    ]
    for method, address, body in changes:
        assert (await reader.call(method, address, body)).status == 403, address
        assert (await stranger.call(method, address, body)).status == 404, address
    assert len(router.asked) == 1
