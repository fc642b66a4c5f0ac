"""Meta on the wire: Graph, webhooks and their faults, and a client that drives them."""

from simulators.meta.client import MetaClient, SimulatorRefused
from simulators.meta.customer import Customer
from simulators.meta.send_log import Send
from simulators.meta.settings import Settings
from simulators.meta.simulator import MetaSimulator
from simulators.meta.webhook_sender import Delivery, WebhookSender

__all__ = [
    "Customer",
    "Delivery",
    "MetaClient",
    "MetaSimulator",
    "Send",
    "Settings",
    "SimulatorRefused",
    "WebhookSender",
]
