"""`python -m webhook_dispatcher`: hears public events, delivers webhooks, feeds the queues."""

from datetime import UTC, datetime

from egress import EgressPolicy
from postgres import Queries
from process import ConfigurationError, Life, run, wire
from sealing import InvalidKeyRing, KeyRing
from webhook_dispatcher.config import Settings
from webhook_dispatcher.dispatcher import Dispatcher
from webhook_dispatcher.endpoint_requests import EndpointRequests
from webhook_dispatcher.event_feed import EventFeed
from webhook_dispatcher.event_steps import EventSteps
from webhook_dispatcher.handlers import Handlers, hear_public_events
from webhook_dispatcher.sender import Sender, open_webhook_session
from webhook_dispatcher.store import Store
from webhook_dispatcher.tidying import tidy_forever


def now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


async def start(settings: Settings, life: Life) -> None:
    """Compose the service."""
    try:
        ring = KeyRing.from_text(settings.master_keys.get_secret_value())
    except InvalidKeyRing as error:
        raise ConfigurationError(f"CHAT_MASTER_KEYS: {error}") from None
    policy = EgressPolicy(settings.allow_private_networks)
    wiring = await wire(life, settings, "webhook-dispatcher")
    store = Store(Queries("webhook_dispatcher"))
    session = await life.enter(open_webhook_session(policy, settings.attempt_timeout_seconds))
    sender = Sender(session, ring, policy, now)
    feed = EventFeed(settings.events_amqp_url, wiring.database, store)
    dispatcher = Dispatcher(wiring.database, wiring.outbox, store, sender, settings, now)
    handlers = Handlers(
        store,
        wiring.outbox,
        publish_soon=feed.publish_soon,
        wake_dispatcher=dispatcher.wake,
        public_url=settings.public_url,
    )
    requests = EndpointRequests(
        wiring.database, store, ring, policy, wake_dispatcher=dispatcher.wake, now=now
    )
    hear_public_events(wiring.outbox, handlers, settings.linger_seconds)
    requests.register(wiring.bus)
    EventSteps(wiring.database).listen(wiring.bus)
    life.background("tidying", tidy_forever(wiring.database, store, settings.keep_days))
    await feed.start(life)
    await dispatcher.start(life)
    await wiring.start(life)
    async with wiring.database.system() as tx:
        await handlers.ask_for_tenants(tx)


if __name__ == "__main__":
    run("webhook-dispatcher", Settings, start, migrations=["outbox", "webhook_dispatcher"])
