"""Signed identities: one canonical text, one visitor, not for ever."""

import hashlib
import hmac
from uuid import uuid4

import pytest

from gateway.widget.identity import Identity, is_fresh, signature, visitor_of

ANA = Identity("customer-4711", "ana@example.com", "Ana Ž.")


def test_the_signature_is_the_one_in_the_documentation() -> None:
    lines = "metachat-identity-1\nwch_k\ncustomer-4711\nana@example.com\nAna Ž.\n1766400000"
    expected = hmac.new(b"wis_secret", lines.encode(), hashlib.sha256).hexdigest()
    assert signature("wis_secret", "wch_k", ANA, 1_766_400_000) == expected
    nameless = "metachat-identity-1\nwch_k\n1\n\n\n5"
    expected = hmac.new(b"wis_secret", nameless.encode(), hashlib.sha256).hexdigest()
    assert signature("wis_secret", "wch_k", Identity("1", None, None), 5) == expected


@pytest.mark.parametrize(
    ("secret", "key", "identity", "issued_at"),
    [
        ("other", "k", ANA, 1),
        ("s", "other", ANA, 1),
        ("s", "k", Identity("customer-4712", ANA.email, ANA.name), 1),
        ("s", "k", Identity(ANA.external_id, None, ANA.name), 1),
        ("s", "k", Identity(ANA.external_id, ANA.email, None), 1),
        ("s", "k", ANA, 2),
    ],
)
def test_every_part_is_signed(secret: str, key: str, identity: Identity, issued_at: int) -> None:
    assert signature(secret, key, identity, issued_at) != signature("s", "k", ANA, 1)


def test_an_identity_is_one_visitor_of_one_channel() -> None:
    channel = uuid4()
    assert visitor_of(channel, ANA) == visitor_of(channel, Identity(ANA.external_id, None, None))
    assert visitor_of(channel, ANA) != visitor_of(uuid4(), ANA)
    assert visitor_of(channel, ANA) != visitor_of(channel, Identity("other", None, None))


@pytest.mark.parametrize(
    ("age", "fresh"), [(0, True), (3600, True), (3601, False), (-60, True), (-61, False)]
)
def test_a_signature_is_good_for_an_hour(age: int, fresh: bool) -> None:
    assert is_fresh(10_000, 10_000 + age, 3600) is fresh
