"""What is counted of web sources."""

from prometheus_client import Counter

LOOKS = Counter(
    "chat_rag_indexer_looks_total",
    "Looks at web sources by outcome: done, yielded, busy, lost, again.",
    ["outcome"],
)
