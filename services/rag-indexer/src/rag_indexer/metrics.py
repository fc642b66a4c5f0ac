"""What the indexer counts."""

from prometheus_client import Counter, Gauge, Histogram

JOBS = Counter(
    "chat_rag_indexer_jobs_total",
    "Jobs by outcome: said, rejected, waiting, again, lease_lost, version_began_anew.",
    ["outcome"],
)
JOB_SECONDS = Histogram(
    "chat_rag_indexer_job_seconds",
    "Time of one go at a job, or at a handful of small records.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900),
)
EMBEDDED = Counter(
    "chat_rag_indexer_vectors_total",
    "Vectors by where they came from: kept (paid for before) or model.",
    ["source"],
)
RATE_LIMITED = Counter(
    "chat_rag_indexer_rate_limited_total", "Refusals of embedding models that we were too fast."
)
REPAIRS = Counter(
    "chat_rag_indexer_repairs_total",
    "What was stuck and set going again: lease, silence, state, failure.",
    ["kind"],
)
WAITING_JOBS = Gauge(
    "chat_rag_indexer_jobs_waiting",
    "Versions to be built (open) and versions that the index has not confirmed (said).",
    ["state"],
)
OLDEST_JOB_SECONDS = Gauge(
    "chat_rag_indexer_oldest_job_seconds", "How long the oldest version to be built has waited."
)
