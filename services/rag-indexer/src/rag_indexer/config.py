"""Settings of the indexer, from `CHAT_RAG_INDEXER_…` variables."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from process import ServiceSettings
from rag_indexer.embedding import EmbeddingRule
from rag_indexer.indexing import IndexingLimits
from rag_indexer.parser_process import ParserLimits
from rag_indexer.reconciler import RepairRule
from rag_indexer.reindexing import ReindexRule
from rag_indexer.robots import PRODUCT
from rag_indexer.web_reading import ReadingRule
from rag_indexer.web_worker import LookRule
from rag_indexer.worker import WorkerRule

_PAGE_BYTES_MAX = 25 * 1024 * 1024
"""Of one web page, however large uploaded files may be."""


class Settings(ServiceSettings):
    """Everything that may differ between two indexers."""

    model_config = SettingsConfigDict(env_prefix="CHAT_RAG_INDEXER_")

    blob_url: str = Field(
        alias="CHAT_BLOB_URL", description="Where files are: file:///folder or s3://bucket/prefix."
    )
    workers: int = Field(4, ge=1, le=16, description="Documents worked on at once.")
    parsers: int = Field(
        2, ge=1, le=16, description="Children that read foreign files, at once; one a core."
    )
    connections_max: int = Field(12, ge=4, description="Connections to PostgreSQL.")
    lease_seconds: float = Field(
        60.0, gt=0, description="After so long without a word another worker takes up a job."
    )
    poll_seconds: float = Field(2.0, gt=0, description="How often to look for jobs nobody woke.")
    file_bytes_max: int = Field(
        512 * 1024 * 1024, ge=1, description="Larger files are failed with `too_large`."
    )
    passages_max: int = Field(
        50_000, ge=1, description="Documents of more passages are failed with `too_complex`."
    )
    parser_address_space_bytes: int = Field(
        1024 * 1024 * 1024, ge=64 * 1024 * 1024, description="Memory of the child that reads."
    )
    parser_cpu_seconds: int = Field(60, ge=1, description="CPU time of the child that reads.")
    parser_wall_seconds: float = Field(90.0, gt=0, description="Time until that child is ended.")
    embed_timeout_seconds: float = Field(
        60.0, gt=0, description="How long one batch of texts may take to embed."
    )
    embed_patience_seconds: float = Field(
        86_400.0, gt=0, description="How long a document waits for the embedding model in all."
    )
    embeddings_at_once: int = Field(
        48,
        ge=1,
        le=256,
        description="Most questions of one tenant to one model on their way; fewer while it is "
        "slow or limits the rate.",
    )
    quota_passages: int = Field(
        1_000_000, ge=0, description="Passages of a tenant that has no quota of its own."
    )
    reindex_at_once: int = Field(
        8, ge=1, le=100, description="Documents of a tenant in work when all of them are redone."
    )
    repair_seconds: float = Field(
        30.0, gt=0, description="How often to look for what does not go on by itself."
    )
    confirm_seconds: float = Field(
        300.0,
        gt=0,
        description="A version that the index does not confirm is said again after so long if the "
        "index works, after twelve times as long if nobody knows.",
    )
    retry_seconds: float = Field(
        900.0,
        gt=0,
        description="Documents that failed through no fault of their own are tried again after so "
        "long, four times as long each time, five times.",
    )
    kept_days: float = Field(
        30.0,
        ge=0,
        alias="CHAT_RETRIEVER_KEPT_DAYS",
        description="How long the index keeps the version before; the retriever's own setting.",
    )
    vector_days: float = Field(
        90.0, gt=0, description="Kept vectors that nobody used for so long are forgotten."
    )

    web_allow_private_networks: bool = Field(
        False,
        alias="CHAT_WEB_ALLOW_PRIVATE_NETWORKS",
        description="Development only: web pages of any port and private address are read.",
    )
    web_user_agent: str = Field(
        f"{PRODUCT}/1.0",
        pattern=r"^[A-Za-z_-]+/",
        description="How we call ourselves at web sites; the part before the slash is what "
        "their robots.txt is read for. Best with an address: `Name/1.0 (+https://…)`.",
    )
    web_looks: int = Field(4, ge=1, le=64, description="Web sources looked at, at once.")
    web_pause_seconds: float = Field(
        1.0, ge=0, le=60, description="Between two requests to one site; its Crawl-delay may add."
    )
    web_page_seconds: float = Field(30.0, gt=0, description="Longest time to fetch one page.")
    web_slice_seconds: float = Field(
        30.0, gt=0, description="How long one source is worked on until others have their turn."
    )
    web_poll_seconds: float = Field(
        5.0, gt=0, description="How often to see whether a web source is due."
    )

    def reading_rule(self) -> ReadingRule:
        """How much of a site's time and bytes is taken."""
        return ReadingRule(
            min(self.file_bytes_max, _PAGE_BYTES_MAX),
            self.web_page_seconds,
            self.web_pause_seconds,
            product=self.web_user_agent.partition("/")[0],
        )

    def look_rule(self) -> LookRule:
        """Leases and turns of looks at web sources."""
        return LookRule(
            lease_seconds=self.lease_seconds,
            slice_seconds=self.web_slice_seconds,
            poll_seconds=self.web_poll_seconds,
        )

    def parser_limits(self) -> ParserLimits:
        """What a child that reads a foreign file may use."""
        return ParserLimits(
            self.parser_address_space_bytes, self.parser_cpu_seconds, self.parser_wall_seconds
        )

    def embedding_rule(self) -> EmbeddingRule:
        """How llm-router is asked for vectors."""
        return EmbeddingRule(self.embed_timeout_seconds, self.embeddings_at_once)

    def indexing_limits(self) -> IndexingLimits:
        """The bounds of one job."""
        return IndexingLimits(self.passages_max, self.quota_passages)

    def worker_rule(self) -> WorkerRule:
        """Leases and waiting."""
        return WorkerRule(self.lease_seconds, self.embed_patience_seconds, self.poll_seconds)

    def reindex_rule(self) -> ReindexRule:
        """How all documents of a tenant are redone."""
        return ReindexRule(self.reindex_at_once, self.poll_seconds)

    def repair_rule(self) -> RepairRule:
        """When something counts as stuck."""
        return RepairRule(
            every_seconds=self.repair_seconds,
            soon_seconds=self.confirm_seconds,
            late_seconds=12 * self.confirm_seconds,
            retry_seconds=self.retry_seconds,
            vector_days=self.vector_days,
        )
