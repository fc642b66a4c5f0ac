"""One open socket of a visitor: its session, its pace, and when it has to go."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from gateway.domain import visitor_room
from gateway.widget.tokens import WidgetSession

MESSAGES_PER_SECOND: Final = 5.0
BURST: Final = 20.0
_STRIKES_MAX: Final = 50


@dataclass(slots=True)
class OpenSocket:
    """What is known of a connected socket."""

    session: WidgetSession
    expiry: asyncio.TimerHandle | None = None
    strikes: int = 0
    _tokens: float = BURST
    _filled_at: float = field(default_factory=time.monotonic)

    @property
    def room(self) -> str:
        """The room of all windows of this visitor."""
        return visitor_room(self.session.channel_id, self.session.visitor_id)

    def may_speak(self) -> bool:
        """Take one from the bucket; False when it is empty."""
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * MESSAGES_PER_SECOND)
        self._filled_at = now
        if self._tokens < 1.0:
            self.strikes += 1
            return False
        self._tokens -= 1.0
        return True

    @property
    def is_abusive(self) -> bool:
        """Whether it went on long after it was told to wait."""
        return self.strikes > _STRIKES_MAX

    def end(self) -> None:
        """Forget the timer."""
        if self.expiry is not None:
            self.expiry.cancel()
