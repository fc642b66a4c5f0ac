"""When an answer that is being written is begun anew, because the customer wrote more. Pure."""

from time import monotonic
from typing import Final, Literal, NamedTuple

from contracts.v1.shapes import ConversationOwner
from contracts.v1.tenants import TenantSettings
from orchestrator.domain import Leased

RESTARTS_MAX: Final = 5
"""Runs of one turn that may be thrown away: then it is answered, and the rest is the next turn."""

RESTART_WITHIN_SECONDS: Final = 20.0
"""From the first run's beginning: who has waited longer gets the answer that is being written."""

Cut = Literal["taken_over", "superseded", "lease_lost"]
"""Why the making of an answer ends before its time."""


class Seen(NamedTuple):
    """What a look at a conversation showed, while this process makes an answer for it."""

    lease_epoch: int
    ownership_number: int
    owner_kind: ConversationOwner
    last_customer_seq: int


def may_restart(leased: Leased, settings: TenantSettings) -> bool:
    """Whether a newer message still throws this run away."""
    if settings.supersede is False or leased.superseded >= RESTARTS_MAX:
        return False
    age_seconds = leased.begun_before_seconds + monotonic() - leased.leased_monotonic
    return age_seconds <= RESTART_WITHIN_SECONDS


def cut_of(leased: Leased, settings: TenantSettings, seen: Seen | None) -> Cut | None:
    """Why this run has to end now, if it has to."""
    if seen is None or seen.lease_epoch != leased.lease_epoch:
        return "lease_lost"
    if seen.owner_kind != "bot" or seen.ownership_number != leased.ownership_number:
        return "taken_over"
    if seen.last_customer_seq > leased.last_seq and may_restart(leased, settings):
        return "superseded"
    return None
