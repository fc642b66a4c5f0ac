"""Settings come from named variables, and what is wrong is named by its variable."""

import pytest
from pydantic import Field, ValidationError
from pydantic_settings import SettingsConfigDict

from process import ConfigurationError, ServiceSettings
from process.settings import read_settings, variable_name


class Settings(ServiceSettings):
    """As a service writes it."""

    model_config = SettingsConfigDict(env_prefix="CHAT_GATEWAY_")
    listen: str = Field("127.0.0.1:8000", description="Where HTTP is served.")
    redis_url: str = Field(alias="CHAT_REDIS_URL", description="Redis.")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHAT_AMQP_URL", "CHAT_GATEWAY_AMQP_URL", "CHAT_LOG_LEVEL", "CHAT_OTLP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CHAT_GATEWAY_DATABASE_URL", "postgresql://app:pw@127.0.0.1/gateway")
    monkeypatch.setenv("CHAT_REDIS_URL", "redis://127.0.0.1/0")


def test_own_and_shared_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_GATEWAY_AMQP_URL", "amqp://gateway@broker/chat")
    monkeypatch.setenv("CHAT_AMQP_URL", "amqp://shared@broker/chat")
    monkeypatch.setenv("CHAT_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("CHAT_OTLP_ENDPOINT", "")
    settings = read_settings(Settings)
    assert settings.amqp_url == "amqp://gateway@broker/chat"
    assert settings.redis_url == "redis://127.0.0.1/0"
    assert settings.log_level == "debug"
    assert settings.otlp_endpoint == ""
    assert "pw" not in repr(settings)


def test_the_shared_broker_is_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_AMQP_URL", "amqp://shared@broker/chat")
    assert read_settings(Settings).amqp_url == "amqp://shared@broker/chat"


def test_constructed_by_name_in_tests() -> None:
    settings = Settings(database_url="d", amqp_url="a", redis_url="r", log_level="error")
    assert (settings.amqp_url, settings.redis_url, settings.log_level) == ("a", "r", "error")
    with pytest.raises(ValidationError):
        settings.log_level = "info"  # type: ignore[misc]


def test_every_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT_REDIS_URL")
    monkeypatch.delenv("CHAT_GATEWAY_DATABASE_URL")
    monkeypatch.setenv("CHAT_LOG_LEVEL", "shouting")
    monkeypatch.setenv("CHAT_GATEWAY_ADMIN_LISTEN", "9000")
    with pytest.raises(ConfigurationError) as refusal:
        read_settings(Settings)
    for name in (
        "CHAT_REDIS_URL",
        "CHAT_GATEWAY_DATABASE_URL",
        "CHAT_GATEWAY_AMQP_URL",
        "CHAT_LOG_LEVEL",
        "CHAT_GATEWAY_ADMIN_LISTEN",
    ):
        assert name in str(refusal.value)


def test_variable_names() -> None:
    assert variable_name(Settings, "listen") == "CHAT_GATEWAY_LISTEN"
    assert variable_name(Settings, "log_level") == "CHAT_LOG_LEVEL"
