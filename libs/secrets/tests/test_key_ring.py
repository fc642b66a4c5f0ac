"""The key ring refuses everything but the right key in the right place."""

import base64
import os

import pytest

from sealing import ContextMismatch, InvalidKeyRing, KeyRing, MalformedSeal, UnknownKey

CONTEXT = "channel:tenant-1:channel-1:access_token"


def key_text(key_id: str) -> str:
    return f"{key_id}:{base64.b64encode(os.urandom(32)).decode()}"


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing.from_text(key_text("k1"))


def test_round_trip(ring: KeyRing) -> None:
    sealed = ring.seal("grüße".encode(), CONTEXT)
    assert sealed.startswith("v1.k1.")
    assert ring.unseal(sealed, CONTEXT).decode() == "grüße"


def test_empty_secret_round_trips(ring: KeyRing) -> None:
    assert ring.unseal(ring.seal(b"", CONTEXT), CONTEXT) == b""


def test_same_plaintext_never_seals_alike(ring: KeyRing) -> None:
    assert ring.seal(b"token", CONTEXT) != ring.seal(b"token", CONTEXT)


def test_moved_to_another_row_is_refused(ring: KeyRing) -> None:
    sealed = ring.seal(b"token", CONTEXT)
    with pytest.raises(ContextMismatch):
        ring.unseal(sealed, "channel:tenant-2:channel-9:access_token")


def test_sealing_without_a_context_is_refused(ring: KeyRing) -> None:
    with pytest.raises(ContextMismatch):
        ring.seal(b"token", "")


def test_unknown_key_id(ring: KeyRing) -> None:
    other = KeyRing.from_text(key_text("k2"))
    with pytest.raises(UnknownKey, match="k1"):
        other.unseal(ring.seal(b"token", CONTEXT), CONTEXT)


def test_same_key_id_with_another_key(ring: KeyRing) -> None:
    other = KeyRing.from_text(key_text("k1"))
    with pytest.raises(ContextMismatch):
        other.unseal(ring.seal(b"token", CONTEXT), CONTEXT)


def test_rotation_keeps_old_secrets_readable() -> None:
    old_text, new_text = key_text("k1"), key_text("k2")
    old = KeyRing.from_text(old_text)
    both = KeyRing.from_text(f"{new_text}, {old_text}")
    sealed = old.seal(b"token", CONTEXT)
    assert both.needs_rotation(sealed)
    renewed = both.seal(both.unseal(sealed, CONTEXT), CONTEXT)
    assert not both.needs_rotation(renewed)
    assert KeyRing.from_text(new_text).unseal(renewed, CONTEXT) == b"token"


def test_key_id_in_the_text_is_authenticated() -> None:
    key = base64.b64encode(os.urandom(32)).decode()
    ring = KeyRing.from_text(f"k1:{key},k2:{key}")
    sealed = ring.seal(b"token", CONTEXT)
    with pytest.raises(ContextMismatch):
        ring.unseal(sealed.replace("v1.k1.", "v1.k2."), CONTEXT)


def test_every_changed_bit_is_noticed(ring: KeyRing) -> None:
    version, key_id, body = ring.seal(b"token", CONTEXT).split(".")
    raw = base64.urlsafe_b64decode(body)
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 1
        text = f"{version}.{key_id}.{base64.urlsafe_b64encode(changed).decode()}"
        with pytest.raises(ContextMismatch):
            ring.unseal(text, CONTEXT)


@pytest.mark.parametrize(
    "text", ["", "plain", "v1.k1", "v2.k1.AAAA", "v1.k1.!!!!", "v1.k1.AAAA", "v1.k1.AAAA.AAAA"]
)
def test_malformed_texts(ring: KeyRing, text: str) -> None:
    with pytest.raises(MalformedSeal):
        ring.unseal(text, CONTEXT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , ",
        base64.b64encode(os.urandom(32)).decode(),
        "k1:" + base64.b64encode(os.urandom(16)).decode(),
        "k1:" + base64.b64encode(bytes(32)).decode(),
        "k1:not base64!",
        "bad id:" + base64.b64encode(os.urandom(32)).decode(),
        ":" + base64.b64encode(os.urandom(32)).decode(),
    ],
)
def test_unusable_key_rings(text: str) -> None:
    with pytest.raises(InvalidKeyRing):
        KeyRing.from_text(text)


def test_doubled_key_id_is_refused() -> None:
    with pytest.raises(InvalidKeyRing, match="twice"):
        KeyRing.from_text(f"{key_text('k1')},{key_text('k1')}")


def test_errors_never_show_key_material() -> None:
    short = base64.b64encode(b"tooshort-secret!").decode()
    with pytest.raises(InvalidKeyRing) as refusal:
        KeyRing.from_text(f"k1:{short}")
    assert short not in str(refusal.value)
