"""What the bus counts; `address` is a contract's address, so the label set is bounded."""

from prometheus_client import Counter, Histogram

HEARD = Counter("chat_bus_heard_total", "Messages taken off queues.", ["address", "outcome"])
HANDLING_SECONDS = Histogram(
    "chat_bus_handling_seconds",
    "Time from delivery to acknowledgement.",
    ["address"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
SAID = Counter("chat_bus_said_total", "Messages published.", ["address", "outcome"])
ASK_SECONDS = Histogram(
    "chat_bus_ask_seconds",
    "Time from request to answer.",
    ["address", "outcome"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
