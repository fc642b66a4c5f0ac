"""What is decided about a delivery: when it is tried, when it ends, who is switched off. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

# Delay before each try, of the Standard Webhooks specification: now, 5 s, 5 min … 24 h.
SCHEDULE_SECONDS: Final = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER: Final = 0.2
FAILING_LIMIT: Final = timedelta(hours=120)
# Receivers that are overloaded or hang get at least this pause.
OVERLOAD_PAUSE_SECONDS: Final = 60.0
RETRY_AFTER_MAX_SECONDS: Final = 86_400.0
ANSWER_BYTES_MAX: Final = 16_384

GONE: Final = 410
_ASKING_FOR_PATIENCE: Final = frozenset({429, 503})


class Code(StrEnum):
    """How a try ended."""

    DELIVERED = "delivered"
    HTTP_ERROR = "http_error"
    REDIRECT = "redirect"
    GONE = "gone"
    TIMEOUT = "timeout"
    CONNECTION_FAILED = "connection_failed"
    TLS_ERROR = "tls_error"
    UNRESOLVABLE = "unresolvable"
    BLOCKED_ADDRESS = "blocked_address"
    INVALID_URL = "invalid_url"
    SECRET_UNREADABLE = "secret_unreadable"  # noqa: S105 - a code, not a secret


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one POST came to; `status_code` is None when no answer was read."""

    code: Code
    status_code: int | None
    milliseconds: int
    answer: str
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from an outcome: a final state, or the delay until the next try."""

    state: str
    delay_seconds: float | None
    disable_because: str | None


def code_of_status(status_code: int) -> Code:
    """Only 2xx is a delivery; a redirect is a failure because it is not followed."""
    if 200 <= status_code < 300:
        return Code.DELIVERED
    if status_code == GONE:
        return Code.GONE
    if 300 <= status_code < 400:
        return Code.REDIRECT
    return Code.HTTP_ERROR


def judge(
    outcome: Outcome,
    failures_before: int,
    failing_since: datetime | None,
    now: datetime,
    chance: float,
) -> Verdict:
    """Decide after a try; `chance` in 0 to 1 spreads retries by ±20 %."""
    if outcome.code is Code.DELIVERED:
        return Verdict("delivered", None, None)
    if outcome.code is Code.GONE:
        return Verdict("cancelled", None, "the endpoint answered 410 Gone")
    if failing_since is not None and now - failing_since >= FAILING_LIMIT:
        hours = int(FAILING_LIMIT.total_seconds() // 3600)
        return Verdict("cancelled", None, f"every delivery failed for {hours} hours")
    step = failures_before + 1
    if step >= len(SCHEDULE_SECONDS):
        return Verdict("exhausted", None, None)
    return Verdict("pending", _delay(outcome, SCHEDULE_SECONDS[step], chance), None)


def wants_event(event_type: str, patterns: Sequence[str]) -> bool:
    """Whether an endpoint's filter lets a type through; `message.*`, `*`, or no filter at all."""
    return not patterns or any(_matches(event_type, pattern) for pattern in patterns)


def patterns_without_events(patterns: Sequence[str], known: Collection[str]) -> list[str]:
    """Which patterns let nothing through that there is: mistyped, and silent for ever."""
    return [one for one in patterns if not any(_matches(kind, one) for kind in known)]


def read_retry_after(value: str | None) -> float | None:
    """Read `Retry-After: <seconds>`; dates and nonsense are None."""
    if value is None or not value.strip().isdecimal():
        return None
    return min(float(value), RETRY_AFTER_MAX_SECONDS)


def _delay(outcome: Outcome, planned_seconds: float, chance: float) -> float:
    delay = planned_seconds * (1 - JITTER + 2 * JITTER * chance)
    if outcome.code is Code.TIMEOUT or outcome.status_code in _ASKING_FOR_PATIENCE:
        delay = max(delay, OVERLOAD_PAUSE_SECONDS)
        if outcome.retry_after_seconds is not None:
            delay = max(planned_seconds * (1 - JITTER), outcome.retry_after_seconds)
    return delay


def _matches(event_type: str, pattern: str) -> bool:
    if pattern == "*":
        return True
    if pattern.endswith(".*"):
        return event_type.startswith(pattern[:-1])
    return event_type == pattern
