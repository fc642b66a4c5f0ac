"""Settings of channel-ingress."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from process import ServiceSettings


class Settings(ServiceSettings):
    """From the environment; see each field."""

    model_config = SettingsConfigDict(env_prefix="CHAT_CHANNEL_INGRESS_")

    graph_url: str = Field(
        "https://graph.facebook.com",
        alias="CHAT_META_GRAPH_URL",
        description="Base URL of Meta's Graph API.",
    )
    graph_version: str = Field(
        "v23.0",
        alias="CHAT_META_GRAPH_VERSION",
        pattern=r"^v\d+\.\d+$",
        description="Graph version in every call's path.",
    )
    master_keys: str = Field(
        alias="CHAT_MASTER_KEYS",
        description="Key ring that opens channels' credentials: `id:base64key,…`.",
        repr=False,
    )
    blob_url: str = Field(
        alias="CHAT_BLOB_URL", description="Where large webhook bodies are: file:// or s3://."
    )
    database_connections_max: int = Field(
        8, ge=2, le=100, description="Most connections of one process to its database."
    )
    unknown_after_seconds: float = Field(
        600.0, gt=0, description="A send without evidence for this long is said to be unknown."
    )
    sweep_seconds: float = Field(
        1.0, gt=0, description="Pause between looks for due sends, evidence and waiting bodies."
    )
    unrouted_replay_seconds: float = Field(
        3600.0,
        ge=0,
        description="Bodies that came this long before their channel was known are read again.",
    )
    orphan_after_seconds: float = Field(
        3600.0,
        gt=0,
        description="An edit, reaction or status whose message has not come by then is said alone.",
    )
    media_bytes_max: int = Field(
        100 * 1024 * 1024, ge=1, description="Largest file of a customer that is stored, bytes."
    )
    media_fetch_seconds: float = Field(
        120.0, gt=0, description="Longest that one try to fetch a file may take."
    )
    media_host_suffixes: str = Field(
        ".whatsapp.net,.fbcdn.net,.fbsbx.com,.facebook.com",
        description="Hosts, beside that of the Graph URL, that files may be fetched from.",
    )
    health_look_seconds: float = Field(
        900.0, gt=0, description="About how often each channel's provider is asked how it is."
    )
    template_sync_seconds: float = Field(
        3600.0, gt=0, description="About how often Meta is asked for an account's templates."
    )
    first_look_seconds: float = Field(
        30.0,
        ge=0,
        description="How long after a channel was configured its provider is asked for the first "
        "time.",
    )
