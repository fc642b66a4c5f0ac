"""What trials say in numbers, and when a canary has to stop. Pure."""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID, uuid5

from contracts.v1.trying import ExperimentRule, ReplaySums

Side = Literal["answered", "handed_off", "failed"]

NOTHING: Final = ReplaySums(
    turns=0,
    answered=0,
    handed_off=0,
    failed=0,
    cited=0,
    confidence=None,
    cost_usd=0.0,
    unpriced=0,
    milliseconds_p50=None,
    milliseconds_p95=None,
)
_SHARES: Final = 10_000


class Verdict(NamedTuple):
    """Why a trial ends: a code, and a sentence with the numbers."""

    reason: str
    detail: str


def takes_part(experiment_id: UUID, conversation_id: UUID, percent: float) -> bool:
    """Whether a conversation is in an experiment's share: always the same for the two."""
    place = uuid5(experiment_id, str(conversation_id)).int % _SHARES
    return place < percent / 100 * _SHARES


def sums_of(row: Any) -> ReplaySums:
    """Read one side of a trial."""
    confidence = row["confidence"]
    return ReplaySums(
        turns=row["turns"],
        answered=row["answered"],
        handed_off=row["handed_off"],
        failed=row["failed"],
        cited=row["cited"],
        confidence=None if confidence is None else min(max(confidence, 0.0), 1.0),
        cost_usd=row["cost_usd"],
        unpriced=row["unpriced"],
        milliseconds_p50=row["p50"],
        milliseconds_p95=row["p95"],
    )


def judged(rule: ExperimentRule, live: ReplaySums, tried: ReplaySums) -> Verdict | None:
    """Say whether the other settings are worse than the rule allows; None while they may go on."""
    if tried.turns < rule.turns_min or not live.turns:
        return None
    failed = _points(tried.failed, tried.turns) - _points(live.failed, live.turns)
    handed = _points(tried.handed_off, tried.turns) - _points(live.handed_off, live.turns)
    dearer = _percent(_price(tried), _price(live)) if _priced(tried) and _priced(live) else 0.0
    slower = _percent(tried.milliseconds_p50 or 0, live.milliseconds_p50 or 0)
    limits = (
        ("failures", failed, rule.failures_percent_more, "points more turns failed"),
        ("handoffs", handed, rule.handoffs_percent_more, "points more turns went to a person"),
        ("cost", dearer, rule.cost_percent_more, "% more was paid for a turn"),
        ("time", slower, rule.seconds_percent_more, "% more time was taken for a turn"),
    )
    for reason, more, limit, words in limits:
        if limit is not None and more > limit:
            counted = f"{tried.turns} turns with the other settings, {live.turns} without"
            return Verdict(reason, f"{more:.1f} {words} than {limit:g} allows; {counted}.")
    return None


def over_budget(budget_usd: float | None, tried: ReplaySums) -> Verdict | None:
    """Say whether a trial cost what it may."""
    if budget_usd is None or tried.cost_usd < budget_usd:
        return None
    return Verdict("budget", f"It cost {tried.cost_usd:.4f} of {budget_usd:.4f} USD.")


def cosine(first: Sequence[float], second: Sequence[float]) -> float:
    """Similarity of two unit vectors."""
    return max(-1.0, min(1.0, sum(a * b for a, b in zip(first, second, strict=True))))


def _priced(side: ReplaySums) -> int:
    return side.turns - side.unpriced


def _price(side: ReplaySums) -> float:
    """What a turn cost, of those whose price is known."""
    return side.cost_usd / _priced(side)


def _points(part: int, whole: int) -> float:
    return 100 * part / whole


def _percent(now: float, before: float) -> float:
    """How much more, in percent; what was free and costs now is any number more."""
    if before <= 0:
        return float("inf") if now > 0 else 0.0
    return 100 * (now / before - 1)
