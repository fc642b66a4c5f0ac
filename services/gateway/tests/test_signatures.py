import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.signatures import is_handshake, is_signed

SECRET = b"0123456789abcdef"


def signed(raw: bytes, secret: bytes = SECRET) -> bytes:
    return b"sha256=" + hmac.new(secret, raw, hashlib.sha256).hexdigest().encode()


@given(st.binary(max_size=200))
def test_the_signature_of_these_bytes_fits_and_of_no_others(raw: bytes) -> None:
    assert is_signed(SECRET, raw, [signed(raw)])
    assert is_signed(SECRET, raw, [b"sha256=" + signed(raw)[7:].upper()])
    assert not is_signed(SECRET, raw + b" ", [signed(raw)])
    assert not is_signed(SECRET + b"x", raw, [signed(raw)])


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [b""],
        [b"sha1=" + b"0" * 40],
        [b"sha256="],
        [b"sha256=" + b"0" * 63],
        [b"sha256=" + b"0" * 65],
        [b"sha256=" + b"z" * 64],
        [signed(b"body")[7:]],
        [signed(b"body"), signed(b"body")],
        [signed(b"body") + b"\n"],
        [b" " + signed(b"body")],
    ],
)
def test_anything_but_one_well_formed_signature_is_refused(headers: list[bytes]) -> None:
    assert not is_signed(SECRET, b"body", headers)


def test_without_a_secret_nothing_fits() -> None:
    assert not is_signed(b"", b"body", [signed(b"body", b"")])


def test_handshake() -> None:
    assert is_handshake("token", "subscribe", "token", "115-aZ_9")
    assert not is_handshake("", "subscribe", "", "1")
    assert not is_handshake("token", "subscribe", "tokeñ", "1")
    assert not is_handshake("token", "subscribe", "token", "1\r\nX: y")
    assert not is_handshake("token", "subscribe", "token", "1\n")
