"""The composition of llm-router."""

import aiohttp

from contracts.v1.models import EmbedTexts, GenerateReply, RankPassages
from contracts.v1.tenants import TenantConfigured
from llm_router.administering import administer
from llm_router.composition import compose
from llm_router.config import Settings
from llm_router.money import money
from llm_router.provider_ways import open_guarded_session
from llm_router.saving import Saving
from llm_router.store import Store
from postgres import Queries
from process import Life, run, wire

SERVICE = "llm-router"
_PROVIDER_CONNECTIONS_MAX = 200


async def start(settings: Settings, life: Life) -> None:
    """Wire everything, hear and answer."""
    wiring = await wire(life, settings, SERVICE, connections_max=settings.connections_max)
    connector = aiohttp.TCPConnector(limit=_PROVIDER_CONNECTIONS_MAX)
    session = await life.enter(aiohttp.ClientSession(connector=connector))
    store = Store(Queries("llm_router"))
    saving = Saving(wiring.database, wiring.outbox, store)
    books = money(settings, wiring.database, wiring.outbox)
    guarded = await life.enter(open_guarded_session(settings))
    parts = compose(settings, session, guarded, store, saving.find_route, books, wiring.bus.stream)
    wiring.outbox.hear(TenantConfigured, parts.handlers.tenant_configured)
    wiring.bus.answer(
        GenerateReply, parts.handlers.generate_reply, prefetch=settings.replies_at_once
    )
    wiring.bus.answer(EmbedTexts, parts.reading.embed_texts, prefetch=settings.embeddings_at_once)
    wiring.bus.answer(RankPassages, parts.reading.rank_passages, prefetch=settings.ranks_at_once)
    books.listen(wiring.bus)
    parts.media.listen(wiring.bus)
    asked = administer(settings, wiring.database, session, guarded, parts.ways, books)
    asked.listen(wiring.bus)
    life.closing(parts.close)
    await parts.start()
    await wiring.start(life)
    if settings.probe_seconds:
        life.background("probes", asked.prober.follow())
    await saving.ask_for_configuration()


if __name__ == "__main__":
    run(SERVICE, Settings, start, migrations=["outbox", "llm_router"])
