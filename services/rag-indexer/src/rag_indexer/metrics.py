"""What the indexer counts."""

from prometheus_client import Counter, Histogram

JOBS = Counter(
    "chat_rag_indexer_jobs_total",
    "Jobs by outcome: said, rejected, waiting, again, lease_lost.",
    ["outcome"],
)
JOB_SECONDS = Histogram(
    "chat_rag_indexer_job_seconds",
    "Time of one go at a job.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900),
)
LOOKS = Counter(
    "chat_rag_indexer_looks_total",
    "Looks at web sources by outcome: done, yielded, busy, lost, again.",
    ["outcome"],
)
