"""Settings of the retriever, from `CHAT_RETRIEVER_…` variables."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from process import ServiceSettings


class Settings(ServiceSettings):
    """Everything that may differ between two retrievers."""

    model_config = SettingsConfigDict(env_prefix="CHAT_RETRIEVER_")

    embed_timeout_seconds: float = Field(
        3.0, gt=0, description="How long a search waits for the question's vector."
    )
    embed_pause_seconds: float = Field(
        5.0,
        ge=0,
        description="After a question stayed without a vector, searches use words alone so long.",
    )
    rank_timeout_seconds: float = Field(
        2.0, gt=0, description="How long a search waits for a re-ranking model."
    )
    connections_max: int = Field(
        12, ge=2, description="Connections to PostgreSQL; a search uses two for a moment."
    )
    index_cache_mib: int = Field(
        256, ge=1, description="Memory for words of the index that were read lately, in MiB."
    )
    kept_days: float = Field(
        30.0, ge=0, description="How long a superseded version of a document can be brought back."
    )
