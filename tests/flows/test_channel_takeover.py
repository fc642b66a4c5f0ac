"""Who speaks: the bot, a person here, or the business by another way than ours."""

from collections.abc import AsyncIterator

import pytest
from channel_desk import INBOX_APP_ID, ChannelDesk, channel_desk
from whole_platform import Shop

from simulators.meta.customer import Customer
from testkit import eventually_async

OUR_APP_ID = "1357913579"


@pytest.fixture
async def desk(model_shop: Shop) -> AsyncIterator[ChannelDesk]:
    async with channel_desk(model_shop) as open_desk:
        yield open_desk


async def is_owned(desk: ChannelDesk, customer: Customer, owner: str) -> None:
    """Wait until this one answers the customer."""

    async def look() -> bool:
        return await desk.standing(customer) == owner

    await eventually_async(look, f"{owner} answers")


async def test_the_phone_app_silences_the_bot_even_in_the_middle_of_an_answer(desk: ChannelDesk):
    ana = desk.customer()
    async with desk.slow_model(1_000) as model:
        await ana.say("Where is my parcel?")
        await model.asked()
        await ana.send("echo", text="I am looking into it myself.")
        await is_owned(desk, ana, "human")
        await ana.say("Thank you!")
        await desk.until(ana, lambda m: m["text"] == "Thank you!", "the thanks")
        await model.answered()
    assert [m["role"] for m in await desk.messages(ana)] == ["customer", "agent", "customer"]
    echo = (await desk.messages(ana))[1]
    assert (echo["text"], echo["author"]) == (
        "I am looking into it myself.",
        "WhatsApp Business app",
    )
    await desk.hand_back(ana)
    assert "Thank you!" in (await ana.reply()).text
    assert [m["role"] for m in await desk.messages(ana)][3:] == ["bot"]
    assert len(await desk.sent_to(ana)) == 1


async def test_our_own_echoes_silence_nobody(desk: ChannelDesk):
    ben = desk.page_visitor()
    for text in ("Hello", "Hello again"):
        await ben.say(text)
        assert text in (await ben.reply()).text
    assert await desk.standing(ben) == "bot"


async def test_the_pages_inbox_silences_the_bot_until_it_is_handed_back(desk: ChannelDesk):
    ben = desk.page_visitor()
    await ben.say("Hello")
    await ben.reply()
    await ben.send("echo", text="Mia here, one moment.", app_id=INBOX_APP_ID)
    await is_owned(desk, ben, "human")
    await ben.say("I wait")
    await desk.until(ben, lambda m: m["text"] == "I wait", "what is not answered")
    await desk.hand_back(ben)
    assert "I wait" in (await ben.reply()).text
    said = [(m["role"], m["text"]) for m in await desk.messages(ben)]
    assert ("agent", "Mia here, one moment.") in said
    assert [role for role, _ in said].count("bot") == len(await desk.sent_to(ben)) == 2


async def test_a_taken_thread_silences_the_bot_until_it_is_passed_back(desk: ChannelDesk):
    await desk.change("messenger", settings={"app_id": OUR_APP_ID})
    ben = desk.page_visitor()
    await ben.say("Hello")
    await ben.reply()
    await ben.send("take_thread_control", previous_owner=OUR_APP_ID)
    await is_owned(desk, ben, "human")
    await ben.say("Anybody there?")
    await desk.until(ben, lambda m: m["text"] == "Anybody there?", "what is not answered")
    assert len(await desk.sent_to(ben)) == 1
    await ben.send("pass_thread_control", new_owner=OUR_APP_ID)
    await is_owned(desk, ben, "bot")
    assert "Anybody there?" in (await ben.reply()).text
