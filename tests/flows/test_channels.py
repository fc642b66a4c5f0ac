"""Every kind of thing that customers and people say on WhatsApp and Messenger, both ways."""

import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from channel_desk import PNG, VOICE, ChannelDesk, channel_desk
from whole_platform import Shop

from testkit import eventually_async

PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"
QUESTION = "How long do I have to return an item?"


@pytest.fixture
async def desk(returns_shop: Shop) -> AsyncIterator[ChannelDesk]:
    async with channel_desk(returns_shop) as open_desk:
        yield open_desk


@pytest.fixture
async def slow_desk(model_shop: Shop) -> AsyncIterator[ChannelDesk]:
    async with channel_desk(model_shop) as open_desk:
        yield open_desk


async def test_files_of_customers_are_kept_and_open_by_their_links(desk: ChannelDesk):
    ana, ben = desk.customer(), desk.page_visitor()
    await ana.file(PNG, mime_type="image/png", caption="My tent")
    await ana.voice(VOICE)
    await ana.file(PDF, mime_type="application/pdf")
    await ben.file(PNG, mime_type="image/png")
    for customer, kind, data, text in (
        (ana, "image", PNG, "My tent"),
        (ana, "voice", VOICE, ""),
        (ana, "document", PDF, ""),
        (ben, "image", PNG, ""),
    ):
        message = await desk.until(
            customer,
            lambda m, kind=kind: (
                m["content"]
                and m["content"]["kind"] == kind
                and m["content"]["media"]["state"] == "stored"
            ),
            f"a stored {kind}",
        )
        media = message["content"]["media"]
        assert message["text"] == text
        assert media["size_bytes"] == len(data)
        assert await desk.download(media["url"]) == data


async def test_what_is_heard_before_its_message_stands_at_it_later(desk: ChannelDesk):
    ana = desk.customer()
    liked, edited, revoked = (f"wamid.{uuid4().hex}" for _ in range(3))
    await ana.say("Hello")
    await ana.react(liked, "❤️")
    await ana.edit(edited, "Do you sell tents?")
    await ana.revoke(revoked)
    for message_id, text in ((liked, "Great"), (edited, "Do you sell tints?"), (revoked, "Oops")):
        await ana.say(text, message_ids=[message_id])

    def changed(message_id: str):
        return lambda m: m["provider_message_id"] == message_id and m["changes"]

    reactions = (await desk.until(ana, changed(liked), "a reaction"))["changes"]["reactions"]
    assert [(one["by"], one["emoji"]) for one in reactions] == [("customer", "❤️")]
    edit = await desk.until(ana, changed(edited), "an edit")
    assert edit["changes"]["edited_text"] == "Do you sell tents?"
    assert (await desk.until(ana, changed(revoked), "a revoke"))["changes"]["revoked_at"]


async def test_a_status_may_be_the_first_that_is_heard_of_a_send(desk: ChannelDesk):
    ana = desk.customer()
    await desk.meta.fault("unread_answer", recipient=ana.key)
    await ana.say(QUESTION)
    answer = await desk.until(
        ana, lambda m: m["role"] == "bot" and m["delivery"] == "read", "a read answer"
    )
    (sent,) = await desk.sent_to(ana)
    assert sent.answered is False
    assert answer["provider_message_id"] == sent.message_id


async def test_what_a_person_offers_arrives_in_metas_shapes_and_is_tapped(desk: ChannelDesk):
    ana = desk.customer()
    asked = await ana.say(QUESTION)
    await ana.reply()
    mine = await desk.until(ana, lambda m: m["provider_message_id"] == asked, "the question")
    choices = [{"payload": f"pay-{n}", "title": f"Option {n}"} for n in range(1, 6)]

    async def offer(**body: Any) -> tuple[dict[str, Any], Any]:
        said = await desk.post(ana, **body)
        sent = await ana.reply()
        assert (said["role"], sent.kind) == ("agent", sent.body["type"])
        return sent.body, sent

    body, buttons = await offer(
        text="Which *one*?",
        choices={"style": "buttons", "sections": [{"choices": choices[:3]}]},
        reply_to=mine["recorded_message_id"],
    )
    assert body["context"] == {"message_id": asked}
    assert body["interactive"]["type"] == "button"
    assert body["interactive"]["action"]["buttons"][1]["reply"]["title"] == "Option 2"
    body, _ = await offer(
        text="Or these?",
        choices={"style": "list", "label": "Choose", "sections": [{"choices": choices}]},
    )
    assert body["interactive"]["type"] == "list"
    assert body["interactive"]["action"]["button"] == "Choose"
    assert len(body["interactive"]["action"]["sections"][0]["rows"]) == 5
    file = await desk.api.upload(f"{desk.tenant}/media", "tent.png", PNG, "image/png")
    body, picture = await offer(text="A tent", media_ids=[file["media_id"]])
    assert (body["type"], body["image"]["caption"]) == ("image", "A tent")
    assert await desk.meta.media(picture.media_id) == PNG
    body, _ = await offer(location={"latitude": 45.8, "longitude": 15.9, "name": "Shop"})
    assert (body["location"]["name"], float(body["location"]["latitude"])) == ("Shop", 45.8)

    await desk.hand_back(ana)
    await ana.press(buttons, "Option 2")
    tapped = await desk.until(
        ana, lambda m: m["content"] and m["content"]["kind"] == "button_reply", "the tap"
    )
    assert tapped["text"] == "Option 2"
    assert "pay-2" in tapped["content"]["data"]
    assert tapped["reply_to"] == buttons.message_id
    assert (await ana.reply()).text
    assert (await desk.messages(ana))[-1]["role"] == "bot"


async def test_quick_replies_on_a_page_are_tapped(desk: ChannelDesk):
    ben = desk.page_visitor()
    await ben.say(QUESTION)
    await ben.reply()
    offered = [{"payload": "s", "title": "Small"}, {"payload": "l", "title": "Large"}]
    style = {"style": "quick_replies", "sections": [{"choices": offered}]}
    await desk.post(ben, text="Which size?", choices=style)
    sent = await ben.reply()
    assert [one["payload"] for one in sent.body["message"]["quick_replies"]] == [
        one["id"] for one in sent.choices
    ]
    await desk.hand_back(ben)
    await ben.press(sent, "Large")
    tapped = await desk.until(ben, lambda m: m["text"] == "Large", "the tap")
    assert tapped["content"]["kind"] in {"button_reply", "postback"}
    assert (await ben.reply()).text


async def test_somebody_who_hides_their_number_stays_the_same_person(desk: ChannelDesk):
    user_id = f"HR.{uuid4().hex}"
    by_phone = desk.customer()
    both = desk.customer(phone=by_phone.key, user_id=user_id)
    hidden = desk.customer(phone="", user_id=user_id)
    ids = []
    for count, person in enumerate((by_phone, both, hidden), 1):
        ids.append(await person.say(QUESTION))

        async def replies() -> list[Any]:
            return [*await desk.sent_to(by_phone), *await desk.sent_to(hidden)]

        async def enough(count: int = count) -> bool:
            return len(await replies()) >= count

        await eventually_async(enough, f"{count} replies", 30)
    assert len(await replies()) == 3
    (conversation,) = await desk.conversations(by_phone.key)
    assert conversation["contact"]["external_id"] == by_phone.key
    said = await desk.messages(by_phone)
    assert [m["provider_message_id"] for m in said if m["role"] == "customer"] == ids
    assert [m["role"] for m in said] == ["customer", "bot"] * 3
    page = await desk.api.get(f"{desk.tenant}/contacts", identity=user_id)
    (contact,) = page["items"]
    assert {by_phone.key, user_id} <= {one["value"] for one in contact["identities"]}


async def test_what_nobody_can_read_and_what_is_past_is_shown_and_never_answered(
    desk: ChannelDesk,
):
    strange, past, ana = desk.customer(), desk.customer(), desk.customer()
    await strange.send("unsupported")
    await strange.send("unknown", name="hologram")
    await past.send("history")
    await ana.say(QUESTION)
    await ana.reply()
    shown = await desk.until(strange, lambda m: m["content"], "the unsupported message")
    assert shown["content"]["kind"] == "unsupported"
    await desk.until(past, lambda m: m["seq"] == 2, "the whole past")
    old = sorted(await desk.messages(past), key=lambda m: str(m["sent_at"]))
    said = [(m["role"], m["text"]) for m in old]
    assert said == [("customer", "Do you ship to Split?"), ("agent", "We do.")]
    assert await desk.standing(past) == "bot"
    assert [m["role"] for m in await desk.messages(strange)] == ["customer"]
    assert await desk.sent_to(strange) == await desk.sent_to(past) == []


async def test_a_read_mark_and_typing_are_shown_while_a_slow_model_answers(
    slow_desk: ChannelDesk,
):
    desk = slow_desk
    ana, ben = desk.customer(), desk.page_visitor()
    start = time.time()
    async with desk.slow_model(1_200) as model:
        message_id = await ana.say(QUESTION)
        await model.asked()
        answer = await ana.reply()
    async with desk.slow_model(1_200) as model:
        await ben.say(QUESTION)
        await model.asked()
        late = await ben.reply()
    signs = [one for one in await desk.meta.actions() if one["at"] >= start]
    (shown,) = [one for one in signs if one.get("message_id") == message_id]
    assert (shown["status"], shown["typing_indicator"]) == ("read", {"type": "text"})
    assert shown["at"] < answer.at
    acted = [one for one in signs if one.get("recipient") == {"id": ben.key}]
    assert {one["sender_action"] for one in acted} == {"mark_seen", "typing_on"}
    assert max(one["at"] for one in acted) < late.at
