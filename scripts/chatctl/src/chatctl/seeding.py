"""Loading the demo shops through the public API; what is there already is left as it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from chatctl.gateway_api import GatewayApi
from chatctl.seed_corpus import DemoChannel, DemoTenant

LOOK_SECONDS = 0.25
INDEX_SECONDS = 180.0


class SeedError(RuntimeError):
    """A demo document could not be made searchable."""


class Seeder:
    """Loads one tenant at a time; `origin` is where its widget may be embedded."""

    def __init__(self, api: GatewayApi, origin: str) -> None:
        self._api = api
        self._origin = origin

    async def tenant(self, demo: DemoTenant) -> str:
        """Create the tenant unless its short name is taken; return its id."""
        async for tenant in self._api.every("/api/tenants"):
            if tenant["slug"] == demo.slug:
                return str(tenant["tenant_id"])
        body = {"slug": demo.slug, "name": demo.name, "settings": demo.settings}
        return str((await self._api.post("/api/tenants", body))["tenant_id"])

    async def key(self, tenant_id: str) -> str:
        """Create a tenant key; it is shown this once only."""
        made = await self._api.post(f"/api/tenants/{tenant_id}/keys", {"name": "made by chatctl"})
        return str(made["key"])

    async def channels(self, tenant_id: str, demo: DemoTenant) -> dict[str, dict[str, Any]]:
        """Create the channels that are missing; return all of them by type."""
        path = f"/api/tenants/{tenant_id}/channels"
        found = {c["channel_type"]: c async for c in self._api.every(path)}
        for channel in demo.channels:
            if channel.channel_type not in found:
                found[channel.channel_type] = await self._api.post(path, self._body(channel))
        return found

    async def documents(self, tenant_id: str, demo: DemoTenant) -> list[str]:
        """Upload the demo's documents; the same bytes again are the same document."""
        path = f"/api/tenants/{tenant_id}/documents"
        return [
            str((await self._api.upload(path, file_name, data, content_type))["document_id"])
            for file_name, data, content_type in demo.documents()
        ]

    async def wait_searchable(
        self,
        tenant_id: str,
        document_ids: list[str],
        progress: Callable[[int, int], None] = lambda _ready, _all: None,
    ) -> None:
        """Wait until each document can be found; SeedError names the one that cannot."""
        waiting = set(document_ids)
        deadline = time.monotonic() + INDEX_SECONDS
        while waiting:
            async for document in self._api.every(f"/api/tenants/{tenant_id}/documents"):
                if document["stage"] == "ready":
                    waiting.discard(document["document_id"])
                elif document["stage"] == "failed" and document["document_id"] in waiting:
                    reason = document.get("detail") or document.get("code")
                    raise SeedError(f"{document['title']}: {reason}")
            progress(len(document_ids) - len(waiting), len(document_ids))
            if waiting and time.monotonic() > deadline:
                raise SeedError(f"{len(waiting)} documents are not searchable yet")
            if waiting:
                await asyncio.sleep(LOOK_SECONDS)

    def _body(self, channel: DemoChannel) -> dict[str, Any]:
        body: dict[str, Any] = {"channel_type": channel.channel_type, "name": channel.name}
        if channel.external_id:
            body["external_id"] = channel.external_id
        if channel.credentials:
            body["credentials"] = channel.credentials
        if channel.channel_type == "webchat":
            body["settings"] = {**channel.settings, "allowed_origins": [self._origin]}
        elif channel.settings:
            body["settings"] = channel.settings
        return body
