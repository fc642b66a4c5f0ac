"""The chat widget in a real Chromium, against the whole platform.

The scenarios stand in services/gateway/ui/e2e; each runs in a browser of its own and says what it
saw as JSON. What the server holds is read here, over the REST API.
"""

import asyncio
import hmac
import json
import os
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from whole_platform import Shop, WholePlatform

from chatctl.gateway_api import GatewayApi
from chatctl.widget_build import UI
from embedded import free_port
from testkit import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

QUESTION = "How long do I have to return an item?"
SCENARIO_SECONDS = 150

Play = Callable[..., dict[str, Any]]
Hear = Callable[[str], object]


@pytest.fixture
def ports() -> dict[str, int]:
    """Where a scenario may listen."""
    return {name: free_port() for name in ("proxyPort", "hostPort", "foreignPort")}


@pytest.fixture
def desk(returns_shop: Shop, ports: dict[str, int]) -> "Desk":
    """A web channel of this test alone, and its agent."""
    return Desk(returns_shop, f"http://127.0.0.1:{ports['hostPort']}")


@pytest.fixture
def play(
    node: str, platform: WholePlatform, desk: "Desk", ports: dict[str, int], tmp_path: Path
) -> Play:
    """Play a scenario on a web channel of its own; fails with what the browser said."""

    def scenario(name: str, hear: Hear | None = None, **more: Any) -> dict[str, Any]:
        given = {
            "url": platform.url,
            "channel": desk.channel["external_id"],
            "question": QUESTION,
            "screenshots": os.environ.get("CHAT_SCREENSHOTS", str(tmp_path)),
            **ports,
            **more,
        }
        child = subprocess.Popen(
            [node, "e2e/run.mjs", name, json.dumps(given)],
            cwd=UI,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        deadline = threading.Timer(SCENARIO_SECONDS, child.kill)
        deadline.start()
        try:
            return outcome(child, hear)
        finally:
            deadline.cancel()
            child.kill()
            child.wait()

    return scenario


def outcome(child: "subprocess.Popen[str]", hear: Hear | None) -> dict[str, Any]:
    """Read what a scenario says; where it pauses, do what was asked and let it go on."""
    assert child.stdin is not None
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("{"):
            result: dict[str, Any] = json.loads(line)
            assert result["ok"], result.get("error")
            return result
        assert hear is not None, line
        hear(line.strip())
        child.stdin.write("go on\n")
        child.stdin.flush()
    raise AssertionError("the scenario ended without a result")


class Desk:
    """The agent's side of one web channel: what was said there, and what is said back."""

    def __init__(self, shop: Shop, origin: str) -> None:
        self.shop = shop
        self.tenant = f"/api/tenants/{shop.tenant_id}"
        settings = {"title": "Acme Outdoor", "allowed_origins": [origin]}
        body = {"channel_type": "webchat", "name": "Browser", "settings": settings}
        self.channel: dict[str, Any] = self.run(
            lambda api: api.post(f"{self.tenant}/channels", body)
        )

    def run(self, act: Callable[[GatewayApi], Awaitable[Any]]) -> Any:
        """Do something over the REST API."""

        async def once() -> Any:
            async with self.shop.api as api:
                return await act(api)

        return asyncio.run(once())

    async def say(self, api: GatewayApi, *bodies: dict[str, Any]) -> None:
        """Post messages in the channel's newest conversation, one after the other."""
        path = await self._messages(api)
        for body in bodies:
            await api.post(path, body)

    def said(self) -> list[dict[str, Any]]:
        """Every message of the channel's newest conversation."""

        async def read(api: GatewayApi) -> list[dict[str, Any]]:
            path = await self._messages(api)
            said: list[dict[str, Any]] = []
            while (page := await api.get(f"{path}?limit=200&after_seq={len(said)}"))["items"]:
                said += page["items"]
            return said

        return list(self.run(read))

    async def _messages(self, api: GatewayApi) -> str:
        conversations = f"{self.tenant}/conversations"
        found = await api.get(f"{conversations}?channel_id={self.channel['channel_id']}&limit=1")
        return f"{conversations}/{found['items'][0]['conversation_id']}/messages"

    def hear(self, line: str) -> None:
        """What scenarios ask for: `post <message>`, `read <text>`, `unread <text>`."""
        verb, _, rest = line.partition(" ")
        match verb:
            case "post":
                self.run(lambda api: self.say(api, json.loads(rest)))
            case "read":
                eventually(lambda: self._delivery_of(rest) == "read", f"{rest!r} is read", 20)
            case "unread":
                assert self._delivery_of(rest) != "read"
            case _:
                raise AssertionError(line)

    def _delivery_of(self, text: str) -> str:
        return str(next(said["delivery"] for said in self.said() if said["text"] == text))


def customer_texts(shop: Shop) -> list[str]:
    """Everything that customers said in any conversation of the shop."""

    async def read() -> list[str]:
        conversations = f"/api/tenants/{shop.tenant_id}/conversations"
        async with shop.api as api:
            return [
                message["text"]
                async for conversation in api.every(conversations)
                async for message in api.every(
                    f"{conversations}/{conversation['conversation_id']}/messages"
                )
                if message["role"] == "customer"
            ]

    return asyncio.run(read())


def test_a_visitor_asks_sees_the_answer_grow_and_where_it_comes_from(play: Play) -> None:
    seen = play("converse")
    assert "returns" in seen["title"].lower()
    assert "30 days" in seen["quote"]


def test_what_was_written_without_a_network_arrives_once(play: Play, returns_shop: Shop) -> None:
    play("networkCut")
    texts = customer_texts(returns_shop)
    for text in (
        "Written while offline: do you repair zips?",
        "Sent, but the answer was lost: is the tent waterproof?",
    ):
        assert texts.count(text) == 1


def test_an_unsent_message_outlives_its_page(play: Play, returns_shop: Shop) -> None:
    play("outboxSurvivesReload")
    assert customer_texts(returns_shop).count("Written, then the page was closed.") == 1


@pytest.mark.resilience
@pytest.mark.parametrize("service", ["gateway", "orchestrator", "llm-router", "channel-ingress"])
def test_a_visitor_is_answered_though_a_process_dies(
    play: Play, platform: WholePlatform, service: str
) -> None:
    def kill_and_revive(_: str) -> None:
        platform.service(service).kill()
        platform.revive(service)

    play("survivesKill", kill_and_revive)


def test_a_site_with_a_strict_policy_may_embed_it(play: Play) -> None:
    play("strictHost")


def test_a_site_that_the_channel_does_not_name_may_not(play: Play) -> None:
    play("foreignHost")


def test_it_has_no_serious_accessibility_fault(play: Play) -> None:
    play("accessible")


def test_files_arrive_and_are_shown_again(play: Play, desk: Desk) -> None:
    play("files")
    kinds = [said["content"]["kind"] for said in desk.said() if said["role"] == "customer"]
    assert kinds == ["image", "document", "image", "image"]


def test_a_file_that_the_channel_does_not_take_is_never_sent(play: Play) -> None:
    play("refusedFiles")


def test_an_upload_outlives_a_cut(play: Play) -> None:
    play("uploadSurvivesCut")


def test_a_voice_message_is_recorded_sent_and_heard(play: Play, desk: Desk) -> None:
    play("voice")
    voices = [said["content"] for said in desk.said() if said["role"] == "customer"]
    assert [voice["kind"] for voice in voices] == ["voice"]
    assert voices[0]["media"]["mime_type"].startswith("audio/")


def test_what_an_agent_offers_is_tapped_and_answered(play: Play, desk: Desk) -> None:
    play("choices", desk.hear)
    tapped = [said for said in desk.said() if said["role"] == "customer"][1:]
    assert [said["text"] for said in tapped] == ["M", "Yes, please", "Where is it?"]
    assert "label-yes" in tapped[1]["content"]["data"]


def test_what_was_seen_is_read_and_nothing_else(play: Play, desk: Desk) -> None:
    play("readMarks", desk.hear)


@pytest.mark.resilience
def test_many_messages_each_way_over_many_cuts_stand_once_and_in_order(
    play: Play, desk: Desk
) -> None:
    posting: list[threading.Thread] = []

    def hear(line: str) -> None:
        if line.startswith("start "):
            theirs = [{"text": f"theirs {number}"} for number in range(int(line.split()[1]))]
            posting.append(
                threading.Thread(target=desk.run, args=[lambda api: desk.say(api, *theirs)])
            )
            posting[0].start()
        else:
            posting[0].join(SCENARIO_SECONDS)

    seen = play("manyCuts", hear)
    for role, word in (("customer", "mine"), ("agent", "theirs")):
        said = [m["text"] for m in desk.said() if m["role"] == role and word in m["text"]]
        assert said == [f"{word} {number}" for number in range(seen["eachWay"])]


def test_a_signed_visitor_is_the_same_everywhere(play: Play, desk: Desk) -> None:
    path = f"{desk.tenant}/channels/{desk.channel['channel_id']}/identity-secret"
    secret = str(desk.run(lambda api: api.post(path, {}))["identity_secret"])
    issued_at = int(time.time())
    key = desk.channel["external_id"]
    lines = ["metachat-identity-1", key, "customer-4711", "ana@example.com", "Ana", str(issued_at)]
    identity = {
        "external_id": "customer-4711",
        "email": "ana@example.com",
        "name": "Ana",
        "issued_at": issued_at,
        "signature": hmac.new(secret.encode(), "\n".join(lines).encode(), "sha256").hexdigest(),
    }
    play("signedIn", identity=identity)
