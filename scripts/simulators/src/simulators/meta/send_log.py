"""Every send that the simulator accepted: what the outside really saw."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Literal

Platform = Literal["whatsapp", "messenger"]


@dataclass(frozen=True, slots=True)
class Send:
    """One accepted message."""

    index: int
    platform: Platform
    sender: str
    """Phone number id or page id."""
    recipient: str
    """wa_id, business-scoped user id or page-scoped id."""
    message_id: str
    kind: str
    """`text`, `image`, `interactive`, `template`, `reaction` …"""
    text: str
    biz_opaque_callback_data: str
    """WhatsApp's callback data or Messenger's metadata: our own send id."""
    at: float
    """Unix time in seconds when the call was accepted."""
    answered: bool
    """False when the caller never saw the answer."""
    body: dict[str, Any]
    reply_to: str = ""
    """The message that this one answers or reacts to."""
    choices: list[dict[str, Any]] = field(default_factory=list)
    """What the customer can tap: `{kind, id, title, description?}`."""
    shown: str = ""
    """What the customer reads where that is not `text`: a template with its values."""
    media_id: str = ""
    """The uploaded file that was sent; `GET /_sim/media/{media_id}` has its bytes."""
    link: str = ""
    """The address of the file that was sent by link."""

    def as_json(self) -> dict[str, Any]:
        """The send as `GET /_sim/sends` shows it."""
        return asdict(self)


class SendLog:
    """Accepted sends, newest kept; readers can wait for the next one."""

    def __init__(self, kept: int) -> None:
        self._sends: deque[Send] = deque(maxlen=kept)
        self._total = 0
        self._arrived = asyncio.Event()

    @property
    def total(self) -> int:
        """How many were accepted since the last reset."""
        return self._total

    def add(self, send: Send) -> None:
        """Keep an accepted send and wake who waits."""
        self._sends.append(send)
        self._total += 1
        if not self._arrived.is_set():
            self._arrived.set()

    def clear(self) -> None:
        """Forget everything."""
        self._sends.clear()
        self._total = 0

    def after(self, index: int, recipient: str = "") -> Iterator[Send]:
        """Sends with a position >= `index`, oldest first, of one recipient or of all."""
        oldest = self._total - len(self._sends)
        for send in islice(self._sends, max(0, index - oldest), None):
            if recipient in ("", send.recipient):
                yield send

    async def wait(self, index: int, recipient: str, timeout_seconds: float) -> list[Send]:
        """Like `after`, but waits until there is at least one or the time is over."""
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while not (found := list(self.after(index, recipient))):
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                break
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except TimeoutError:
                break
        return found
