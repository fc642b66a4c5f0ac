"""Whose an id is: what tells that two ids are one person, and what does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from channel_ingress.identity import (
    ChannelContact,
    Claim,
    Ids,
    choose,
    claims_of,
    free_key,
    ids_of,
    is_other_person,
    is_settled,
    names,
)
from channel_ingress.items import Person

CHANNEL = uuid4()
START = datetime(2026, 11, 22, tzinfo=UTC)


def row(key: str, age_days: int = 0, **changes: Any) -> ChannelContact:
    fields: dict[str, Any] = {
        "channel_id": CHANNEL,
        "external_id": key,
        "tenant_id": uuid4(),
        "contact_id": uuid4(),
        "conversation_id": uuid4(),
        "phone": None,
        "user_id": None,
        "is_paired": False,
        "email": None,
        "tenant_external_id": None,
        "username": None,
        "display_name": None,
        "moved_to": None,
        "created_at": START - timedelta(days=age_days),
        **changes,
    }
    return ChannelContact(**fields)


def never(one: UUID, other: UUID) -> bool:
    del one, other
    return False


BOTH = Ids("1555", phone="1555", user_id="US.9")
BY_PHONE = row("1555", age_days=2, phone="1555")
BY_USER = row("US.9", age_days=1, user_id="US.9")


def test_a_message_that_names_both_joins_two_rows_under_the_older_key() -> None:
    choice = choose("whatsapp", BOTH, [BY_USER, BY_PHONE], never)
    assert (choice.row, choice.younger) == (BY_PHONE, BY_USER)


def test_whom_a_person_parted_stays_apart() -> None:
    choice = choose("whatsapp", BOTH, [BY_USER, BY_PHONE], lambda *_: True)
    assert (choice.row, choice.younger, choice.loses_phone) == (BY_USER, None, None)
    assert choice.ids == Ids("1555", phone=None, user_id="US.9")


def test_a_number_that_was_paired_with_another_id_has_a_new_owner() -> None:
    paired = row("1555", phone="1555", user_id="US.1", is_paired=True)
    choice = choose("whatsapp", BOTH, [paired], never)
    assert (choice.row, choice.loses_phone) == (None, paired)
    choice = choose("whatsapp", BOTH, [paired, BY_USER], never)
    assert (choice.row, choice.younger, choice.loses_phone) == (BY_USER, None, paired)


def test_an_id_that_nobody_named_with_the_number_is_replaced() -> None:
    followed = row("1444", phone="1555", user_id="US.1", is_paired=False)
    assert choose("whatsapp", BOTH, [followed], never).row == followed


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (Ids("1555", phone="1555"), BY_PHONE),
        (Ids("US.9", user_id="US.9"), BY_USER),
        (Ids("1777", phone="1777"), None),
        (Ids("US.7", user_id="US.7"), None),
    ],
)
def test_one_id_leads_to_its_row(ids: Ids, expected: ChannelContact | None) -> None:
    assert choose("whatsapp", ids, [BY_USER, BY_PHONE], never).row == expected


def test_a_stable_key_is_not_an_address() -> None:
    """Who has the number now is not who had it first."""
    former = row("1555", phone="1666")
    ids = Ids("1555", phone="1555")
    assert not names(former, "whatsapp", ids)
    assert choose("whatsapp", ids, [former], never).row is None
    assert free_key(ids, {"1555"}.__contains__) == "1555~2"
    assert free_key(ids, {"1555", "1555~2"}.__contains__) == "1555~3"
    assert free_key(BOTH, {"1555"}.__contains__) == "US.9"


def test_a_psid_and_a_visitor_are_their_keys() -> None:
    visitor = row("v1")
    assert choose("webchat", Ids("v1"), [visitor], never).row == visitor
    assert choose("messenger", Ids("v2"), [visitor], never).row is None


@pytest.mark.parametrize(
    ("person", "phone", "user_id"),
    [
        (Person("1555", phone="+1555"), "1555", None),
        (Person("1555"), "1555", None),
        (Person("US.9"), None, "US.9"),
        (Person("1555", phone="1555", user_id="US.9"), "1555", "US.9"),
    ],
)
def test_whatsapp_names_people_by_number_or_user_id(
    person: Person, phone: str | None, user_id: str | None
) -> None:
    ids = ids_of("whatsapp", person)
    assert (ids.phone, ids.user_id) == (phone, user_id)


def test_a_number_typed_into_a_widget_proves_nothing() -> None:
    ids = ids_of("webchat", Person("v1", phone="1555", email=" Ana@Example.com "))
    kinds = {claim.kind: claim.value for claim in claims_of("webchat", ids)}
    assert kinds == {"visitor_id": "v1", "email": "ana@example.com"}


def test_another_signed_identity_at_the_same_browser_is_another_person() -> None:
    first = row("v1", tenant_external_id="user-1", email="a@example.com")
    assert is_other_person(first, Claim("external_id", "user-2", False, ""))
    assert not is_other_person(first, Claim("external_id", "user-1", False, ""))
    assert not is_other_person(first, Claim("email", "b@example.com", False, ""))
    by_mail = row("v1", email="a@example.com")
    assert is_other_person(by_mail, Claim("email", "b@example.com", False, ""))
    assert not is_other_person(by_mail, Claim("external_id", "user-1", False, ""))
    assert not is_other_person(row("v1"), Claim("external_id", "user-1", False, ""))


def test_what_is_known_is_settled_and_what_is_new_is_not() -> None:
    known = row("1555", phone="1555", user_id="US.9", is_paired=True, display_name="Ana")
    assert is_settled(known, BOTH)
    assert is_settled(known, Ids("1555", phone="1555", display_name="Ana"))
    assert not is_settled(known, Ids("1555", phone="1555", display_name="Anna"))
    assert not is_settled(known, Ids("1555", phone="1555", user_id="US.8"))
    assert not is_settled(row("1555", phone="1555", user_id="US.9"), BOTH)
