"""Which files are fetched, what follows from each try, and what a file may be."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import orjson
import pytest

from channel_ingress.media import (
    MISMATCHES_MAX,
    REFUSALS_MAX,
    Again,
    Dead,
    NotFetched,
    Trouble,
    decide,
    rest_seconds,
    sha256_of,
    wanted_file,
)
from channel_ingress.media_addresses import LINKS, AddressRefused, MediaAddresses
from channel_ingress.media_types import TypeMismatch, checked_type
from contracts.v1.shapes import MediaRef, MessageContent
from egress import BlockedAddress

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WEEK = NOW + timedelta(days=7)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)
OGG = b"OggS" + bytes(64)
SUFFIXES = (".whatsapp.net", ".fbcdn.net", ".fbsbx.com")


def content(
    data: object, provider_media_id: str | None = None, **changes: object
) -> MessageContent:
    fields = {"media_id": uuid4(), "state": "pending", "sha256": None, **changes}
    media = MediaRef(
        provider_media_id=provider_media_id,
        mime_type="image/png",
        file_name="a.png",
        size_bytes=None,
        **fields,
    )
    text = None if data is None else orjson.dumps(data).decode()
    return MessageContent(kind="image", text=None, media=media, data=text)


def test_a_file_is_asked_for_by_its_id_with_the_hash_that_was_given() -> None:
    digest = hashlib.sha256(PNG)
    source = {"id": "7", "sha256": base64.b64encode(digest.digest()).decode(), "file_size": "40"}
    file = wanted_file(content(source, "7"))
    assert file is not None
    assert (file.provider_media_id, file.url) == ("7", None)
    assert (file.sha256, file.size_bytes) == (digest.hexdigest(), 40)


def test_a_file_is_asked_for_by_its_link() -> None:
    for data in ({"url": "https://x"}, {"payload": {"url": "https://x"}}, [{"url": "https://x"}]):
        file = wanted_file(content(data))
        assert file is not None
        assert file.url == "https://x"


@pytest.mark.parametrize(
    "nothing",
    [
        MessageContent(kind="text", text="hi", media=None, data=None),
        content({"url": "https://x"}, state=None),
        content({"url": "https://x"}, media_id=None),
        content({"url": "https://x"}, state="stored", sha256="a" * 64),
        content({"url": 7}),
        content(None),
        content([]),
        content("no object"),
        content({"url": "https://x/" + "y" * 5_000}),
    ],
)
def test_what_has_no_handle_or_is_here_is_not_fetched(nothing: MessageContent) -> None:
    assert wanted_file(nothing) is None


def test_a_hash_is_read_as_hex_or_base64() -> None:
    digest = hashlib.sha256(b"x")
    encoded = base64.b64encode(digest.digest()).decode()
    for text in (digest.hexdigest(), digest.hexdigest().upper(), encoded):
        assert sha256_of(text) == digest.hexdigest()
    urlsafe = base64.urlsafe_b64encode(digest.digest()).decode()
    assert sha256_of(urlsafe) == digest.hexdigest()
    for nothing in (None, 7, "", "abc", "<HASH>", "a" * 63):
        assert sha256_of(nothing) is None


@pytest.mark.parametrize(
    ("trouble", "problem"),
    [
        ("gone", "expired"),
        ("refused", "refused"),
        ("too_large", "too_large"),
        ("type_mismatch", "type_mismatch"),
    ],
)
def test_what_cannot_pass_ends_at_once(trouble: Trouble, problem: str) -> None:
    decision = decide(NotFetched(trouble, "why"), 1, NOW, WEEK)
    assert isinstance(decision, Dead)
    assert decision.problem == problem
    assert "why" in decision.detail


@pytest.mark.parametrize(
    ("trouble", "problem"), [("hash_mismatch", "hash_mismatch"), ("incomplete", "unreadable")]
)
def test_a_transfer_may_have_gone_wrong_so_it_is_repeated(trouble: Trouble, problem: str) -> None:
    for failures in range(1, MISMATCHES_MAX):
        assert isinstance(decide(NotFetched(trouble, ""), failures, NOW, WEEK), Again)
    decision = decide(NotFetched(trouble, ""), MISMATCHES_MAX, NOW, WEEK)
    assert isinstance(decision, Dead)
    assert decision.problem == problem


@pytest.mark.parametrize("trouble", ["network", "ours"])
def test_trouble_that_may_pass_is_tried_until_the_id_dies(trouble: Trouble) -> None:
    now, failures, pauses = NOW, 0, []
    while True:
        failures += 1
        decision = decide(NotFetched(trouble, "away"), failures, now, WEEK)
        if isinstance(decision, Dead):
            break
        pauses.append(decision.pause_seconds)
        now += timedelta(seconds=decision.pause_seconds)
    assert pauses[:-1] == sorted(pauses[:-1]), "pauses grow"
    assert max(pauses) == 6 * 3_600
    assert timedelta(0) < WEEK - now <= timedelta(seconds=60), "the last try is shortly before"
    assert (decision.problem, failures < 60) == ("expired", True)


def test_a_dead_token_is_no_failure_of_the_file() -> None:
    decision = decide(NotFetched("token", "190"), 50, NOW, WEEK)
    assert decision == Again(2.0, counts=False)
    assert rest_seconds("token", 1)
    assert rest_seconds("busy", 1)


def test_a_channel_rests_before_the_provider_blocks_it() -> None:
    assert rest_seconds("gone", REFUSALS_MAX - 1) is None
    assert (rest_seconds("gone", REFUSALS_MAX) or 0) >= 1_800
    assert rest_seconds("network", 99) is None


@pytest.mark.parametrize(
    ("kind", "declared", "head", "filed"),
    [
        ("image", "image/png", PNG, "image/png"),
        ("image", "image/jpeg", PNG, "image/png"),
        ("image", None, PNG, "image/png"),
        ("voice", "audio/ogg; codecs=opus", OGG, "audio/ogg"),
        ("audio", "audio/aac", b"\xff\xf1\x50\x80", "audio/aac"),
        ("audio", "audio/mpeg", b"\xff\xfb\x90\x00", "audio/mpeg"),
        ("video", "video/mp4", b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
        ("sticker", "image/webp", b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        ("document", "application/pdf", b"%PDF-1.7", "application/pdf"),
        ("document", "application/pdf", b"\r\n\r\n%PDF-1.7", "application/pdf"),
        ("document", "text/plain", "Grüße".encode(), "text/plain"),
        ("document", None, b"???", "application/octet-stream"),
        (
            "document",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            b"PK\x03\x04....",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
    ],
)
def test_a_file_is_filed_under_its_type(
    kind: str, declared: str | None, head: bytes, filed: str
) -> None:
    assert checked_type(kind, declared, head) == filed


@pytest.mark.parametrize(
    ("kind", "declared", "head"),
    [
        ("image", "image/png", b"<html><body>sign in</body></html>"),
        ("image", "image/png", b"MZ\x90\x00"),
        ("image", None, OGG),
        ("image", "image/jpeg", b"whatever"),
        ("audio", "audio/ogg", b"<!DOCTYPE html>"),
        ("document", "application/pdf", b"MZ\x90\x00"),
        ("document", "application/pdf", b"whatever"),
        ("document", "text/plain", b"\x7fELF"),
        ("document", "application/msword", b"MZ\x90\x00"),
    ],
)
def test_a_file_that_is_something_else_is_refused(
    kind: str, declared: str | None, head: bytes
) -> None:
    with pytest.raises(TypeMismatch):
        checked_type(kind, declared, head)


def test_files_come_from_the_providers_hosts_only() -> None:
    addresses = MediaAddresses("http://127.0.0.1:9100/v23.0", SUFFIXES)
    for allowed in (
        "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1",
        "https://scontent.xx.fbcdn.net/v/a.png?oh=1",
        "http://127.0.0.1:9100/v23.0/_media/x",
    ):
        addresses.check(allowed)


@pytest.mark.parametrize(
    "link",
    [
        "https://example.org/a.png",
        "https://fbcdn.net.example.org/a.png",
        "https://evilfbcdn.net/a.png",
        "http://scontent.fbcdn.net/a.png",
        "https://scontent.fbcdn.net:8443/a.png",
        "https://user@scontent.fbcdn.net/a.png",
        "https://scontent.fbcdn.net@example.org/a.png",
        "https://example.org\\@scontent.fbcdn.net/a.png",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/a.png",
        "http://127.0.0.1:9101/v23.0/_media/x",
        "http://localhost:9100/v23.0/_media/x",
        "file:///etc/passwd",
        "gopher://scontent.fbcdn.net",
        "//scontent.fbcdn.net/a.png",
        "https://",
        "",
    ],
)
def test_other_addresses_are_refused(link: str) -> None:
    with pytest.raises(AddressRefused):
        MediaAddresses("http://127.0.0.1:9100/v23.0", SUFFIXES).check(link)


def test_a_link_never_leads_to_an_address_that_is_not_public() -> None:
    LINKS.check_address("157.240.1.1")
    for address in ("127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "64:ff9b::7f00:1"):
        with pytest.raises(BlockedAddress):
            LINKS.check_address(address)
