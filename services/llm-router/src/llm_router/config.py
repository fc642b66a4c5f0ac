"""Settings of llm-router, from `CHAT_LLM_ROUTER_…` and the shared `CHAT_…` variables."""

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from process import ServiceSettings


class Settings(ServiceSettings):
    """Everything that may differ between two routers."""

    model_config = SettingsConfigDict(env_prefix="CHAT_LLM_ROUTER_")

    model: str = Field(
        "builtin/extractive",
        alias="CHAT_LLM_MODEL",
        description="Model of tenants that chose none, `provider/name`.",
    )
    fallback_models: str = Field(
        "builtin/extractive",
        alias="CHAT_LLM_FALLBACK_MODELS",
        description="Tried in order when that one fails, comma-separated; the builtin closes it.",
    )
    embedding_model: str = Field(
        "builtin/minilm",
        alias="CHAT_EMBEDDING_MODEL",
        description="Embedding model of tenants that chose none.",
    )
    transcription_model: str = Field(
        "",
        alias="CHAT_LLM_TRANSCRIPTION_MODEL",
        description="Writes down voice notes of tenants that chose none: `openai/whisper-1` …; "
        "empty: nobody does.",
    )
    blob_url: str = Field(
        "",
        alias="CHAT_BLOB_URL",
        description="Where images and recordings are: file:///folder or s3://bucket/prefix; empty: "
        "models are shown none.",
    )
    openai_base_url: str = Field(
        "https://api.openai.com/v1",
        alias="CHAT_OPENAI_BASE_URL",
        description="OpenAI or anything that speaks its format; `/v1` is added if left out.",
    )
    anthropic_base_url: str = Field(
        "https://api.anthropic.com",
        alias="CHAT_ANTHROPIC_BASE_URL",
        description="Anthropic's API.",
    )
    ollama_base_url: str = Field(
        "http://127.0.0.1:11434", alias="CHAT_OLLAMA_BASE_URL", description="An Ollama server."
    )
    openai_api_key: str = Field(
        "", alias="CHAT_OPENAI_API_KEY", description="The platform's key.", repr=False
    )
    anthropic_api_key: str = Field(
        "", alias="CHAT_ANTHROPIC_API_KEY", description="The platform's key.", repr=False
    )
    cohere_base_url: str = Field(
        "https://api.cohere.com",
        alias="CHAT_COHERE_BASE_URL",
        description="Cohere, or anything that serves its rerank format.",
    )
    cohere_api_key: str = Field(
        "", alias="CHAT_COHERE_API_KEY", description="The platform's key.", repr=False
    )
    master_keys: str = Field(
        "",
        alias="CHAT_MASTER_KEYS",
        description="`id:base64key32,…`; unseals tenants' own provider keys. Empty: none are used.",
        repr=False,
    )
    adapter: Literal["auto", "litellm"] = Field(
        "auto",
        alias="CHAT_LLM_ADAPTER",
        description="auto: the lean path for OpenAI's format and builtin; litellm: all by litellm.",
    )
    retries: int = Field(
        1, ge=0, le=5, alias="CHAT_LLM_RETRIES", description="Further tries of one model."
    )
    call_seconds_max: float = Field(
        60.0,
        gt=0,
        alias="CHAT_LLM_CALL_SECONDS_MAX",
        description="Longest try of one model while another could still answer.",
    )
    stall_seconds: float = Field(
        20.0,
        gt=0,
        alias="CHAT_LLM_STALL_SECONDS",
        description="A provider that sends nothing for so long has failed.",
    )
    cooldown_seconds: float = Field(
        10.0,
        ge=0,
        alias="CHAT_LLM_COOLDOWN_SECONDS",
        description="How long a model is passed over after three failures in a row.",
    )
    provider_calls_at_once: int | None = Field(
        None,
        ge=1,
        alias="CHAT_LLM_PROVIDER_CALLS_AT_ONCE",
        description="Calls to one provider with one key at once, a replica; empty: no bound.",
    )
    provider_requests_per_minute: int | None = Field(
        None,
        ge=1,
        alias="CHAT_LLM_PROVIDER_REQUESTS_PER_MINUTE",
        description="Calls a minute to one provider with the platform's key, a replica.",
    )
    private_base_urls: bool = Field(
        False,
        alias="CHAT_LLM_PRIVATE_BASE_URLS",
        description="Whether tenants may name base URLs in private networks, and http: their own "
        "Ollama, for example.",
    )
    probe_seconds: float = Field(
        2.0,
        ge=0,
        alias="CHAT_LLM_PROBE_SECONDS",
        description="How often models whose cooldown is over are asked for a word; 0 is never.",
    )
    builtin_word_milliseconds: float = Field(
        12.0,
        ge=0,
        alias="CHAT_LLM_BUILTIN_WORD_MILLISECONDS",
        description="Pause between streamed words of the builtin model, so that they can be seen.",
    )
    prices_file: str = Field(
        "",
        alias="CHAT_LLM_PRICES_FILE",
        description="JSON file of prices that stand before ours, read again when it changes.",
    )
    ledger_days: int = Field(
        400, ge=62, description="How long rows of the ledger are kept; months' sums stay."
    )
    unusual_floor_usd: float = Field(
        1.0, gt=0, description="An hour that costs less is never called unusual."
    )
    replies_at_once: int = Field(64, ge=1, description="Replies in hand at once.")
    embeddings_at_once: int = Field(
        256,
        ge=4,
        description="Embedding requests in hand; documents may hold three quarters of them.",
    )
    recordings_at_once: int = Field(8, ge=1, description="Recordings in hand at once.")
    ranks_at_once: int = Field(16, ge=1, description="Ranking requests in hand at once.")
    embedding_threads: int = Field(
        0, ge=0, description="Threads of the builtin model for passages; 0 is one a core."
    )
    rank_cache_bytes_max: int = Field(
        64 * 1024 * 1024,
        ge=0,
        description="Token vectors of ranked passages kept by `builtin/maxsim`.",
    )
    connections_max: int = Field(4, ge=1, description="Connections to PostgreSQL.")

    def fallbacks(self) -> tuple[str, ...]:
        """The fallback models as a list."""
        return tuple(filter(None, (name.strip() for name in self.fallback_models.split(","))))
