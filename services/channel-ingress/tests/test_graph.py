"""What is known of a call's effect, answer by answer; and sends that must not be made."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import pytest
from aiohttp import web

from channel_ingress.adapters import GRAPH_ADAPTERS
from channel_ingress.credentials import Credentials, CredentialsUnreadable
from channel_ingress.domain import Accepted, CallResult, Failed, NotSent, Refused, Retry, Unanswered
from channel_ingress.graph import GraphClient
from channel_ingress.known_channels import KnownChannels
from channel_ingress.media_upload import MediaUploads
from channel_ingress.send_store import Claim
from channel_ingress.sender import STALL_SECONDS, Sender
from channel_ingress.store import SendingChannel, Store
from contracts.v1.sending import OutgoingBody, SendMessage
from sealing import KeyRing

RING = KeyRing.from_text("k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
WHATSAPP = GRAPH_ADAPTERS["whatsapp"]
ANSWERS: dict[str, tuple[int, str]] = {
    "accepted": (200, '{"messages": [{"id": "wamid.1"}]}'),
    "refused": (400, '{"error": {"message": "no", "code": 131026}}'),
    "trouble": (500, '{"error": {"message": "oh", "code": 2}}'),
    "odd_words": (400, '{"error": {"message": "a\\u0000b", "code": 131026}}'),
    "endless_code": (400, '{"error": {"message": "no", "code": 99999999999}}'),
    "html": (502, "<html>Bad Gateway</html>"),
    "html_404": (404, "<html>Not Found</html>"),
    "empty": (200, ""),
    "without_id": (200, '{"messages": []}'),
    "list": (200, "[]"),
    "redirect": (302, ""),
}


@pytest.fixture
async def server() -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name == "hang_up":
            assert request.transport is not None
            request.transport.abort()
        status, text = ANSWERS.get(name, (200, ""))
        return web.Response(status=status, text=text, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.add_routes([web.post("/v23.0/{name}", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield "http://{}:{}".format(*runner.addresses[0][:2])
    await runner.cleanup()


async def call(url: str, name: str) -> CallResult:
    graph = GraphClient.open(url, "v23.0")
    try:
        return await graph.send(WHATSAPP, name, {}, "token")
    finally:
        await graph.close()


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("accepted", Accepted("wamid.1")),
        ("refused", Refused(400, 131026, "no")),
        ("trouble", Refused(500, 2, "oh")),
        ("html", Unanswered("HTTP 502 without a Graph error")),
        ("html_404", Refused(404, -404, "HTTP 404 without a Graph error")),
        ("empty", Unanswered("HTTP 200 without a message id")),
        ("without_id", Unanswered("HTTP 200 without a message id")),
        ("list", Unanswered("HTTP 200 without a message id")),
        ("redirect", Unanswered("HTTP 302 without a Graph error")),
        ("odd_words", Refused(400, 131026, "a\ufffdb")),
        ("endless_code", Refused(400, -400, "HTTP 400 without a Graph error")),
        ("hang_up", Unanswered("ServerDisconnectedError")),
    ],
)
async def test_what_an_answer_proves(server: str, name: str, result: CallResult) -> None:
    assert await call(server, name) == result


async def test_a_refused_connection_proves_that_nothing_was_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert isinstance(await call(f"http://127.0.0.1:{port}", "x"), NotSent)
    assert isinstance(await call("http://no-such-host.invalid", "x"), NotSent)


def channel(**changes: Any) -> SendingChannel:
    tenant_id, channel_id = uuid4(), uuid4()
    sealed = RING.seal(b'{"access_token": "secret"}', f"channel:{tenant_id}:{channel_id}")
    fields: dict[str, Any] = {
        "channel_id": channel_id,
        "tenant_id": tenant_id,
        "channel_type": "whatsapp",
        "external_id": "1",
        "state": "active",
        "sealed_credentials": sealed,
        "revision": 1,
        **changes,
    }
    return SendingChannel(**fields)


def test_credentials_open_only_for_their_own_channel() -> None:
    ours = channel()
    assert Credentials(RING).access_token(ours) == "secret"
    moved = channel(sealed_credentials=ours.sealed_credentials)
    with pytest.raises(CredentialsUnreadable):
        Credentials(RING).access_token(moved)
    with pytest.raises(CredentialsUnreadable):
        Credentials(RING).access_token(channel(sealed_credentials=None))


def command(of: SendingChannel) -> SendMessage:
    return SendMessage.make(
        tenant_id=of.tenant_id,
        send_id=uuid4(),
        conversation_id=uuid4(),
        channel_id=of.channel_id,
        channel_type="whatsapp",
        contact_external_id="2",
        recorded_message_id=uuid4(),
        seq=2,
        author="bot",
        turn_id=None,
        ownership_number=1,
        body=OutgoingBody(text="Hi", citations=[]),
        reply_to=None,
        created_at=datetime.now(UTC),
    )


class NoGraph:
    """A Graph client that must not be called."""

    async def send(self, *_: object) -> CallResult:
        raise AssertionError("called")


def sender_without_graph() -> Sender:
    nothing = cast("Any", None)
    uploads = MediaUploads(nothing, nothing, nothing, nothing, nothing)
    return Sender(nothing, cast("GraphClient", NoGraph()), Credentials(RING), uploads)


async def test_a_process_that_stood_still_does_not_call() -> None:
    ours = channel()
    sender = sender_without_graph()
    late = time.monotonic() - STALL_SECONDS - 1
    outcome = await sender._call(Claim(command(ours), 1, 0, ours, claimed_at=late))
    assert isinstance(outcome, Retry)


async def test_a_removed_channel_is_not_called() -> None:
    removed = channel(state="removed")
    sender = sender_without_graph()
    outcome = await sender._call(Claim(command(removed), 1, 0, removed))
    assert isinstance(outcome, Failed)
    assert outcome.action.code == "channel_disabled"


class CountingStore:
    """A store that counts look-ups."""

    def __init__(self, *channels: SendingChannel) -> None:
        self.channels, self.asked = channels, 0

    async def find_channel(self, _: object, channel_id: object) -> SendingChannel | None:
        self.asked += 1
        return next((one for one in self.channels if one.channel_id == channel_id), None)

    async def find_channels(self, _: object, kind: str, wanted: list[str]) -> list[SendingChannel]:
        self.asked += 1
        return [one for one in self.channels if one.external_id in wanted]


async def test_channels_are_known_for_a_while_and_only_to_their_tenant() -> None:
    ours, now = channel(), [0.0]
    store, tx = CountingStore(ours), cast("Any", None)
    known = KnownChannels(cast("Store", store), lambda: now[0])
    for _ in range(3):
        assert await known.of_tenant(tx, ours.channel_id, ours.tenant_id) == ours
        assert await known.at_addresses(tx, "whatsapp", ["1"]) == {"1": ours}
    assert store.asked == 2
    assert await known.of_tenant(tx, ours.channel_id, uuid4()) is None
    assert await known.at_addresses(tx, "whatsapp", ["unknown"]) == {}
    now[0] = 6.0
    await known.of_tenant(tx, ours.channel_id, ours.tenant_id)
    assert store.asked == 4
    known.forget()
    await known.of_tenant(tx, ours.channel_id, ours.tenant_id)
    assert store.asked == 5
