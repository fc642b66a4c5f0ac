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
    "Rows that wait: unrouted, unparsed, attempting, planned, early_statuses, orphaned_statuses,"
    " parked_changes.",
    ["what"],
)
ORPHANS = Counter(
    "chat_channel_orphans_total",
    "Messages of which a status or change came, but which did not come in time themselves.",
    ["what"],
)
PARKS = Counter("chat_channel_parks_total", "Channels parked, by why.", ["channel_type", "code"])
DELAYS = Counter(
    "chat_channel_delayed_sends_total", "Sends said to be delayed.", ["channel_type", "code"]
)
UNORDERED = Counter(
    "chat_channel_unordered_sends_total",
    "Sends that went although the one before them never came.",
    ["channel_type"],
)
TYPING = Counter(
    "chat_channel_typing_total",
    "Read marks and typing indicators: shown, failed, dropped, skipped.",
    ["channel_type", "outcome"],
)
MEDIA = Counter(
    "chat_channel_media_total",
    "Tries to fetch a file: stored, again, or the problem it failed with.",
    ["channel_type", "outcome"],
)
DEGRADED = Counter(
    "chat_channel_degraded_parts_total",
    "Files of which only the name went out, by why: media_too_large, media_unsupported,"
    " media_refused.",
    ["channel_type", "warning"],
)
HEALTH_CHANGES = Counter(
    "chat_channel_health_changes_total",
    "Channels whose worst finding changed, by the new level.",
    ["channel_type", "level"],
)
TEMPLATE_SYNCS = Counter(
    "chat_channel_template_syncs_total", "Looks at an account's templates.", ["outcome"]
)
