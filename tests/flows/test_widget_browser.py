"""The chat widget in a real Chromium, against the whole platform.

The scenarios stand in services/gateway/ui/e2e; each runs in a browser of its own and says what it
saw as JSON. What the server holds is read here, over the REST API.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from whole_platform import Shop, WholePlatform

from chatctl.run_folder import RunFolder
from chatctl.widget_build import UI, build_widget, node_and_npm, widget_is_current
from embedded import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

QUESTION = "How long do I have to return an item?"
SCENARIO_SECONDS = 150
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

Play = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def node() -> str:
    """The node that plays the scenarios, with the widget built and its packages installed."""
    if not os.environ.get("CHAT_CHROMIUM") and not any(map(shutil.which, BROWSERS)):
        if os.environ.get("CI"):
            pytest.fail("no Chromium on a CI machine: .ci/run installs it")
        pytest.skip("no Chromium here: apt-get install chromium, or name one in CHAT_CHROMIUM")
    folder = RunFolder.default()
    if not (UI / "node_modules/playwright-core").exists() or not widget_is_current(folder):
        build_widget(folder)
    programs, _ = node_and_npm()
    return str(programs / "node")


@pytest.fixture
def play(
    node: str, platform: WholePlatform, returns_shop: Shop, tmp_path: Path
) -> Callable[..., dict[str, Any]]:
    """Play a scenario on a web channel of its own; fails with what the browser said."""
    ports = {"proxyPort": free_port(), "hostPort": free_port(), "foreignPort": free_port()}
    channel = web_channel(returns_shop, f"http://127.0.0.1:{ports['hostPort']}")

    def scenario(name: str, on_the_way: Callable[[], object] | None = None) -> dict[str, Any]:
        given = {
            "url": platform.url,
            "channel": channel,
            "question": QUESTION,
            "screenshots": os.environ.get("CHAT_SCREENSHOTS", str(tmp_path)),
            **ports,
        }
        child = subprocess.Popen(
            [node, "e2e/run.mjs", name, json.dumps(given)],
            cwd=UI,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            return outcome(child, on_the_way)
        finally:
            child.kill()
            child.wait()

    return scenario


def outcome(
    child: "subprocess.Popen[str]", on_the_way: Callable[[], object] | None
) -> dict[str, Any]:
    """Read what a scenario says; where it pauses, do what was asked and let it go on."""
    assert child.stdin is not None
    if on_the_way is not None:
        assert child.stdout is not None
        paused = child.stdout.readline()
        assert not paused.startswith("{"), paused
        on_the_way()
        child.stdin.write("go on\n")
        child.stdin.flush()
    said, _ = child.communicate(timeout=SCENARIO_SECONDS)
    assert said.strip(), "the scenario said nothing"
    result: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    assert child.returncode == 0, result.get("error")
    return result


def web_channel(shop: Shop, origin: str) -> str:
    """Make a web channel that a page of `origin` may embed; its public key."""

    async def make() -> str:
        settings = {"title": "Acme Outdoor", "allowed_origins": [origin]}
        body = {"channel_type": "webchat", "name": "Browser", "settings": settings}
        async with shop.api as api:
            made = await api.post(f"/api/tenants/{shop.tenant_id}/channels", body)
        return str(made["external_id"])

    return asyncio.run(make())


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
    def kill_and_revive() -> None:
        platform.service(service).kill()
        platform.revive(service)

    play("survivesKill", kill_and_revive)


def test_a_site_with_a_strict_policy_may_embed_it(play: Play) -> None:
    play("strictHost")


def test_a_site_that_the_channel_does_not_name_may_not(play: Play) -> None:
    play("foreignHost")


def test_it_has_no_serious_accessibility_fault(play: Play) -> None:
    play("accessible")
