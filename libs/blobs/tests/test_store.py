"""The same behaviour for a folder and for memory."""

import asyncio
import hashlib
from pathlib import Path
from tempfile import SpooledTemporaryFile

import pytest

from blobs import BlobCorrupt, BlobMissing, Blobs, InvalidBlobAddress

HELLO = hashlib.sha256(b"hello").hexdigest()


@pytest.fixture(params=["memory", "folder"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "memory":
        return Blobs.open("memory://")
    return Blobs.open(f"file://{tmp_path}/with%20space/blobs")


async def test_put_names_bytes_by_their_hash(blobs: Blobs) -> None:
    assert await blobs.put(b"hello") == HELLO
    assert await blobs.get(HELLO) == b"hello"
    assert await blobs.exists(HELLO)


async def test_putting_twice_is_putting_once(blobs: Blobs) -> None:
    await asyncio.gather(*(blobs.put(b"hello") for _ in range(8)))
    assert await blobs.get(HELLO) == b"hello"


async def test_a_file_is_put_as_its_bytes_are(blobs: Blobs) -> None:
    for data in (b"", b"hello", bytes(range(256)) * 60_000):
        with SpooledTemporaryFile(max_size=1024) as file:
            file.write(data)
            name = await blobs.put_file(file)
        assert name == hashlib.sha256(data).hexdigest()
        assert await blobs.get(name) == data


async def test_empty_and_large_blobs(blobs: Blobs) -> None:
    for data in (b"", bytes(range(256)) * 20_000):
        assert await blobs.get(await blobs.put(data)) == data


async def test_large_blobs_are_read_bit_by_bit_and_in_parts(blobs: Blobs) -> None:
    for data in (b"", b"hello", bytes(range(256)) * 4_001):
        name = await blobs.put(data)
        assert await blobs.size(name) == len(data)
        assert b"".join([piece async for piece in blobs.pieces(name)]) == data
    part = [piece async for piece in blobs.pieces(name, 255, 700_000)]
    assert b"".join(part) == data[255:700_000]


async def test_the_end_of_what_was_changed_is_not_given(tmp_path: Path) -> None:
    data = bytes(range(256)) * 4_000
    name = await Blobs.open(f"file://{tmp_path}").put(data)
    (tmp_path / "sha256" / name[:2] / name).write_bytes(b"x" + data[1:])
    got = 0
    with pytest.raises(BlobCorrupt):
        async for piece in Blobs.open(f"file://{tmp_path}").pieces(name):
            got += len(piece)
    assert 0 < got < len(data)


async def test_missing_blob(blobs: Blobs) -> None:
    assert not await blobs.exists(HELLO)
    with pytest.raises(BlobMissing):
        await blobs.get(HELLO)
    with pytest.raises(BlobMissing):
        await blobs.size(HELLO)
    with pytest.raises(BlobMissing):
        [piece async for piece in blobs.pieces(HELLO)]


async def test_delete_is_idempotent(blobs: Blobs) -> None:
    await blobs.put(b"hello")
    await blobs.delete(HELLO)
    await blobs.delete(HELLO)
    assert not await blobs.exists(HELLO)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", HELLO.upper(), HELLO + "/x", HELLO[:-1]])
async def test_names_that_are_not_hashes_are_refused(blobs: Blobs, name: str) -> None:
    with pytest.raises(InvalidBlobAddress):
        await blobs.get(name)


async def test_changed_bytes_are_noticed(tmp_path: Path) -> None:
    blobs = Blobs.open(f"file://{tmp_path}")
    await blobs.put(b"hello")
    stored = tmp_path / "sha256" / HELLO[:2] / HELLO
    stored.write_bytes(b"hullo")
    with pytest.raises(BlobCorrupt):
        await blobs.get(HELLO)


async def test_a_folder_is_shared_by_processes(tmp_path: Path) -> None:
    await Blobs.open(f"file://{tmp_path}").put(b"hello")
    assert await Blobs.open(f"file://{tmp_path}").get(HELLO) == b"hello"


@pytest.mark.parametrize(
    "url", ["", "/folder", "file://", "file://host/folder", "s3://", "ftp://x/y"]
)
def test_unknown_addresses_are_refused(url: str) -> None:
    with pytest.raises(InvalidBlobAddress):
        Blobs.open(url)
