"""What channel-ingress counts; every label has few values."""

from prometheus_client import Counter, Gauge, Histogram

ITEMS = Counter(
    "chat_channel_items_total",
    "Items of webhook bodies that were new.",
    ["channel_type", "state"],
)
DUPLICATES = Counter(
    "chat_channel_duplicate_items_total",
    "Items that had come before; `differing` ones said something else.",
    ["channel_type", "content"],
)
UNREAD_BODIES = Counter(
    "chat_channel_unparsed_bodies_total", "Bodies that could not be read.", ["channel_type"]
)
SENDS = Counter(
    "chat_channel_sends_total", "Outcomes of sends.", ["channel_type", "outcome", "code"]
)
GRAPH_SECONDS = Histogram(
    "chat_graph_call_seconds",
    "Time of one Graph call.",
    ["outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)
TROUBLE = Gauge(
    "chat_channel_waiting",
    "Rows that wait: unrouted, unparsed, attempting, planned.",
    ["what"],
)
