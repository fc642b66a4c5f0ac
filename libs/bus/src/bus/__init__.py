"""Messages over RabbitMQ: topology from the catalogue, confirmed saying, hearing, asking.

The only package that knows FastStream and aio-pika.
"""

from bus.asking import AskFailed, AskTimeout, Refused
from bus.delivery import Delivery
from bus.service_bus import Bus, NotInCatalogue
from bus.speaking import BrokerAway, Outgoing, Unroutable
from bus.topology import TopologyMismatch, declare_everything

__all__ = [
    "AskFailed",
    "AskTimeout",
    "BrokerAway",
    "Bus",
    "Delivery",
    "NotInCatalogue",
    "Outgoing",
    "Refused",
    "TopologyMismatch",
    "Unroutable",
    "declare_everything",
]
