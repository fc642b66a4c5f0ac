"""Putting the gateway together: everything that is opened, in its order."""

from dataclasses import dataclass

from redis.asyncio import Redis

import observe
from blobs import Blobs
from bus import Bus
from contracts.v1.shapes import ChannelType
from gateway.api.application import build_application
from gateway.api.parts import Parts
from gateway.audit import Audit
from gateway.config import Settings
from gateway.cursors import Cursors
from gateway.door import Door
from gateway.edge import Edge
from gateway.fetched_pages import FetchedPages
from gateway.handlers import Handlers
from gateway.housekeeping import keep_house
from gateway.http_server import HttpServer
from gateway.intake import Intake
from gateway.keeper import Keeper
from gateway.key_store import KeyStore
from gateway.media_links import MediaLinks
from gateway.media_store import MediaStore
from gateway.qa_store import QaStore
from gateway.question_store import QuestionStore
from gateway.quotas import Quota
from gateway.rate_limits import RateLimits
from gateway.repeats import Repeats
from gateway.resumable_pieces import Pieces
from gateway.resumable_store import ResumableStore
from gateway.store import ChannelStore, TenantStore
from gateway.tenant_apps import TenantApps
from gateway.upload_store import UploadStore
from gateway.webhooks import MetaApp, MetaWebhooks
from gateway.widget.ledger import VisitorLedger
from gateway.widget.live import LiveView
from gateway.widget.origins import WidgetOrigins
from gateway.widget.sockets import WidgetSockets
from gateway.widget.streaming import StreamingReplies
from gateway.widget.tokens import WidgetTokens
from outbox import Outbox
from postgres import Database, Queries
from process import ConfigurationError, Life, wire
from sealing import InvalidKeyRing, KeyRing

_log = observe.get_logger("gateway")


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway and the port it listens on."""

    parts: Parts
    intake: Intake
    port: int


async def open_gateway(settings: Settings, life: Life) -> Gateway:
    """Take in messages as soon as the database answers; the broker may come later."""
    wiring = await wire(life, settings, "gateway", connections_max=12)
    database, bus, outbox = wiring.database, wiring.bus, wiring.outbox
    queries = Queries("gateway")
    parts = _parts(settings, database, bus, outbox, queries)
    life.closing(parts.redis.aclose)
    intake = Intake(database, outbox, parts.blobs, queries)
    streaming = StreamingReplies(parts.redis)
    sockets = WidgetSockets(
        tokens=parts.tokens, origins=parts.origins,
        ledger=VisitorLedger(intake, database, parts.media), bus=bus, streaming=streaming,
        links=parts.links, redis_url=settings.redis_url,
    )  # fmt: skip
    Handlers(outbox, parts.tenants, parts.channels).listen()
    FetchedPages(outbox, parts.uploads, parts.keeper, parts.tenants).listen()
    LiveView(sockets.server, streaming, parts.links).listen(bus)
    edge = Edge(
        webhooks=MetaWebhooks(intake, _platform_apps(settings), parts.tenant_apps.find),
        sockets=sockets.application,
        api=build_application(parts),
        origins=parts.origins,
        api_origins=settings.api_origins,
        is_https=settings.public_url.startswith("https:"),
    )
    life.check("rabbitmq", bus.check)
    # Closed in the reverse order: sockets and HTTP first, then hearing, saying, connections.
    life.closing(bus.close)
    await outbox.start()
    life.closing(outbox.stop)
    life.closing(bus.stop_hearing)
    life.closing(intake.drain)
    life.background("origins", parts.origins.follow())
    life.background("strangers", sockets.send_strangers_away())
    life.background(
        "housekeeping", keep_house(database, queries, settings.ledger_days, parts.pieces)
    )
    server = HttpServer(
        edge, host=settings.host, port=settings.port, trusted_proxies=settings.trusted_proxies
    )
    port = _listen(server, settings)
    life.background("http", server.until_closed())
    life.closing(server.close)
    life.closing(sockets.close)
    _log.info("listening", port=port, public_url=settings.public_url)
    await life.reach("rabbitmq", bus.start, retry_on=(Exception,))
    return Gateway(parts, intake, port)


def _parts(
    settings: Settings, database: Database, bus: Bus, outbox: Outbox, queries: Queries
) -> Parts:
    try:
        ring = KeyRing.from_text(settings.master_keys.get_secret_value())
    except InvalidKeyRing as error:
        raise ConfigurationError(f"CHAT_MASTER_KEYS: {error}") from None
    signing = settings.jwt_secret.get_secret_value().encode()
    limits = RateLimits(settings.redis_url)
    channels, keys = ChannelStore(queries), KeyStore(queries)
    tenants, uploads = TenantStore(queries), UploadStore(queries)
    blobs = Blobs.open(settings.blob_url)
    resumables = ResumableStore(queries, settings.resumable_hours)
    quota = Quota(settings.quota_documents, settings.quota_bytes)
    return Parts(
        settings=settings,
        database=database,
        outbox=outbox,
        bus=bus,
        redis=Redis.from_url(settings.redis_url, socket_timeout=1.0, socket_connect_timeout=1.0),
        blobs=blobs,
        ring=ring,
        door=Door(
            database=database,
            keys=keys,
            limits=limits,
            admin_key=settings.admin_key.get_secret_value(),
            pepper=settings.key_pepper.get_secret_value().encode(),
            requests_per_minute=settings.requests_per_minute,
            refusals_per_minute=settings.refusals_per_minute,
        ),
        limits=limits,
        cursors=Cursors(signing),
        repeats=Repeats(database, queries, ring),
        audit=Audit(queries),
        tenants=tenants,
        channels=channels,
        keys=keys,
        uploads=uploads,
        keeper=Keeper(outbox, uploads, tenants, quota),
        pairs=QaStore(queries),
        questions=QuestionStore(),
        resumables=resumables,
        pieces=Pieces(database, resumables, blobs),
        media=MediaStore(queries),
        links=MediaLinks(signing, settings.public_url),
        tenant_apps=TenantApps(database, channels, ring),
        origins=WidgetOrigins(database, channels, settings.public_origin),
        tokens=WidgetTokens(signing, settings.public_origin),
    )


def _platform_apps(settings: Settings) -> dict[str, MetaApp]:
    def app(channel_type: ChannelType) -> MetaApp:
        secret = getattr(settings, f"{channel_type}_app_secret").get_secret_value()
        token = getattr(settings, f"{channel_type}_verify_token").get_secret_value()
        return MetaApp(channel_type, secret.encode(), token)

    return {"whatsapp": app("whatsapp"), "messenger": app("messenger")}


def _listen(server: HttpServer, settings: Settings) -> int:
    try:
        return server.open()
    except OSError as error:
        raise ConfigurationError(f"CHAT_GATEWAY_LISTEN {settings.listen}: {error}") from None
