"""What this service measures; labels are providers and models, never tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from llm_router.domain import Model

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

OPERATION_SECONDS = Histogram(
    "gen_ai_client_operation_duration_seconds",
    "Time of one model call.",
    ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "error_type"],
    buckets=_SECONDS,
)
FIRST_CHUNK_SECONDS = Histogram(
    "gen_ai_client_operation_time_to_first_chunk_seconds",
    "Time until the first words of a streamed answer.",
    ["gen_ai_provider_name", "gen_ai_request_model"],
    buckets=_SECONDS,
)
TOKENS = Counter(
    "gen_ai_client_token_usage",
    "Tokens read and written.",
    ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "gen_ai_token_type"],
)
COST = Counter("chat_llm_cost_usd", "Known cost of model calls.", ["provider", "model"])
UNPRICED = Counter(
    "chat_llm_unpriced_calls", "Calls of models whose price is unknown.", ["provider", "model"]
)
OVER_BUDGET = Counter(
    "chat_llm_over_budget", "Calls that did not fit into a budget.", ["provider", "model"]
)
HELD_TOO_LITTLE = Counter(
    "chat_llm_held_too_little", "Calls that cost more than was held.", ["provider", "model"]
)
CALLS_LOST = Counter("chat_llm_calls_lost", "Calls that were never settled, counted as spent.")
LEDGER_DIFFERENCES = Gauge(
    "chat_llm_ledger_differences", "Months whose sum is not what the ledger adds up to."
)
UNUSUAL_SPEND = Counter("chat_llm_unusual_spend", "Hours that cost a tenant unusually much.")
FALLBACKS = Counter("chat_llm_fallback", "Models passed over, and why.", ["from_model", "reason"])
GATE_WAITING = Gauge(
    "chat_llm_calls_waiting", "Calls that wait for a place at a provider.", ["provider"]
)
HEDGES = Counter("chat_llm_hedges", "Second models asked beside a slow first.", ["won_by"])
PROBES = Counter("chat_llm_probes", "Models asked in the background.", ["model", "outcome"])
ABANDONED = Counter("chat_llm_abandoned", "Calls stopped by us before their end.", ["model"])
COOLING = Gauge("chat_llm_model_cooling", "Keys by which a model is passed over now.", ["model"])
EMBEDDING_CACHE = Counter(
    "chat_embedding_cache", "Questions found among known vectors.", ["result"]
)
EMBEDDING_JOINED = Histogram(
    "chat_embedding_joined_requests",
    "Embedding requests that shared the calls of a provider.",
    buckets=(1, 2, 4, 8, 16, 32, 64),
)
RANKED = Counter(
    "chat_rank_passages", "Passages ranked, by whether their token vectors were known.", ["result"]
)
LEDGER_PENDING = Gauge("chat_llm_ledger_pending", "Spend rows that wait for their commit.")
LEDGER_REFUSED = Counter(
    "chat_llm_ledger_refused", "Spend rows that the database refused and that are lost."
)
DELTAS = Counter("chat_llm_deltas", "Pieces of streamed answers said.")

_MODELS_MAX = 256
_OTHER = "other"
_apart: set[Model] = set()


def labels_of(model: Model) -> tuple[str, str]:
    """Provider and name as labels; tenants name what they like, so only the first stand apart."""
    if model not in _apart:
        if len(_apart) >= _MODELS_MAX:
            return _OTHER, _OTHER
        _apart.add(model)
    return model.provider, model.name


def label_of(model: Model) -> str:
    """`provider/name` as one label, as bounded as `labels_of`."""
    return "/".join(labels_of(model))
