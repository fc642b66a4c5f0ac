"""The indexer as a real process on a real broker: killed over a page, the next one goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from blobs import Blobs
from bus import AskFailed, Bus
from bus.service_bus import outgoing
from contracts.v1.documents import DocumentRemoved, DocumentUploaded, GetDocument
from contracts.v1.web_sources import (
    CreateWebSource,
    GetWebSource,
    KeepPage,
    RefreshWebSource,
    WebSourceFound,
)

from .conftest import choices

testkit = pytest.importorskip("testkit", reason="needs a real broker and database")
pytestmark = [pytest.mark.resilience, pytest.mark.timeout(180)]


class Gateway:
    """Asks for sources, and makes kept pages documents."""

    def __init__(self, url: str) -> None:
        self.bus = Bus(url, service="gateway")
        self.tenant_id = uuid4()
        self.kept: list[KeepPage] = []

    async def start(self) -> None:
        self.bus.listen(KeepPage, self._keep)
        await self.bus.start()
        await self.bus.until_can_say()

    async def _keep(self, delivery: Any) -> None:
        page = KeepPage.hear(delivery.body)
        self.kept.append(page)
        uploaded = DocumentUploaded.after(
            page, document_id=page.document_id, title=page.title, file_name=page.file_name,
            declared_type=page.declared_type, size_bytes=page.size_bytes, sha256=page.sha256,
            language=page.language, document_kind="web", source_url=page.url,
        )  # fmt: skip
        await self.bus.publish(outgoing(uploaded))
        await delivery.done()

    async def ask(self, kind: Any, **fields: Any) -> Any:
        request = kind.make(tenant_id=self.tenant_id, **fields)
        return await self.bus.ask(request, timeout_seconds=5)

    async def source(self, source_id: UUID) -> WebSourceFound:
        found: WebSourceFound = await self.ask(
            GetWebSource, source_id=source_id, cursor=None, limit=50
        )
        return found

    async def address_of(self, document_id: UUID) -> str | None:
        """Where a document was found; None while its upload is on its way."""
        try:
            found = await self.ask(GetDocument, document_id=document_id)
        except AskFailed as refused:
            if refused.code != "not_found":
                raise
            return None
        return str(found.document.source_url)

    async def is_idle(self, source_id: UUID) -> bool:
        try:
            return (await self.source(source_id)).source.state == "idle"
        except Exception:  # the service is down just now
            return False


@pytest.fixture
async def gateway(amqp_vhost: Any) -> AsyncIterator[Gateway]:
    played = Gateway(amqp_vhost.url)
    await played.start()
    yield played
    await played.bus.stop_hearing()
    await played.bus.close()


async def test_killed_over_a_page_it_goes_on(
    processes: Any,
    service_database: Callable[..., Any],
    amqp_vhost: Any,
    tmp_path: Path,
    gateway: Gateway,
    site: Any,
) -> None:
    """And once it goes on: pages are documents, refreshed when their words are new, and a page
    whose document was deleted is left alone."""
    paths = [f"/{number}" for number in range(4)]
    site.sitemap("/sitemap.xml", *paths)
    for path in paths:
        site.page(path, f"Words of {path}.")
    process = processes.spawn(
        "rag_indexer",
        {
            "CHAT_RAG_INDEXER_DATABASE_URL": service_database("rag_indexer").url,
            "CHAT_RAG_INDEXER_AMQP_URL": amqp_vhost.url,
            "CHAT_BLOB_URL": f"file://{tmp_path}/blobs",
            "CHAT_RAG_INDEXER_LEASE_SECONDS": "2",
            "CHAT_RAG_INDEXER_WEB_POLL_SECONDS": "0.2",
            "CHAT_RAG_INDEXER_WEB_PAUSE_SECONDS": "0",
            "CHAT_WEB_ALLOW_PRIVATE_NETWORKS": "true",
        },
        CHAT_FAILPOINTS="rag-indexer.page_stored=kill",
    )
    await asyncio.to_thread(process.wait_ready)
    source_id = uuid4()
    await gateway.ask(
        CreateWebSource,
        source_id=source_id,
        url=f"{site.url}/sitemap.xml",
        source_kind="sitemap",
        choices=choices(),
    )
    assert await asyncio.to_thread(process.wait_killed, 60) == -9
    assert gateway.kept == []
    await asyncio.to_thread(process.restart)

    async def idle() -> bool:
        return await gateway.is_idle(source_id)

    await testkit.eventually_async(idle, "the look is over", 60)
    await testkit.eventually_async(lambda: len(gateway.kept) == 4, "every page is kept", 20)
    assert [page.url for page in gateway.kept] == [f"{site.url}{path}" for path in paths]
    blobs = Blobs.open(f"file://{tmp_path}/blobs")
    assert b"Words of /0." in await blobs.get(gateway.kept[0].sha256)
    assert site.asked.count("/sitemap.xml") == 1, "what was listed stays listed"

    async def is_document() -> bool:
        return await gateway.address_of(gateway.kept[3].document_id) == f"{site.url}/3"

    await testkit.eventually_async(is_document, "a page is a document", 20)
    removed = DocumentRemoved.make(
        tenant_id=gateway.tenant_id, document_id=gateway.kept[0].document_id
    )
    await gateway.bus.publish(outgoing(removed))

    async def excluded() -> bool:
        return (await gateway.source(source_id)).pages[0].state == "excluded"

    await testkit.eventually_async(excluded, "the page is left alone", 20)
    site.page("/0", "New words.")
    site.page("/1", "New words.")
    await gateway.ask(RefreshWebSource, source_id=source_id)
    await testkit.eventually_async(lambda: len(gateway.kept) > 4, "a new version", 20)
    await testkit.eventually_async(idle, "the look is over", 20)
    assert [page.url for page in gateway.kept[4:]] == [f"{site.url}/1"]
