"""Save and say in one transaction; hear once; retry later; quarantine what cannot be handled."""

from outbox.inbox import RetryLater, traceparent_of
from outbox.outbox import Outbox
from outbox.quarantine import Quarantined, list_quarantined, redrive

__all__ = ["Outbox", "Quarantined", "RetryLater", "list_quarantined", "redrive", "traceparent_of"]
