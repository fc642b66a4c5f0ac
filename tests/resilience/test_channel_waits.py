"""What has to wait waits visibly and goes out once; what may not go out says why."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from channel_desk import INBOX_APP_ID, PNG, ChannelDesk, channel_desk
from whole_platform import Shop, WholePlatform

from testkit import eventually_async

QUESTION = "How long do I have to return an item?"
DAY_SECONDS = 24 * 3600


@pytest.fixture
async def desk(shop: Shop) -> AsyncIterator[ChannelDesk]:
    async with channel_desk(shop) as open_desk:
        yield open_desk


async def health(desk: ChannelDesk, level: str) -> dict[str, Any]:
    """Wait until the WhatsApp channel is of this level."""

    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = await desk.api.get(f"{desk.channel('whatsapp')}/health")
        return found if found["level"] == level else None

    found = await eventually_async(look, f"a {level} channel", 30)
    assert found is not None
    return found


async def test_a_dead_token_parks_replies_and_a_new_one_sends_them_once(desk: ChannelDesk):
    dead, fresh = (f"token-{uuid4().hex}" for _ in range(2))
    await desk.change("whatsapp", credentials={"access_token": dead})
    ana, ben = desk.customer(), desk.customer()
    await desk.meta.token(dead, "expired")
    await ana.say(QUESTION)
    waiting = await desk.until(ana, lambda m: m["delivery_code"], "a reason")
    assert (waiting["role"], waiting["delivery"]) == ("bot", "planned")
    assert waiting["delivery_code"] == "token_invalid"
    assert "token" in waiting["delivery_detail"]
    await ana.say("And what does shipping cost?")
    await desk.until(
        ana, lambda m: m["seq"] > waiting["seq"] and m["delivery_code"], "a second that waits"
    )
    await ben.say(QUESTION)
    await desk.until(ben, lambda m: m["delivery_code"] == "token_invalid", "another reason")
    red = await health(desk, "red")
    assert red["parked_sends"] >= 2
    worst = red["findings"][0]
    assert (worst["level"], worst["code"]) == ("red", "token_invalid")
    assert len(worst["detail"]) > 20
    assert await desk.sent_to(ana) == await desk.sent_to(ben) == []

    await desk.change("whatsapp", credentials={"access_token": fresh})
    for customer, seq in ((ana, 4), (ben, 2)):
        await desk.until(
            customer, lambda m, seq=seq: m["seq"] == seq and m["delivery"] == "read", "the last"
        )
    sent = [send.text for send in await desk.sent_to(ana)]
    said = [m for m in await desk.messages(ana) if m["role"] != "customer"]
    assert sent == [m["text"] for m in said]
    assert len(sent) == 2
    assert len(await desk.sent_to(ben)) == 1
    assert {(m["delivery_code"], m["delivery_detail"]) for m in said} == {(None, None)}
    healed = await desk.api.post(f"{desk.channel('whatsapp')}/check")
    assert (healed["level"], healed["parked_sends"]) == ("green", 0), healed["findings"]


async def test_outside_the_window_the_tenants_template_goes_out_by_itself(desk: ChannelDesk):
    ana = desk.customer()
    template = {
        "name": "come_back",
        "language": "en",
        "parameters": [{"component": "body", "text": "{{text}}"}],
    }
    await desk.change("whatsapp", settings={"reengagement_template": template})
    await ana.say(QUESTION, timestamp_seconds=int(time.time()) - DAY_SECONDS - 3600)
    sent = await ana.reply()
    assert (sent.kind, sent.body["template"]["name"]) == ("template", "come_back")
    answer = await desk.until(ana, lambda m: m["plan"], "a planned answer")
    assert answer["plan"]["decision"] == "template"
    assert answer["plan"]["rule"] == "reengagement_template"
    words = sent.body["template"]["components"][0]["parameters"][0]["text"]
    assert words.split()[:3] == answer["text"].split()[:3]
    assert len(await desk.sent_to(ana)) == 1


async def test_outside_the_window_without_a_template_it_fails_and_says_why(desk: ChannelDesk):
    ana = desk.customer()
    await ana.say(QUESTION, timestamp_seconds=int(time.time()) - DAY_SECONDS - 3600)
    failed = await desk.until(ana, lambda m: m["delivery"] == "failed", "a failed answer")
    assert failed["delivery_code"] == "window_closed"
    assert "24 hours" in failed["delivery_detail"]
    assert failed["plan"]["decision"] == "refuse"
    assert await desk.sent_to(ana) == []
    await ana.say("Are you still there?")
    assert (await ana.reply()).kind == "text"


async def test_what_comes_while_nobody_reads_it_is_there_afterwards(
    platform: WholePlatform, desk: ChannelDesk
):
    ana, ben = desk.customer(), desk.page_visitor()
    platform.service("channel-ingress").kill()
    try:
        liked = f"wamid.{uuid4().hex}"
        await ana.react(liked)
        await ana.file(PNG, mime_type="image/png", caption="Look")
        await ana.say(QUESTION, message_ids=[liked])
        await ben.send("echo", text="Mia here.", app_id=INBOX_APP_ID)
        await ben.say(QUESTION)
    finally:
        await asyncio.to_thread(platform.revive, "channel-ingress")
    picture = await desk.until(
        ana, lambda m: m["content"] and m["content"]["media"]["state"] == "stored", "a picture"
    )
    assert await desk.download(picture["content"]["media"]["url"]) == PNG
    question = await desk.until(ana, lambda m: m["changes"], "the reaction")
    assert (question["provider_message_id"], picture["text"]) == (liked, "Look")
    await desk.until(
        ana, lambda m: m["seq"] > question["seq"] and m["delivery"] == "read", "a read answer"
    )
    answers = [m["text"] for m in await desk.messages(ana) if m["role"] == "bot"]
    assert [send.text for send in await desk.sent_to(ana)] == answers
    assert {m["text"] for m in await desk.messages(ben)} == {"Mia here.", QUESTION}
