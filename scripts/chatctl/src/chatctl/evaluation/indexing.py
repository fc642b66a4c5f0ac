"""A collection becomes the documents of a tenant, through the API as anybody's would."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from chatctl.evaluation.collection import Collection, Source
from chatctl.evaluation.patience import patiently
from chatctl.gateway_api import GatewayApi

TEXTS_A_REQUEST = 100
BYTES_A_REQUEST = 2 * 1024 * 1024
LOOK_SECONDS = 1.0
STILL_SECONDS_MAX = 300.0
_SHOWN_FAILURES = 5

Progress = Callable[[str, int, int], None]


class IndexingStuck(RuntimeError):
    """Documents stopped becoming searchable."""


class Indexer:
    """Makes, finds, fills and removes the tenant of a collection."""

    def __init__(self, api: GatewayApi, progress: Progress) -> None:
        self._api = api
        self._progress = progress

    async def tenant(self, collection: Collection, language: str | None) -> str:
        """The tenant of these very documents: one that was kept, or a new one."""
        prefix = f"eval-{_key_of(collection, language)}-"
        async for found in self._api.every("/api/tenants"):
            if found["slug"].startswith(prefix) and found["state"] == "active":
                return str(found["tenant_id"])
        body = {
            "slug": prefix + secrets.token_hex(3),
            "name": f"Evaluation of {collection.name}"[:100],
            "settings": {"quota_documents": len(collection.sources) * 2 + 100},
        }
        return str((await self._api.post("/api/tenants", body))["tenant_id"])

    async def remove(self, tenant_id: str) -> None:
        """Take the tenant and its documents away."""
        await self._api.delete(f"/api/tenants/{tenant_id}")

    async def upload(
        self, tenant_id: str, sources: Sequence[Source], language: str | None
    ) -> dict[str, str]:
        """Each source's name by its document id; what is there already stays as it is."""
        names: dict[str, str] = {}
        path = f"/api/tenants/{tenant_id}/documents/texts"
        for part in requests_of(sources):
            body = {"items": [_record(source, language) for source in part]}
            kept = await patiently(lambda body=body: self._api.post(path, body))  # type: ignore[misc]
            for source, item in zip(part, kept["items"], strict=True):
                names[str(item["document_id"])] = source.name
            self._progress("uploading", len(names), len(sources))
        return names

    async def wait(self, tenant_id: str, expected: int) -> list[str]:
        """Until every document is searchable; tells those that cannot be."""
        changed_at, before = time.monotonic(), (-1, -1)
        while True:
            use = await patiently(lambda: self._api.get(f"/api/tenants/{tenant_id}/knowledge"))
            stages = use["stages"]
            ready, failed = int(stages.get("ready", 0)), int(stages.get("failed", 0))
            self._progress("indexing", ready + failed, expected)
            if ready + failed >= max(expected, int(use["documents"])):
                return await self._failures(tenant_id, failed)
            now = (ready + failed, int(use["passages"]))
            if now != before:
                changed_at, before = time.monotonic(), now
            elif time.monotonic() - changed_at > STILL_SECONDS_MAX:
                raise IndexingStuck(
                    f"{expected - ready - failed} documents did not become searchable, and nothing "
                    f"moved for {STILL_SECONDS_MAX:.0f} s: {stages}"
                )
            await asyncio.sleep(LOOK_SECONDS)

    async def _failures(self, tenant_id: str, failed: int) -> list[str]:
        if not failed:
            return []
        page = await self._api.get(f"/api/tenants/{tenant_id}/documents", stage="failed", limit=100)
        shown = [f"{one['title'][:60]}: {one.get('detail')}" for one in page["items"]]
        return [f"{failed} documents failed and count as not found", *shown[:_SHOWN_FAILURES]]


def requests_of(sources: Sequence[Source]) -> list[list[Source]]:
    """The sources, in order, in portions that one request may carry."""
    portions: list[list[Source]] = []
    size = 0
    for source in sources:
        more = len(source.text.encode()) + len(source.title.encode())
        if not portions or len(portions[-1]) == TEXTS_A_REQUEST or size + more > BYTES_A_REQUEST:
            portions.append([])
            size = 0
        portions[-1].append(source)
        size += more
    return portions


def _record(source: Source, language: str | None) -> dict[str, Any]:
    record = {"title": source.title, "text": source.text, "external_id": _own_id(source.name)}
    return record | ({"language": language} if language else {})


def _own_id(name: str) -> str:
    """The id as the API takes it: any characters become ones that it keeps."""
    plain = name.isascii() and name.isprintable() and 0 < len(name) <= 400
    if plain and name == name.strip():
        return name
    return f"x:{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _key_of(collection: Collection, language: str | None) -> str:
    return collection.sha256[:12] + (f"-{language.lower()}" if language else "")
