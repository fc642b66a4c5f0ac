"""What the dispatcher counts."""

from prometheus_client import Counter, Gauge, Histogram

ATTEMPTS = Counter("chat_webhook_attempts_total", "Webhook POSTs.", ["result", "status_class"])
DELIVERY_AGE_SECONDS = Histogram(
    "chat_webhook_delivery_age_seconds",
    "From the event being heard to its delivery.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300, 3_600, 86_400),
)
PENDING = Gauge("chat_webhook_pending", "Deliveries that wait for a try.")
ENDPOINTS = Gauge("chat_webhook_endpoints", "Endpoints.", ["state"])
IN_FLIGHT = Gauge("chat_webhook_in_flight", "Webhook POSTs running now.")
EVENTS_PUBLISHED = Counter("chat_events_published_total", "Events on the public feed.", ["type"])
EVENTS_UNPUBLISHED = Gauge("chat_events_unpublished", "Events not yet on the public feed.")
