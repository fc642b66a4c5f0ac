"""A shop's settings; leaves the tests on real servers out where only this service is installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from contracts.v1.tenants import TenantSettings

collect_ignore = [] if find_spec("testkit") else ["integration"]

SHOP_SETTINGS = TenantSettings(
    bot_name="Lumen",
    system_prompt="You help customers of a lamp shop.",
    language="en",
    rag_enabled=True,
    model=None,
    fallback_models=[],
    embedding_model=None,
    handoff_keywords=["human", "real person"],
    handoff_reply="A person will be with you shortly.",
    failure_reply="Sorry, something went wrong. Please try again.",
    coalesce_milliseconds=0,
    history_messages_max=20,
    prompt_tokens_max=8_000,
    reply_tokens_max=500,
    keyword_weight=0.5,
    vector_weight=0.5,
    passages_max=5,
    chunk_tokens=256,
    chunk_overlap_tokens=32,
)


@pytest.fixture
def tenant_settings() -> TenantSettings:
    """Return settings of a shop as gateway would fill them in."""
    return SHOP_SETTINGS
