"""One running platform for all tests that need more than one service."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_platform import Shop, WholePlatform, whole_platform

RETURNS = """# Returns

You have 30 days from delivery to return an unused item. The refund reaches you within 5 working
days after the parcel is back in our warehouse.

# Shipping

Standard shipping takes 2 to 4 working days and costs 4.90 euros. Orders above 60 euros ship for
free.

# Warranty

Tents and backpacks have a warranty of 3 years against faults of material and seams.
"""

# Short enough that a test can wait for what an operator waits minutes for.
QUICK = {
    "CHAT_ORCHESTRATOR_LEASE_SECONDS": "6",
    "CHAT_ORCHESTRATOR_HEARTBEAT_SECONDS": "1.5",
    "CHAT_ORCHESTRATOR_SWEEP_SECONDS": "1",
    "CHAT_RAG_INDEXER_LEASE_SECONDS": "6",
    "CHAT_CHANNEL_INGRESS_UNKNOWN_AFTER_SECONDS": "5",
    "CHAT_CHANNEL_INGRESS_SWEEP_SECONDS": "0.5",
    "CHAT_RAG_INDEXER_WEB_PAUSE_SECONDS": "0.1",
    # Tests look more often than anybody would.
    "CHAT_GATEWAY_REQUESTS_PER_MINUTE": "100000",
}


@pytest.fixture(scope="session")
def platform() -> Iterator[WholePlatform]:
    """The whole platform with own servers; its logs stay when `CHAT_TEST_KEEP_LOGS` is set."""
    folder = Path(tempfile.mkdtemp(prefix="chat-whole-"))
    # The database server runs as an unprivileged user and must reach its data.
    folder.chmod(0o755)
    try:
        with whole_platform(folder, **QUICK) as running:
            yield running
    finally:
        if "CHAT_TEST_KEEP_LOGS" not in os.environ:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def returns_shop(platform: WholePlatform) -> Shop:
    """A shop whose documents speak of returns, shipping and warranty."""
    return platform.shop({"returns.md": RETURNS})


@pytest.fixture(scope="session")
def model_shop(platform: WholePlatform) -> Shop:
    """A shop whose answers the provider simulator makes, as slowly as a test wants."""
    return platform.shop(model="openai/sim-large")


@pytest.fixture(scope="session")
def desk_shop(platform: WholePlatform) -> Shop:
    """A shop with documents and a model, where people take over and bursts are waited for."""
    return platform.shop(
        {"returns.md": RETURNS},
        model="openai/sim-large",
        fallback_models=["builtin/extractive"],
        handoff_keywords=["human"],
        coalesce_milliseconds=400,
    )


@pytest.fixture
def shop(platform: WholePlatform) -> Shop:
    """A shop without documents, for this test alone."""
    return platform.shop()
