"""Arming failpoints in processes that a test starts, and in the test's own process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import observe

VARIABLE = "CHAT_FAILPOINTS"


class FailpointPlan:
    """`environment({"gateway.after_commit": "kill"})` for a child; `armed("name=raise")` here."""

    def environment(self, actions: Mapping[str, str]) -> dict[str, str]:
        """Return the variable that arms these failpoints: name -> `kill`, `raise`, `sleep:2`."""
        return {VARIABLE: ",".join(f"{name}={what}" for name, what in actions.items())}

    @contextmanager
    def armed(self, text: str) -> Iterator[None]:
        """Arm failpoints in this process for the length of the block."""
        observe.arm(text)
        try:
            yield
        finally:
            observe.disarm()
