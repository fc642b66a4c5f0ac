"""Which keys and which values never reach a log."""

import pytest

from observe.redaction import REDACTED, is_forbidden_key, redact, redact_text


@pytest.mark.parametrize(
    "key",
    [
        "authorization",
        "Authorization",
        "X-Hub-Signature-256",
        "access_token",
        "accessToken",
        "app_secret",
        "phone",
        "from_phone",
        "email",
        "text",
        "body",
        "api_key",
        "master_keys",
        "visitor_token",
        "cookie",
        "payload",
    ],
)
def test_forbidden_keys(key: str) -> None:
    assert is_forbidden_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "tenant_id",
        "conversation_id",
        "message_id",
        "prompt_tokens",
        "context",
        "queue",
        "count",
        "channel_type",
    ],
)
def test_ordinary_keys(key: str) -> None:
    assert not is_forbidden_key(key)


@pytest.mark.parametrize(
    "text",
    [
        "Bearer abcdef123456",
        "key whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "mcp_live_AAAABBBBCCCC_secret",
        "postgresql://user:hunter2hunter2@127.0.0.1/db",
        "call +49 170 1234567 now",
        "mail to jane.doe@example.com",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "sealed v1.k1." + "A" * 60,
    ],
)
def test_values_that_look_secret(text: str) -> None:
    assert REDACTED in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T10:00:00+00:00",
        "7a3c1f1e-0000-4000-8000-000000000000",
        "orchestrator.on.channel-ingress.message-received.v1",
        "a = b + c",
    ],
)
def test_values_that_stay(text: str) -> None:
    assert redact_text(text) == text


def test_size_and_depth_are_bounded() -> None:
    nested: object = "x"
    for _ in range(50):
        nested = [nested]
    assert "too deep" in str(redact(nested))
    assert len(str(redact("y" * 100_000))) < 3_000
    assert redact(b"secret bytes") == "[12 bytes]"
