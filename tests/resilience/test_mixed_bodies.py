"""One body of Meta's greatest size, over two tenants and many kinds of updates."""

import asyncio
import json
from typing import Any
from uuid import uuid4

from channel_desk import ChannelDesk, channel_desk
from whole_platform import Shop, WholePlatform, customer_number, text_message

from testkit import eventually_async

UPDATES = 1_000
CUSTOMERS = 4
STRANGE_EVERY = 50


def update(number: int, customer: str) -> dict[str, Any]:
    """A text, a reaction to nothing that is known, or a kind that nobody knows."""
    message = text_message(customer, f"Update {number}")
    match number % STRANGE_EVERY:
        case 7:
            del message["text"]
            about = {"message_id": f"wamid.{uuid4().hex}", "emoji": "👍"}
            return {**message, "type": "reaction", "reaction": about}
        case 13:
            del message["text"]
            return {**message, "type": "hologram", "hologram": {"depth_metres": 3}}
    return message


def mixed_body(shops: list[Shop], updates: list[dict[str, Any]]) -> bytes:
    """One body; the updates belong to the tenants in turn."""
    entries = [
        entry
        for number, message in enumerate(updates)
        for entry in json.loads(shops[number % len(shops)].body(message))["entry"]
    ]
    return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()


async def kept_texts(desk: ChannelDesk) -> dict[str, list[str]]:
    """What each customer of the tenant is known to have said, in order."""
    found: dict[str, list[str]] = {}
    async for conversation in desk.api.every(f"{desk.tenant}/conversations"):
        path = f"{desk.tenant}/conversations/{conversation['conversation_id']}/messages"
        said: list[dict[str, Any]] = []
        while (page := await desk.api.get(path, after_seq=len(said), limit=200))["items"]:
            said += page["items"]
        texts = [m["text"] for m in said if m["role"] == "customer"]
        found[conversation["contact"]["external_id"]] = texts
    return found


async def test_a_thousand_updates_of_two_tenants_stand_once_in_order_and_apart(
    platform: WholePlatform,
):
    # The first word brings a person: a thousand answers are no matter of this test.
    rules = {"handoff_keywords": ["update"], "handoff_reply": "A colleague will answer."}
    shops = [await asyncio.to_thread(platform.shop, **rules) for _ in range(2)]
    customers = [customer_number() for _ in range(CUSTOMERS)]
    updates = [update(n, customers[n // 2 % CUSTOMERS]) for n in range(UPDATES)]
    body = mixed_body(shops, updates)
    # Twice at once, as Meta does when an answer is late; and again with something new at its end:
    # once that is kept, all else of this body has been heard before.
    answers = await asyncio.gather(
        *(asyncio.to_thread(platform.post_webhook, body) for _ in range(2))
    )
    news = [text_message(customers[0], "And at last an update") for _ in shops]
    answers.append(
        await asyncio.to_thread(platform.post_webhook, mixed_body(shops, updates + news))
    )
    assert answers == [200] * 3
    for place, shop in enumerate(shops):
        wanted: dict[str, list[str]] = {customer: [] for customer in customers}
        for message in updates[place :: len(shops)]:
            if "text" in message:
                wanted[message["from"]].append(message["text"]["body"])
        wanted[customers[0]].append("And at last an update")
        total = sum(map(len, wanted.values()))
        async with channel_desk(shop) as desk:

            async def all_kept(desk: ChannelDesk = desk, total: int = total) -> Any:
                found = await kept_texts(desk)
                return found if sum(map(len, found.values())) >= total else None

            found = await eventually_async(all_kept, f"{total} messages of one tenant", 60)
        assert found == wanted
