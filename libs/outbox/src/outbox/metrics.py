"""What the outbox and the inbox count."""

from prometheus_client import Counter, Gauge

PENDING = Gauge("chat_outbox_pending", "Messages kept and not yet confirmed by the broker.")
OLDEST_AGE_SECONDS = Gauge(
    "chat_outbox_oldest_age_seconds", "Age of the oldest message that is due."
)
RELAYED = Counter("chat_outbox_relayed_total", "Messages confirmed.", ["road"])
DUPLICATES = Counter("chat_inbox_duplicates_total", "Messages heard before.", ["address"])
RETRIES = Counter("chat_inbox_retries_total", "Messages put off after a failure.", ["address"])
QUARANTINED = Gauge("chat_quarantined", "Messages that wait for a person.")
