"""Simulated time: the real one, moved forward on demand."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class SimulatedClock:
    """What the simulated Meta takes for now: links, ids, windows and tokens grow old by it."""

    offset_seconds: float = 0.0
    """How far ahead of the real time it is."""

    def now(self) -> float:
        """Unix time in seconds."""
        return time.time() + self.offset_seconds

    def advance(self, seconds: float) -> float:
        """Let time pass; answers the new time. ValueError for a step back."""
        if seconds < 0:
            raise ValueError("time only goes forward")
        self.offset_seconds += seconds
        return self.now()
