"""Why has a customer had no answer? The best guess, for a person. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.v1.shapes import ConversationOwner

Cause = Literal["no_person", "person_silent", "turn_failing", "turn_stuck", "not_delivered"]


@dataclass(frozen=True, slots=True)
class WaitingFacts:
    """What is known of a conversation whose customer waits."""

    owner_kind: ConversationOwner
    assignee: str | None
    is_served: bool
    turn_due_at: datetime | None
    is_leased: bool
    turn_attempts: int
    last_failure: str | None


@dataclass(frozen=True, slots=True)
class Guess:
    """A cause, and a sentence about it."""

    cause: Cause
    detail: str


def guess_cause(facts: WaitingFacts) -> Guess:
    """Return why nobody answered, as far as the conversation's row tells."""
    if facts.owner_kind == "human" and facts.assignee:
        return Guess("person_silent", f"{facts.assignee} has it and has not answered.")
    if facts.owner_kind == "human":
        return Guess("no_person", "It waits for a person, and nobody has taken it.")
    if facts.owner_kind == "integrator":
        return Guess("person_silent", "An integrator has it and has not answered.")
    if facts.owner_kind == "nobody":
        return Guess("no_person", "Nobody owns it.")
    if not facts.is_served:
        return Guess("turn_stuck", "Its channel is switched off: the bot does not answer there.")
    if facts.turn_attempts > 1 or facts.last_failure:
        tries = f"{facts.turn_attempts} tries" if facts.turn_attempts > 1 else "A try"
        return Guess("turn_failing", f"{tries} at an answer failed: {facts.last_failure or '?'}.")
    if facts.is_leased:
        return Guess("turn_stuck", "A worker is at it and does not come to an end.")
    if facts.turn_due_at is None:
        return Guess("turn_stuck", "The bot has it, but no answer is planned.")
    return Guess("turn_stuck", "An answer is due, and no worker has taken it.")


def undelivered(state: str, code: str | None) -> Guess:
    """Return what became of the newest message to the customer."""
    became = {
        "failed": "was not delivered",
        "unknown": "may not have been delivered",
    }.get(state, "has not gone out")
    return Guess("not_delivered", f"Our last message {became}" + (f": {code}." if code else "."))
