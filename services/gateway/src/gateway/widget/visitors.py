"""One open socket of a visitor: its session, its pace, and when it has to go."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from gateway.domain import visitor_room
from gateway.widget.tokens import WidgetSession

EVENTS_PER_SECOND: Final = 5.0
BURST: Final = 20.0
_STRIKES_MAX: Final = 50


@dataclass(slots=True)
class Bucket:
    """A token bucket: so many at once, then so many a second."""

    tokens: float = BURST
    filled_at: float = field(default_factory=time.monotonic)

    def take(self) -> bool:
        """Take one; False when it is empty."""
        now = time.monotonic()
        self.tokens = min(BURST, self.tokens + (now - self.filled_at) * EVENTS_PER_SECOND)
        self.filled_at = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


@dataclass(slots=True)
class OpenSocket:
    """What is known of a connected socket; typing and read have a pace of their own."""

    session: WidgetSession
    expiry: asyncio.TimerHandle | None = None
    strikes: int = 0
    words: Bucket = field(default_factory=Bucket)
    signs: Bucket = field(default_factory=Bucket)
    read_wanted: int = 0
    read_written: int = 0
    read_due: asyncio.TimerHandle | None = None

    @property
    def room(self) -> str:
        """The room of all windows of this visitor."""
        return visitor_room(self.session.channel_id, self.session.visitor_id)

    def may(self, bucket: Bucket) -> bool:
        """Take one from a bucket; an empty one is a strike."""
        if bucket.take():
            return True
        self.strikes += 1
        return False

    @property
    def is_abusive(self) -> bool:
        """Whether it went on long after it was told to wait."""
        return self.strikes > _STRIKES_MAX

    def end(self) -> None:
        """Forget the timers."""
        for timer in (self.expiry, self.read_due):
            if timer is not None:
                timer.cancel()
