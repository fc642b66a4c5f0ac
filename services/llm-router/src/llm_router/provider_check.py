"""Whether a key and an address work: asked of the provider itself, before anything is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import aiohttp

from egress import BlockedAddress, CheckedResolver, EgressPolicy, InvalidUrl, is_blocked_error
from llm_router.anthropic_wire import AnthropicWire
from llm_router.domain import Access, Model, ModelFailed
from llm_router.gathering import failure_of_body, load_object
from llm_router.lean_http import read_body
from llm_router.openai_wire import headers, versioned
from llm_router.tiny_calls import TinyCalls

CHECK_SECONDS = 15.0
_LIST_BYTES_MAX = 4 * 1024 * 1024
_WITH_LIST = frozenset({"openai", "anthropic", "ollama"})


class AddressRefused(Exception):
    """A base URL that is not called; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class ProviderCheck:
    """Makes one real call; sessions are the platform's, and the checked one for tenants' URLs."""

    session: aiohttp.ClientSession
    guarded: aiohttp.ClientSession
    policy: EgressPolicy
    calls: TinyCalls

    async def address(self, url: str) -> None:
        """Raise AddressRefused unless a base URL may be called; names are resolved and checked."""
        try:
            parsed = self.policy.check_url(url)
        except InvalidUrl as error:
            raise AddressRefused(str(error)) from error
        if parsed.query_string or parsed.fragment:
            raise AddressRefused("a base URL has neither a query nor a fragment")
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await CheckedResolver(self.policy).resolve(parsed.host or "", parsed.port or 443)
        except BlockedAddress as error:
            raise AddressRefused("the address is not on the public internet") from error
        except OSError as error:
            raise AddressRefused("the host has no address") from error

    async def run(
        self, tenant_id: UUID, provider: str, access: Access, test_model: str | None
    ) -> None:
        """One word of `test_model`, else the list of models. Raises ModelFailed with its words."""
        if test_model is not None:
            name = test_model.removeprefix(f"{provider}/")
            model = Model(provider, name)
            async with asyncio.timeout(CHECK_SECONDS + 1):
                await self.calls.say(tenant_id, model, access, "test", CHECK_SECONDS)
            return
        if provider not in _WITH_LIST and not access.guarded:
            detail = f"name a test_model: {provider} has no list of models that we read"
            raise ModelFailed("unknown_model", detail)
        await self._list(provider, access)

    async def _list(self, provider: str, access: Access) -> None:
        if not access.url:
            raise ModelFailed("unreachable", "no base URL is configured for the provider")
        url, above = _list_of(provider, access)
        session = self.guarded if access.guarded else self.session
        timeout = aiohttp.ClientTimeout(total=CHECK_SECONDS)
        try:
            async with session.get(
                url, headers=above, timeout=timeout, allow_redirects=False
            ) as response:
                body = await read_body(response, _LIST_BYTES_MAX)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if is_blocked_error(error):
                raise AddressRefused("the address is not on the public internet") from error
            raise ModelFailed("unreachable", f"{type(error).__name__}: {error}") from error
        if 300 <= status < 400:
            raise ModelFailed("bad_response", f"HTTP {status}: redirects are not followed")
        if status != 200:
            raise failure_of_body(status, body, None)
        if not isinstance(load_object(body).get("data"), list):
            raise ModelFailed("bad_response", "the answer is not a list of models")


def _list_of(provider: str, access: Access) -> tuple[str, Mapping[str, str]]:
    base = access.url or ""
    if provider != "anthropic":
        return f"{versioned(base)}/models", headers(access.key)
    wire = AnthropicWire()
    return wire.url(base).removesuffix("/messages") + "/models", wire.headers(access.key)
