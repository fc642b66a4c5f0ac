"""Settings of the webhook dispatcher."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from process import ServiceSettings


class Settings(ServiceSettings):
    """Read from CHAT_WEBHOOK_DISPATCHER_… and the shared variables named below."""

    model_config = SettingsConfigDict(env_prefix="CHAT_WEBHOOK_DISPATCHER_")

    events_amqp_url: str = Field(
        alias="CHAT_EVENTS_AMQP_URL",
        description="RabbitMQ URL of the vhost `events`, where the public feed is published.",
        repr=False,
    )
    master_keys: SecretStr = Field(
        alias="CHAT_MASTER_KEYS",
        description="`id:base64key32,…`; the first seals the signing secrets of endpoints.",
    )
    allow_private_networks: bool = Field(
        False,
        alias="CHAT_WEBHOOK_ALLOW_PRIVATE_NETWORKS",
        description="Development only: http, any port and private addresses are accepted.",
    )
    public_url: str = Field(
        "",
        alias="CHAT_PUBLIC_URL",
        description="Base of the `dataschema` links in events; empty leaves them out.",
    )
    in_flight_max: int = Field(200, ge=1, le=2_000, description="Webhook POSTs at once, in all.")
    in_flight_per_endpoint: int = Field(
        4, ge=1, le=100, description="Webhook POSTs at once to one endpoint."
    )
    lease_seconds: float = Field(
        30.0,
        ge=1.0,
        le=600.0,
        description="After this long a delivery whose process died is tried again.",
    )
    attempt_timeout_seconds: float = Field(
        15.0, ge=0.1, le=25.0, description="Longest time of one POST, answer included."
    )
    linger_seconds: float = Field(
        0.2, ge=0.0, le=2.0, description="How long heard events wait for company in one commit."
    )
    keep_days: int = Field(
        30, ge=1, le=365, description="Days that events and settled deliveries are kept."
    )
