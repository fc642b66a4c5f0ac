"""Whose an id is, pure: what tells that two ids are one person, and what does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from channel_ingress.items import Person
from contracts.v1.contacts import IdentityKind

VALUE_LIMIT = 512

_PHONE = re.compile(r"[0-9]{1,32}")
_USER_ID = re.compile(r"[A-Z]{2}\.")
"""A business-scoped user id such as `US.1349…`."""


@dataclass(frozen=True, slots=True)
class Ids:
    """By which ids an item names a person on a channel."""

    key: str
    """The best of them: the stable key, if nothing else is known of the person."""
    phone: str | None = None
    user_id: str | None = None
    email: str | None = None
    tenant_external_id: str | None = None
    username: str | None = None
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelContact:
    """A contact on one channel, as it is kept."""

    channel_id: UUID
    external_id: str
    """The stable key."""
    tenant_id: UUID
    contact_id: UUID
    conversation_id: UUID
    phone: str | None
    user_id: str | None
    is_paired: bool
    email: str | None
    tenant_external_id: str | None
    username: str | None
    display_name: str | None
    moved_to: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """An id that an item names: who has it is its owner."""

    kind: IdentityKind
    value: str
    is_of_channel: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a person's items belong on a channel."""

    row: ChannelContact | None
    """None: a new one."""
    younger: ChannelContact | None = None
    """The same person under a younger key, whose place `row` takes."""
    loses_phone: ChannelContact | None = None
    """Somebody else who had the number before."""
    ids: Ids | None = None
    """What may be learned; None: everything that the item says."""


def ids_of(channel_type: str, person: Person) -> Ids:
    """A person's ids on a channel of this type; a phone counts only where the provider gave it."""
    phone = user_id = None
    if channel_type == "whatsapp":
        phone, user_id = person.phone and without_plus(person.phone), person.user_id
        if phone is None and user_id is None:
            is_phone = _PHONE.fullmatch(person.external_id) is not None
            phone, user_id = (person.external_id, None) if is_phone else (None, person.external_id)
    return Ids(
        key=person.external_id,
        phone=phone,
        user_id=user_id,
        email=person.email.strip().lower()[:VALUE_LIMIT] or None if person.email else None,
        tenant_external_id=person.tenant_external_id or None,
        username=person.username,
        display_name=person.display_name,
    )


def is_business_scoped(identity: str) -> bool:
    """Whether it has the form of a business-scoped user id."""
    return _USER_ID.match(identity) is not None


def without_plus(phone: str) -> str:
    """Numbers are kept as digits."""
    return phone.removeprefix("+")


def claims_of(channel_type: str, ids: Ids) -> list[Claim]:
    """Every id that is vouched for, by the provider or by the tenant, the surest first."""
    found: list[Claim] = []
    if channel_type == "messenger":
        found.append(Claim("psid", ids.key, True, "message"))
    elif channel_type == "webchat":
        found.append(Claim("visitor_id", ids.key, True, "message"))
    if ids.user_id:
        found.append(Claim("user_id", ids.user_id, True, "message"))
    if ids.phone:
        found.append(Claim("phone", ids.phone, False, "message"))
    if ids.tenant_external_id:
        found.append(Claim("external_id", ids.tenant_external_id, False, "signed_identity"))
    if ids.email:
        found.append(Claim("email", ids.email, False, "verified_email"))
    return found


def names(row: ChannelContact, channel_type: str, ids: Ids) -> bool:
    """Whether the item's ids lead to this row."""
    if channel_type != "whatsapp":
        return row.external_id == ids.key
    return (ids.phone is not None and row.phone == ids.phone) or (
        ids.user_id is not None and row.user_id == ids.user_id
    )


def is_settled(row: ChannelContact, ids: Ids) -> bool:
    """Whether the item says nothing that the row does not."""
    said = (
        (ids.phone, row.phone),
        (ids.user_id, row.user_id),
        (ids.email, row.email),
        (ids.tenant_external_id, row.tenant_external_id),
        (ids.username, row.username),
        (ids.display_name, row.display_name),
    )
    is_pair_news = bool(ids.phone and ids.user_id and not row.is_paired)
    return not is_pair_news and all(new is None or new == old for new, old in said)


def choose(
    channel_type: str,
    ids: Ids,
    rows: Sequence[ChannelContact],
    are_apart: Callable[[UUID, UUID], bool],
) -> Choice:
    """Which row it is.

    Two rows are one person when a message names a number and a user id that nobody named with
    another before. A number that comes with another user id than it was paired with has a new
    owner: user ids do not change while the number stays.
    """
    if channel_type != "whatsapp":
        return Choice(next((row for row in rows if row.external_id == ids.key), None))
    by_user = _first(rows, lambda row: ids.user_id is not None and row.user_id == ids.user_id)
    by_phone = _first(rows, lambda row: ids.phone is not None and row.phone == ids.phone)
    if by_user is None:
        if by_phone is None or ids.user_id is None or not _is_taken(by_phone, by_phone.user_id):
            return Choice(by_phone)
        return Choice(None, loses_phone=by_phone)
    if by_phone is None or by_phone.external_id == by_user.external_id:
        return Choice(by_user)
    if are_apart(by_user.contact_id, by_phone.contact_id):
        return Choice(by_user, ids=replace(ids, phone=None))
    if _is_taken(by_phone, by_phone.user_id) or _is_taken(by_user, by_user.phone):
        return Choice(by_user, loses_phone=by_phone)
    older, younger = by_age(by_user, by_phone)
    return Choice(older, younger=younger)


def by_age(one: ChannelContact, other: ChannelContact) -> tuple[ChannelContact, ChannelContact]:
    """The older of two rows first."""
    first, second = sorted((one, other), key=lambda row: (row.created_at, row.external_id))
    return first, second


def is_other_person(row: ChannelContact, claim: Claim) -> bool:
    """Whether the tenant vouched for somebody else on this row before: a shared browser."""
    if row.tenant_external_id is not None:
        return claim.kind == "external_id" and row.tenant_external_id != claim.value
    return claim.kind == "email" and row.email is not None and row.email != claim.value


def free_key(ids: Ids, taken: Callable[[str], bool]) -> str:
    """A stable key that no other person of the channel has: their best id, else the next best."""
    for key in (ids.key, ids.user_id, ids.phone):
        if key and not taken(key):
            return key
    number = 2
    while taken(f"{ids.key}~{number}"):
        number += 1
    return f"{ids.key}~{number}"


def _is_taken(row: ChannelContact, other_id: str | None) -> bool:
    return row.is_paired and other_id is not None


def _first(
    rows: Sequence[ChannelContact], test: Callable[[ChannelContact], bool]
) -> ChannelContact | None:
    return next((row for row in rows if test(row)), None)
