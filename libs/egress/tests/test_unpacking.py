"""What is packed is unpacked piece by piece, and never beyond the cap."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress import PackedTooWell, UnknownPacking, Unpacker


def unpack(encoding: str | None, packed: bytes, piece: int, bytes_max: int = 10**9) -> bytes:
    unpacker = Unpacker(encoding, bytes_max)
    found = b"".join(
        part
        for start in range(0, len(packed), piece)
        for part in unpacker.take(packed[start : start + piece])
    )
    unpacker.end()
    return found


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=300_000), min_size=1, max_size=3), st.integers(1, 5_000))
def test_what_was_packed_comes_out_whatever_the_pieces(parts: list[bytes], piece: int) -> None:
    members = b"".join(gzip.compress(part) for part in parts)
    whole = b"".join(parts)
    assert unpack("gzip", members, piece) == whole
    assert unpack("deflate", zlib.compress(whole), piece) == whole
    assert unpack(None, whole, piece) == whole
    assert unpack("identity", whole, piece) == whole


def test_a_bomb_is_given_up_at_the_cap() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    tracemalloc.start()
    with pytest.raises(PackedTooWell):
        unpack("gzip", bomb, 65_536, bytes_max=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000


def test_the_cap_itself_is_allowed() -> None:
    assert len(unpack("gzip", gzip.compress(bytes(1_000)), 100, bytes_max=1_000)) == 1_000
    for encoding, packed in (("gzip", gzip.compress(bytes(1_001))), (None, bytes(1_001))):
        with pytest.raises(PackedTooWell):
            unpack(encoding, packed, 100, bytes_max=1_000)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_what_was_not_asked_for_is_not_guessed(encoding: str) -> None:
    with pytest.raises(UnknownPacking):
        Unpacker(encoding, 10)


def test_damaged_and_cut_off_bytes() -> None:
    packed = gzip.compress(b"hello " * 1_000)
    for broken in (packed[:-9], packed[:40], b"no gzip at all", packed[:-8] + bytes(8)):
        with pytest.raises(UnknownPacking):
            unpack("gzip", broken, 100)
    assert unpack("gzip", packed + bytes(7), 100) == b"hello " * 1_000
