"""The settings every service has, read from the environment.

A service subclasses with its own prefix, and names shared variables by alias:

    class Settings(ServiceSettings):
        model_config = SettingsConfigDict(env_prefix="CHAT_GATEWAY_")
        listen: str = Field("127.0.0.1:8000", description="…")          # CHAT_GATEWAY_LISTEN
        redis_url: str = Field(alias="CHAT_REDIS_URL", description="…")  # CHAT_REDIS_URL
"""

from typing import Any, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_LEVELS = ("debug", "info", "warning", "error")


class ConfigurationError(Exception):
    """The process cannot start as it is configured; it ends with exit code 78."""

    exit_code = 78


class ServiceSettings(BaseSettings):
    """Database, broker, admin port, logs and traces of one service; immutable."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, validate_by_name=True
    )

    database_url: str = Field(description="PostgreSQL URL of the service's own role.", repr=False)
    owner_database_url: str = Field(
        "", description="PostgreSQL URL of the owner role; only `migrate` uses it.", repr=False
    )
    amqp_url: str = Field(
        description="RabbitMQ URL of the service's own user; CHAT_AMQP_URL if not given.",
        repr=False,
    )
    admin_listen: str = Field(
        "127.0.0.1:0",
        description="host:port of /livez, /readyz, /metrics and /version; port 0 takes a free one.",
    )
    log_level: str = Field(
        "info", alias="CHAT_LOG_LEVEL", description="debug, info, warning or error."
    )
    otlp_endpoint: str = Field(
        "", alias="CHAT_OTLP_ENDPOINT", description="OTLP/HTTP collector; empty exports nothing."
    )
    trace_sample_ratio: float = Field(
        0.1,
        ge=0.0,
        le=1.0,
        alias="CHAT_TRACE_SAMPLE_RATIO",
        description="Share of traces that begin here and are recorded.",
    )
    build: str = Field(
        "unknown", alias="CHAT_BUILD", description="Revision shown by /version and chat_build_info."
    )
    shared_amqp_url: str = Field(
        "",
        alias="CHAT_AMQP_URL",
        description="RabbitMQ URL of services that have none of their own.",
        repr=False,
    )

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in _LEVELS:
            raise ValueError(f"must be one of {', '.join(_LEVELS)}")
        return value.lower()

    @field_validator("admin_listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65_535:
            raise ValueError("must be host:port")
        return value

    @model_validator(mode="before")
    @classmethod
    def _fall_back_to_shared_broker(cls, values: Any) -> Any:
        if isinstance(values, dict) and not values.get("amqp_url"):
            shared = values.get("CHAT_AMQP_URL") or values.get("shared_amqp_url")
            if shared:
                return {**values, "amqp_url": shared}
        return values


SettingsType = TypeVar("SettingsType", bound=ServiceSettings)


def read_settings(settings_class: type[SettingsType]) -> SettingsType:
    """Read the environment; ConfigurationError names every variable that is wrong."""
    try:
        return settings_class()
    except ValidationError as error:
        problems = "; ".join(
            f"{variable_name(settings_class, str(problem['loc'][0]) if problem['loc'] else '')}: "
            f"{problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise ConfigurationError(problems) from None


def variable_name(settings_class: type[ServiceSettings], field_or_alias: str) -> str:
    """The environment variable from which a field is read, for example CHAT_LOG_LEVEL."""
    field = settings_class.model_fields.get(field_or_alias)
    if field is None:
        return field_or_alias or "settings"
    if field.alias:
        return field.alias
    return f"{settings_class.model_config.get('env_prefix', '')}{field_or_alias}".upper()
