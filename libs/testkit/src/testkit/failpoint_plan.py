"""Arming failpoints in processes that a test starts, and in the test's own process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import observe

VARIABLE = "CHAT_FAILPOINTS"


class FailpointPlan:
    """`plan.environment(name="kill")` for a child process; `with plan.armed("name=raise")` here."""

    def environment(self, **actions: str) -> dict[str, str]:
        """Return the variable that arms these failpoints; underscores stand for hyphens."""
        text = ",".join(f"{name.replace('_', '-')}={what}" for name, what in actions.items())
        return {VARIABLE: text}

    @contextmanager
    def armed(self, text: str) -> Iterator[None]:
        """Arm failpoints in this process for the length of the block."""
        observe.arm(text)
        try:
            yield
        finally:
            observe.disarm()
