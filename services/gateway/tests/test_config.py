from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config import Settings

GOOD: dict[str, Any] = {
    "database_url": "postgresql://gateway@127.0.0.1/gateway",
    "amqp_url": "amqp://127.0.0.1",
    "redis_url": "redis://127.0.0.1",
    "admin_key": "an-admin-key-of-some-length",
    "key_pepper": "a-pepper-of-some-length-too",
    "jwt_secret": "a-jwt-secret-of-some-length",
    "master_keys": "k1:x",
    "blob_url": "memory://",
}


def test_secrets_are_long_and_differ_and_are_not_shown() -> None:
    settings = Settings(**GOOD)
    for name in ("admin_key", "key_pepper", "jwt_secret"):
        assert GOOD[name] not in repr(settings)
        for wrong in ("", "short", "changeme"):
            with pytest.raises(ValidationError):
                Settings(**{**GOOD, name: wrong})
    with pytest.raises(ValidationError):
        Settings(**{**GOOD, "jwt_secret": GOOD["key_pepper"]})


def test_addresses() -> None:
    settings = Settings(**GOOD, listen="[::1]:9000", public_url="https://Chat.Example/path")
    assert (settings.host, settings.port) == ("::1", 9000)
    assert settings.public_origin == "https://chat.example"
