"""Meta's own limits on who may be written to, and how fast; enforced only where asked for."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.meta.clock import SimulatedClock
from simulators.meta.envelope import GraphError
from simulators.meta.error_codes import OUTSIDE_WINDOW_SUBCODE
from simulators.meta.settings import DAY_SECONDS, Settings

HUMAN_AGENT_SECONDS = 7 * DAY_SECONDS
PAIR_BURST, PAIR_SECONDS = 45.0, 6.0


@dataclass(slots=True)
class _Bucket:
    """Messages that may still go out, and when that was counted."""

    left: float
    at: float

    def take(self, now: float, per_second: float, most: float) -> bool:
        """Use up one message if there is one."""
        self.left = min(most, self.left + (now - self.at) * per_second)
        self.at = now
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


class SendingRules:
    """Windows and rates by sender and customer, in simulated time."""

    def __init__(self, settings: Settings, clock: SimulatedClock) -> None:
        self._settings, self._clock = settings, clock
        self.clear()

    def clear(self) -> None:
        """Forget who wrote, and enforce what the settings say."""
        self.window = self._settings.enforce_window
        self.pair_rate = self._settings.enforce_pair_rate
        self.messages_per_second = self._settings.messages_per_second
        self._wrote_at: dict[tuple[str, str], float] = {}
        self._pairs: dict[tuple[str, str], _Bucket] = {}
        self._numbers: dict[str, _Bucket] = {}

    def as_json(self) -> dict[str, float | bool]:
        """What is enforced."""
        return {
            "window": self.window,
            "pair_rate": self.pair_rate,
            "messages_per_second": self.messages_per_second,
        }

    def heard(self, sender: str, customer: str) -> None:
        """A customer wrote to this number or page: the window is open."""
        self._wrote_at[sender, customer] = self._clock.now()

    def check_whatsapp(self, sender: str, recipient: str, kind: str) -> None:
        """Refuse with 131047, 131056 or 130429 what the Cloud API would refuse."""
        now = self._clock.now()
        if self.window and kind != "template" and self._silent_for(sender, recipient) > DAY_SECONDS:
            raise GraphError(
                131047,
                "Message failed to send because more than 24 hours have passed since the customer "
                "last replied to this number.",
            )
        if self.pair_rate:
            pair = self._pairs.setdefault((sender, recipient), _Bucket(PAIR_BURST, now))
            if not pair.take(now, 1 / PAIR_SECONDS, PAIR_BURST):
                raise GraphError(
                    131056, "Too many messages sent from this phone number to the same recipient."
                )
        if self.messages_per_second > 0:
            most = max(1.0, self.messages_per_second)
            number = self._numbers.setdefault(sender, _Bucket(most, now))
            if not number.take(now, self.messages_per_second, most):
                raise GraphError(130429, "Cloud API message throughput has been reached.")

    def check_messenger(self, sender: str, recipient: str, tag: str, utility: bool) -> None:
        """Refuse with 10 and its sub-code what is outside the window without a right to it."""
        allowed = HUMAN_AGENT_SECONDS if tag == "HUMAN_AGENT" else DAY_SECONDS
        if self.window and not utility and self._silent_for(sender, recipient) > allowed:
            raise GraphError(
                10,
                "(#10) This message is sent outside of allowed window.",
                subcode=OUTSIDE_WINDOW_SUBCODE,
            )

    def _silent_for(self, sender: str, recipient: str) -> float:
        wrote_at = self._wrote_at.get((sender, recipient.lstrip("+")))
        return float("inf") if wrote_at is None else self._clock.now() - wrote_at
