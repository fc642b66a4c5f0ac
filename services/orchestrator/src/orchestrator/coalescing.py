"""How long a turn waits for the rest of what a customer is saying. Pure.

The tenant's waiting time is the base. Who has not finished is waited for longer: words without an
end, a file that is still loading, somebody who types, somebody who writes slowly. A question is
answered sooner. From the first unanswered message on there is a hard ceiling, so that nobody waits
for ever; a base of nothing answers at once.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from contracts.v1.tenants import TenantSettings

CEILING_FACTOR: Final = 6
CEILING_MAX_SECONDS: Final = 10.0
TYPING_SECONDS: Final = 3.5
"""Widgets say every 3 s that somebody types."""

QUESTION_FACTOR: Final = 0.5
UNFINISHED_FACTOR: Final = 1.5
RHYTHM_FACTOR: Final = 1.5

_QUESTION_ENDS: Final = frozenset("?？؟;՞")
_SENTENCE_ENDS: Final = frozenset(".!…。！।‼⁉")
_CLOSING: Final = frozenset("\"'”’»)]}*_~`")


@dataclass(frozen=True, slots=True)
class Burst:
    """What is known of a customer who may not have finished."""

    text: str
    """Their newest words."""
    waited_seconds: float = 0.0
    """Since the first message that nobody answered."""
    gaps_seconds: Sequence[float] = ()
    """Between their last messages."""
    media_pending: bool = False
    """Whether a file of theirs is still being fetched."""
    typing: bool = False


def ceiling_seconds(settings: TenantSettings) -> float:
    """Longest wait from the first unanswered message on."""
    base = settings.coalesce_milliseconds / 1000
    chosen = settings.coalesce_ceiling_milliseconds
    if chosen is None:
        return min(CEILING_FACTOR * base, CEILING_MAX_SECONDS)
    return chosen / 1000


def wait_seconds(settings: TenantSettings, burst: Burst) -> float:
    """From now on until the turn may begin, if nothing more happens; never below zero."""
    base = settings.coalesce_milliseconds / 1000
    if base <= 0:
        return 0.0
    ceiling = ceiling_seconds(settings)
    wait = _at_their_pace(base, burst.gaps_seconds, ceiling) * _factor(burst.text)
    if burst.typing:
        wait = max(wait, TYPING_SECONDS)
    if burst.media_pending:
        wait = ceiling
    return max(0.0, min(wait, ceiling - burst.waited_seconds))


def _at_their_pace(base: float, gaps_seconds: Sequence[float], ceiling: float) -> float:
    """Return the base, or more for one who writes slowly; long silences are no rhythm."""
    rhythm = [gap for gap in gaps_seconds if 0 < gap <= ceiling]
    return max(base, RHYTHM_FACTOR * median(rhythm)) if rhythm else base


def _factor(text: str) -> float:
    words = text.rstrip()
    while words and words[-1] in _CLOSING:
        words = words[:-1].rstrip()
    if not words:
        return UNFINISHED_FACTOR
    last = words[-1]
    if last in _QUESTION_ENDS:
        return QUESTION_FACTOR
    # An emoji, with or without its variation mark, ends a thought as a full stop does.
    ended = last in _SENTENCE_ENDS or unicodedata.category(last) in ("So", "Sk", "Mn", "Cf")
    return 1.0 if ended else UNFINISHED_FACTOR
