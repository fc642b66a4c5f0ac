"""A program that speaks the widget's protocol, and the people at the other end."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from channel_desk import PNG, VOICE, channel_desk
from whole_platform import Shop
from widget_visitor import Visitor

QUESTION = "How long do I have to return an item?"


@pytest.fixture
async def visitor(returns_shop: Shop) -> AsyncIterator[Visitor]:
    async with channel_desk(returns_shop) as desk, aiohttp.ClientSession() as http:
        visiting = Visitor(desk, http)
        await visiting.connect()
        yield visiting
        await visiting.socket.disconnect()


async def test_a_visitors_files_reach_people_byte_by_byte_and_theirs_the_visitor(visitor: Visitor):
    desk = visitor.desk
    picture, note = await visitor.upload(PNG), await visitor.upload(VOICE)
    await visitor.say(text="This one is torn", media_ids=[picture])
    await visitor.say(media_ids=[note])
    for kind, data, text in (("image", PNG, "This one is torn"), ("voice", VOICE, "")):
        message = await desk.until(
            visitor, lambda m, kind=kind: (m["content"] or {}).get("kind") == kind, kind
        )
        assert message["text"] == text
        assert await desk.download(message["content"]["media"]["url"]) == data
    file = await desk.api.upload(f"{desk.tenant}/media", "label.png", PNG, "image/png")
    await desk.post(visitor, text="Use this label", media_ids=[file["media_id"]])
    shown = await visitor.hears("agent")
    (media,) = shown["extras"]["media"]
    assert (shown["text"], media["mime_type"]) == ("Use this label", "image/png")
    assert await desk.download(visitor.url + media["url"]) == PNG


async def test_a_tap_is_answered_and_what_was_seen_is_read(visitor: Visitor):
    desk = visitor.desk
    await visitor.say(text=QUESTION)
    answer = await visitor.hears("bot")
    assert "30 days" in answer["text"]
    offered = [{"payload": "more", "title": "What does shipping cost?"}]
    style = {"style": "buttons", "sections": [{"choices": offered}]}
    await desk.post(visitor, text="Anything else?", choices=style)
    shown = await visitor.hears("agent")
    (choice,) = shown["extras"]["choices"]["sections"][0]["choices"]
    await visitor.socket.emit("read", {"seq": shown["seq"]})
    await desk.hand_back(visitor)
    tap = {name: choice[name] for name in ("payload", "title")}
    visitor.heard.clear()
    await visitor.say(choice=tap, reply_to=shown["ref"])
    tapped = await desk.until(
        visitor, lambda m: (m["content"] or {}).get("kind") == "button_reply", "the tap"
    )
    assert tapped["text"] == "What does shipping cost?"
    assert "4.90" in (await visitor.hears("bot"))["text"]
    await desk.until(
        visitor, lambda m: m["role"] == "agent" and m["delivery"] == "read", "a read message"
    )
