"""One POST to receivers of every kind: what is sent, what is read, where it never goes."""

import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from standardwebhooks import Webhook

from egress import EgressPolicy
from sealing import KeyRing
from webhook_dispatcher.domain import ANSWER_BYTES_MAX, Code
from webhook_dispatcher.sender import Sender, open_webhook_session
from webhook_dispatcher.signing import new_secret, seal_secret
from webhook_dispatcher.store import Claimed

SECRET = new_secret()


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_webhook_session(EgressPolicy(allow_private_networks=True), 1.0) as opened:
        yield opened


@pytest.fixture
async def public_session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_webhook_session(EgressPolicy(allow_private_networks=False), 1.0) as opened:
        yield opened


def claimed(ring: KeyRing, url: str, *secrets: str) -> Claimed:
    tenant_id, endpoint_id = uuid4(), uuid4()
    return Claimed(
        delivery_id=uuid4(),
        tenant_id=tenant_id,
        endpoint_id=endpoint_id,
        event_id=uuid4(),
        claim=1,
        failures=0,
        created_at=now(),
        url=url,
        failing_since=None,
        event_type="message.received",
        body='{"text":"grüße"}',
        sealed_secrets=tuple(
            seal_secret(ring, secret, tenant_id, endpoint_id) for secret in secrets or (SECRET,)
        ),
    )


async def send(session: aiohttp.ClientSession, ring: KeyRing, delivery: Claimed) -> Any:
    policy = EgressPolicy(allow_private_networks=True)
    return await Sender(session, ring, policy, now).send(delivery)


async def test_a_delivery_verifies_with_both_secrets_of_a_rotation(
    session: aiohttp.ClientSession, ring: KeyRing, receiver: Any
) -> None:
    newer = new_secret()
    delivery = claimed(ring, f"{receiver.url}/ok", newer, SECRET)
    outcome = await send(session, ring, delivery)
    assert (outcome.code, outcome.status_code, outcome.answer) == (Code.DELIVERED, 200, "thanks")
    (post,) = receiver.posts
    assert post.headers["webhook-id"] == str(delivery.event_id)
    assert post.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    for secret in (SECRET, newer):
        assert Webhook(secret).verify(post.body, post.headers) == {"text": "grüße"}


@pytest.mark.parametrize(
    ("path", "code", "status"),
    [
        ("fail", Code.HTTP_ERROR, 500),
        ("gone", Code.GONE, 410),
        ("busy", Code.HTTP_ERROR, 429),
        ("redirect", Code.REDIRECT, 302),
        ("reset", Code.CONNECTION_FAILED, None),
        ("hang", Code.TIMEOUT, None),
    ],
)
async def test_what_a_bad_receiver_comes_to(
    session: aiohttp.ClientSession, ring: KeyRing, receiver: Any, path: str, code: Code, status: int
) -> None:
    outcome = await send(session, ring, claimed(ring, f"{receiver.url}/{path}"))
    assert (outcome.code, outcome.status_code) == (code, status)
    assert "\x00" not in outcome.answer
    assert not receiver.at("/secret")
    assert outcome.retry_after_seconds == (120.0 if path == "busy" else None)


async def test_of_an_endless_answer_only_the_beginning_is_read(
    session: aiohttp.ClientSession, ring: KeyRing, receiver: Any
) -> None:
    outcome = await send(session, ring, claimed(ring, f"{receiver.url}/huge"))
    assert outcome.code is Code.DELIVERED
    assert len(outcome.answer) == ANSWER_BYTES_MAX
    assert receiver.bytes_sent < 16 * 1024 * 1024


async def test_a_dripping_answer_does_not_hold_the_delivery(
    session: aiohttp.ClientSession, ring: KeyRing, receiver: Any
) -> None:
    started = perf_counter()
    outcome = await send(session, ring, claimed(ring, f"{receiver.url}/drip"))
    assert (outcome.code, outcome.status_code) == (Code.DELIVERED, 200)
    assert perf_counter() - started < 4


async def test_nobody_listens_or_the_name_is_unknown(
    session: aiohttp.ClientSession, ring: KeyRing
) -> None:
    refused = await send(session, ring, claimed(ring, "http://127.0.0.1:1/"))
    unknown = await send(session, ring, claimed(ring, "http://nowhere.invalid/"))
    assert refused.code is Code.CONNECTION_FAILED
    assert unknown.code is Code.UNRESOLVABLE


async def test_tls_that_cannot_be_trusted(
    session: aiohttp.ClientSession, ring: KeyRing, receiver: Any
) -> None:
    url = receiver.url.replace("http://", "https://")
    assert (await send(session, ring, claimed(ring, f"{url}/ok"))).code in {
        Code.TLS_ERROR,
        Code.CONNECTION_FAILED,
    }
    assert not receiver.posts


async def test_a_secret_of_another_endpoint_sends_nothing(
    session: aiohttp.ClientSession, ring: KeyRing, receiver: Any
) -> None:
    foreign = seal_secret(ring, SECRET, uuid4(), uuid4())
    delivery = claimed(ring, f"{receiver.url}/ok")
    stolen = Claimed(**{**_fields(delivery), "sealed_secrets": (foreign,)})
    assert (await send(session, ring, stolen)).code is Code.SECRET_UNREADABLE
    assert not receiver.posts


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
async def test_private_addresses_are_not_dialled(
    public_session: aiohttp.ClientSession, ring: KeyRing, receiver: Any, host: str
) -> None:
    port = receiver.url.rpartition(":")[2]
    outcome = await send(public_session, ring, claimed(ring, f"http://{host}:{port}/ok"))
    assert outcome.code is Code.BLOCKED_ADDRESS
    assert "127.0.0.1" not in outcome.answer
    assert not receiver.posts


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
async def test_odd_spellings_of_loopback_send_nothing(
    public_session: aiohttp.ClientSession, ring: KeyRing, receiver: Any, host: str
) -> None:
    port = receiver.url.rpartition(":")[2]
    outcome = await send(public_session, ring, claimed(ring, f"http://{host}:{port}/ok"))
    assert outcome.code in {Code.BLOCKED_ADDRESS, Code.INVALID_URL}
    assert not receiver.posts


class LyingResolver:
    """Answers with what a test prepared, and counts the questions."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.questions = 0

    async def __call__(self, _host: str, port: int, **_: Any) -> list[Any]:
        addresses = self.answers[min(self.questions, len(self.answers) - 1)]
        self.questions += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]


async def test_one_private_answer_refuses_the_whole_name(
    public_session: aiohttp.ClientSession, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = LyingResolver(["1.1.1.1", "10.0.0.7"])
    _resolve_with(monkeypatch, resolver)
    outcome = await send(public_session, ring, claimed(ring, "http://mixed.example/"))
    assert outcome.code is Code.BLOCKED_ADDRESS
    assert resolver.questions == 1


async def test_a_name_is_asked_once_and_the_checked_answer_is_dialled(
    session: aiohttp.ClientSession, ring: KeyRing, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = LyingResolver(["127.0.0.1"], ["10.0.0.7"])
    _resolve_with(monkeypatch, resolver)
    port = receiver.url.rpartition(":")[2]
    outcome = await send(session, ring, claimed(ring, f"http://rebinding.example:{port}/ok"))
    assert outcome.code is Code.DELIVERED
    assert resolver.questions == 1
    assert receiver.posts[0].headers["Host"] == f"rebinding.example:{port}"


def _resolve_with(monkeypatch: pytest.MonkeyPatch, resolver: LyingResolver) -> None:
    import asyncio

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolver)


def _fields(delivery: Claimed) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in Claimed.__slots__}
