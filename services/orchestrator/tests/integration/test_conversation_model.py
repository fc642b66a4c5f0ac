"""A conversation under everything that can happen to it, against its state machine.

In CI a fixed few histories; CHAT_TEST_FULL=1 plays two hundred new ones of fifty steps.
"""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from orchestrator import failures

from .conversation_machine import ConversationMachine

FULL = os.environ.get("CHAT_TEST_FULL") == "1"


def test_no_history_breaks_the_conversation(service_database, tenant_settings, monkeypatch):
    monkeypatch.setattr(failures, "_MODEL_DELAYS_SECONDS", (0.001, 0.001))
    url = service_database("orchestrator").url
    run_state_machine_as_test(
        lambda: ConversationMachine(url, tenant_settings),
        settings=settings(
            max_examples=200 if FULL else 12,
            stateful_step_count=50 if FULL else 25,
            deadline=None,
            derandomize=not FULL,
            database=None,
            phases=[Phase.generate, Phase.shrink] if FULL else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
