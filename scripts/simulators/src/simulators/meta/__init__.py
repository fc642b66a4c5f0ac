"""Meta on the wire: the Graph send and media endpoints, and a signed webhook sender."""

from simulators.meta.settings import Settings
from simulators.meta.simulator import MetaSimulator
from simulators.meta.webhook_sender import Delivery, WebhookSender

__all__ = ["Delivery", "MetaSimulator", "Settings", "WebhookSender"]
