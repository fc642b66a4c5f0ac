"""What the retriever counts."""

from prometheus_client import Counter, Histogram

SEARCH_SECONDS = Histogram(
    "chat_retriever_search_seconds",
    "Time of a search, the question's embedding included.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
DEGRADED = Counter(
    "chat_retriever_degraded_total", "Searches by words alone, because the embedder was away."
)
SWITCHED = Counter("chat_retriever_versions_switched_total", "Document versions made searchable.")
NOTHING = Counter(
    "chat_retriever_nothing_total", "Searches that found nothing, by their cause.", ["cause"]
)
