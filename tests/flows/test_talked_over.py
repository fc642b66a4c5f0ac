"""The bot never talks over people: taken in the middle of an answer, and given back."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from channel_desk import ChannelDesk, channel_desk
from whole_platform import Shop
from widget_visitor import Visitor

PROMISE = "Your parcel 4711 leaves on Tuesday."
LONG = " ".join(f"word{number}" for number in range(60))


@pytest.fixture
async def visitor(desk_shop: Shop) -> AsyncIterator[Visitor]:
    async with channel_desk(desk_shop) as desk, aiohttp.ClientSession() as http:
        visiting = Visitor(desk, http)
        await visiting.connect()
        yield visiting
        await visiting.socket.disconnect()


def prompts_about(desk: ChannelDesk, words: str) -> list[str]:
    """What the model was asked lately with these words in it."""
    platform = desk.shop.platform
    calls = platform.simulator(platform.providers_url, "calls?limit=5")["calls"]
    told = ("\n".join(str(one["content"]) for one in call["body"]["messages"]) for call in calls)
    return [prompt for prompt in told if words in prompt]


async def test_half_an_answer_is_taken_back_and_the_bot_learns_what_was_said(visitor: Visitor):
    desk = visitor.desk
    async with desk.slow_model(0) as model:
        await model.script({"text": LONG, "chunk_delay_ms": 150})
        await visitor.say(text="Where is my parcel?")
        await visitor.sees("delta")
        path = await desk.path(visitor)
        await desk.api.put(path, {"assignee": "Mia"})
        await visitor.sees("withdrawn")
        await desk.post(visitor, text=PROMISE, author="Mia")
        await visitor.hears("agent")
        await model.answered()
    kinds = [kind for kind, _ in visitor.stream if kind != "customer"]
    late = kinds[kinds.index("withdrawn") + 1 :]
    # Words that were on the wire already: the widget drops what comes of a turn taken back.
    assert late in (["agent"], ["delta", "agent"]), "nothing of the bot after it"
    assert set(kinds[: kinds.index("withdrawn")]) == {"delta"}
    assert [m["role"] for m in await desk.messages(visitor)] == ["customer", "agent"]
    await desk.hand_back(visitor)
    await visitor.say(text="Which day was that?")
    await visitor.hears("bot")
    prompts = prompts_about(desk, "Which day was that?")
    assert prompts
    assert all(PROMISE in prompt for prompt in prompts)
    assert await desk.standing(visitor) == "bot"
