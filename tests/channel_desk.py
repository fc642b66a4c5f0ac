"""Both ends of a tenant's channels: what customers do at Meta, and what people see by the API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol
from uuid import uuid4

import aiohttp
from whole_platform import Shop, WholePlatform, customer_number

from chatctl.gateway_api import GatewayApi
from simulators.meta import MetaClient
from simulators.meta.customer import Customer
from simulators.meta.send_log import Send
from testkit import eventually_async

Json = dict[str, Any]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
VOICE = b"OggS\0\x02" + b"OpusHead" + bytes(range(256)) * 10
INBOX_APP_ID = "263902037430900"


class Person(Protocol):
    """Whoever talks to the business; `key` is the id by which the channel knows them."""

    key: str


class ChannelDesk:
    """One tenant's customers and conversations."""

    def __init__(self, shop: Shop, api: GatewayApi, meta: MetaClient) -> None:
        self.shop, self.api, self.meta = shop, api, meta
        self.tenant = f"/api/tenants/{shop.tenant_id}"

    def customer(self, *, user_id: str = "", phone: str | None = None) -> Customer:
        """Somebody on WhatsApp whom nobody else in the run is; `phone=""` hides the number."""
        number = customer_number() if phone is None else phone
        return self.meta.whatsapp_customer(self.shop.phone_number_id, number, user_id=user_id)

    def page_visitor(self) -> Customer:
        """Somebody new on Messenger."""
        page = self.shop.channels["messenger"]["external_id"]
        return self.meta.messenger_customer(page, f"7{uuid4().int % 10**15:015d}")

    def channel(self, channel_type: str) -> str:
        """The API path of the tenant's channel of a type."""
        return f"{self.tenant}/channels/{self.shop.channels[channel_type]['channel_id']}"

    async def conversations(self, key: str) -> list[Json]:
        """Every conversation with whoever is known by this id."""
        page = await self.api.get(f"{self.tenant}/conversations", limit=200)
        ids = ("external_id", "phone", "user_id")
        return [one for one in page["items"] if key in (one["contact"].get(name) for name in ids)]

    async def path(self, customer: Person) -> str:
        """The API path of a customer's conversation; waits until there is one."""
        (found,) = await eventually_async(
            lambda: self.conversations(customer.key), f"a conversation with {customer.key}"
        )
        return f"{self.tenant}/conversations/{found['conversation_id']}"

    async def standing(self, customer: Person) -> str:
        """Who answers the customer now."""
        return str((await self.api.get(await self.path(customer)))["owner_kind"])

    async def messages(self, customer: Person) -> list[Json]:
        """What the conversation holds, in order."""
        page = await self.api.get(f"{await self.path(customer)}/messages", limit=200)
        return list(page["items"])

    async def until(
        self,
        customer: Person,
        fits: Callable[[Json], object],
        what: str,
        timeout_seconds: float = 30.0,
    ) -> Json:
        """The first message of the conversation that fits; waits for it."""

        async def look() -> Json | None:
            return next((one for one in await self.messages(customer) if fits(one)), None)

        found = await eventually_async(look, what, timeout_seconds)
        assert found is not None
        return found

    async def post(self, customer: Person, **body: Any) -> Json:
        """A person says something."""
        said: Json = await self.api.post(f"{await self.path(customer)}/messages", body)
        return said

    async def hand_back(self, customer: Person) -> None:
        """The bot answers again."""
        await self.api.put(await self.path(customer), {"status": "active"})

    async def change(self, channel_type: str, **change: Any) -> None:
        """Change a channel's credentials or settings, as the operator does."""
        await self.api.put(self.channel(channel_type), change)

    async def sent_to(self, customer: Person) -> list[Send]:
        """Everything that the simulator accepted for a customer, oldest first."""
        return await self.meta.sends(recipient=customer.key)

    async def download(self, url: str) -> bytes:
        """The bytes behind a signed link, without any key."""
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 200, (answer.status, url)
            return await answer.read()

    @asynccontextmanager
    async def slow_model(self, milliseconds: int) -> AsyncIterator[SlowModel]:
        """The next answer of the provider simulator takes this long."""
        model = SlowModel(self.shop.platform)
        await model.script({"delay_ms": milliseconds})
        try:
            yield model
        finally:
            await model.script()


class SlowModel:
    """A model that takes its time, for one answer."""

    def __init__(self, platform: WholePlatform) -> None:
        self._platform = platform

    async def script(self, *steps: Json) -> None:
        """Play these steps next, then answer as usual."""
        await self._simulator("script", {"steps": list(steps)})

    async def asked(self) -> None:
        """Wait until it is asked."""

        async def look() -> bool:
            return bool((await self._simulator("calls?limit=0"))["pending_steps"] == 0)

        await eventually_async(look, "the model is asked")

    async def answered(self) -> None:
        """Wait until its answer, or what was to become of it, has ended."""

        async def look() -> bool:
            calls = (await self._simulator("calls?limit=1"))["calls"]
            return bool(calls and calls[0]["ended"] != "open")

        await eventually_async(look, "the model has answered")

    async def _simulator(self, what: str, body: Any = None) -> Any:
        platform = self._platform
        return await asyncio.to_thread(platform.simulator, platform.providers_url, what, body)


@asynccontextmanager
async def channel_desk(shop: Shop) -> AsyncIterator[ChannelDesk]:
    """A desk for as long as the block lasts."""
    async with shop.api as api, MetaClient(shop.platform.meta_url) as meta:
        yield ChannelDesk(shop, api, meta)
