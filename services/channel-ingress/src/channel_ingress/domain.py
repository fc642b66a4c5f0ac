"""Decisions of channel-ingress, pure: identities, outcomes of calls, how statuses add up."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast
from uuid import UUID, uuid5

from channel_ingress.action_table import NOT_SENT, Action, Fallback, action_for
from contracts.v1.shapes import Price

NO_CHANNEL = UUID(int=0)
"""The channel of items whose address no channel has."""

DeliveryStatus = Literal["sent", "delivered", "read", "failed"]
_RANKS: dict[str | None, int] = {None: 0, "sent": 1, "failed": 2, "delivered": 3, "read": 4}


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has the message."""

    provider_message_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider answered with an error: certainly not delivered."""

    http_status: int
    code: int
    message: str
    subcode: int | None = None
    request_id: str | None = None
    """What Meta's support asks for."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request never left: certainly not delivered."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The request left and no readable answer came: nobody knows."""

    reason: str


CallResult: TypeAlias = Accepted | Refused | NotSent | Unanswered


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after a pause."""

    pause_seconds: float
    action: Action
    provider_code: int | None
    detail: str
    fallback: Fallback | None = None
    """Not the same again, but this instead."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Never to be tried again."""

    action: Action
    provider_code: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Parked:
    """Not this send's fault: it waits with its whole channel."""

    action: Action
    provider_code: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Stays attempting until evidence comes or the time is over."""

    reason: str


Outcome: TypeAlias = Accepted | Retry | Failed | Parked | InDoubt


def decide_outcome(
    result: CallResult, attempt: int, fallbacks: Container[Fallback] = ()
) -> Outcome:
    """What follows from the result of attempt number `attempt` (from 1).

    `fallbacks` are those that this message still has.
    """
    if isinstance(result, Accepted):
        return result
    if isinstance(result, Unanswered):
        return InDoubt(result.reason)
    if isinstance(result, NotSent):
        action, provider_code, words = NOT_SENT, None, result.reason
    else:
        action = action_for(result.code, result.http_status, result.subcode)
        provider_code, words = result.code, result.message
        if result.request_id:
            words = f"{words}; request {result.request_id}"
    sentence = f"{action.sentence} ({words})"[:512]
    if action.park is not None:
        return Parked(action, provider_code, sentence)
    pause = action.pause_seconds(attempt)
    if pause is not None:
        return Retry(pause, action, provider_code, sentence)
    if action.fallback is not None and action.fallback in fallbacks:
        return Retry(0.0, action, provider_code, sentence, action.fallback)
    return Failed(action, provider_code, sentence)


def conversation_identity(channel_id: UUID, contact_external_id: str) -> UUID:
    """One conversation for each contact of a channel."""
    return uuid5(channel_id, contact_external_id)


def item_identity(channel_id: UUID, provider_key: str) -> UUID:
    """The message that says an item: the same however often the item comes."""
    return uuid5(channel_id, f"item:{provider_key}")


def media_identity(channel_id: UUID, provider_key: str) -> UUID:
    """Our id of the file of an item."""
    return uuid5(channel_id, f"media:{provider_key}")


def outcome_identity(send_id: UUID, outcome: str) -> UUID:
    """The message that says a send's outcome."""
    return uuid5(send_id, outcome)


def reference_of(send_id: UUID, part: int) -> str:
    """What travels with a part and comes back in its statuses."""
    return str(send_id) if part == 0 else f"{send_id}.{part}"


def parse_reference(reference: str) -> tuple[UUID, int] | None:
    """The send and part of a reference; None when it is not one of ours."""
    identity, _, part = reference.partition(".")
    try:
        return UUID(identity), int(part or 0)
    except ValueError:
        return None


def overall_status(parts: Iterable[str | None]) -> DeliveryStatus | None:
    """How far a whole send has come: as far as its slowest part; failed if one part failed."""
    statuses = list(parts)
    if "failed" in statuses:
        return "failed"
    return cast("DeliveryStatus | None", min(statuses, key=_RANKS.__getitem__, default=None))


def overall_price(prices: Iterable[Price | None]) -> Price | None:
    """What a send costs by all that is known: what is billed, where its parts differ."""
    return max((price for price in prices if price), key=_price_rank, default=None)


def parts_after(
    parts: Mapping[int, str | None], statuses: Iterable[tuple[int, str]]
) -> dict[int, str | None]:
    """How far each part has come after these statuses, in whatever order they are heard."""
    after = dict(parts)
    for part, status in statuses:
        if rises(after.get(part), status):
            after[part] = status
    return after


def rises(current: str | None, new: str | None) -> bool:
    """Whether `new` is further than `current`: sent < failed < delivered < read."""
    return _RANKS[new] > _RANKS[current]


def _price_rank(price: Price) -> tuple[bool, str]:
    return price.billable is True, price.model_dump_json()
