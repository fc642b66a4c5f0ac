"""The takeover race from the outside: when the API has answered, no bot message leaves any more.

In CI a dozen moments; CHAT_TEST_FULL=1 tries every millisecond of a turn.
"""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from channel_desk import ChannelDesk, channel_desk
from whole_platform import Shop

from simulators.meta.customer import Customer

FULL = os.environ.get("CHAT_TEST_FULL") == "1"
MOMENTS_MILLISECONDS = list(range(120)) if FULL else list(range(0, 120, 10))
AT_ONCE = 4
WAYS = (
    {"status": "assigned_human"},
    {"owner_kind": "integrator"},
    {"assignee": "mia"},
    {"owner_kind": "nobody"},
)


@pytest.fixture
async def desk(model_shop: Shop) -> AsyncIterator[ChannelDesk]:
    async with channel_desk(model_shop) as open_desk:
        yield open_desk


async def race(desk: ChannelDesk, number: int, milliseconds: int) -> tuple[Customer, int]:
    """Somebody takes over so long after a question; how many messages had left when it was theirs.

    A person's own words count as a takeover, too.
    """
    customer = desk.customer() if number % 2 else desk.page_visitor()
    await customer.say("Hello")
    await customer.reply()
    path = await desk.path(customer)
    await customer.say("Where is my parcel?")
    await asyncio.sleep(milliseconds / 1000)
    way = number % (len(WAYS) + 1)
    if way < len(WAYS):
        await desk.api.put(path, WAYS[way])
    else:
        await desk.post(customer, text="Mia here.", author="mia")
    return customer, len(await bot_messages(desk, customer))


async def bot_messages(desk: ChannelDesk, customer: Customer) -> list[str]:
    """What the provider accepted of the bot's words."""
    return [send.text for send in await desk.sent_to(customer) if send.text != "Mia here."]


@pytest.mark.timeout(300)
async def test_no_bot_message_leaves_after_the_takeover_was_answered(
    desk: ChannelDesk, capsys: pytest.CaptureFixture[str]
):
    gate, raced = asyncio.Semaphore(AT_ONCE), []

    async def one(number: int, milliseconds: int) -> None:
        async with gate:
            raced.append(await race(desk, number, milliseconds))

    await asyncio.gather(*(one(*moment) for moment in enumerate(MOMENTS_MILLISECONDS)))
    later = desk.customer()
    await later.say("Is everybody served?")
    await later.reply()
    late = [
        customer.key
        for customer, had_left in raced
        if len(await bot_messages(desk, customer)) != had_left
    ]
    answered = sum(had_left > 1 for _, had_left in raced)
    with capsys.disabled():
        print(
            f" [{len(raced)} takeovers: {answered} after the answer, {len(raced) - answered}"
            f" before it, {len(late)} bot messages after a takeover]",
            end="",
        )
    assert late == []
