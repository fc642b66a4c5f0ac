"""A tenant's own tool, called in the middle of an answer and signed as its server can check."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from channel_desk import ChannelDesk, channel_desk
from standardwebhooks import Webhook, WebhookVerificationError
from whole_platform import Shop

ORDER = {"type": "string", "pattern": "^[0-9]{4,10}$"}
SCHEMA = {"type": "object", "properties": {"order": ORDER}, "required": ["order"]}


class OrderServer:
    """A shop's own server, which believes nothing that is not signed."""

    def __init__(self) -> None:
        self.secret = ""
        self.asked: list[dict[str, Any]] = []
        app = web.Application()
        app.router.add_post("/order-status", self._status)
        self.server = TestServer(app)

    async def _status(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            said = Webhook(self.secret).verify(await request.text(), headers)
        except WebhookVerificationError:
            raise web.HTTPUnauthorized(text="signed by somebody else") from None
        self.asked.append(said)
        return web.json_response({"status": "leaves on Tuesday"})


@pytest.fixture
async def desk(model_shop: Shop) -> AsyncIterator[ChannelDesk]:
    async with channel_desk(model_shop) as open_desk:
        yield open_desk


@pytest.fixture
async def orders(desk: ChannelDesk) -> AsyncIterator[OrderServer]:
    orders = OrderServer()
    async with orders.server as server:
        path = f"{desk.tenant}/tools/order_status"
        tool = {
            "description": "Where an order is.",
            "parameters": SCHEMA,
            "url": str(server.make_url("/order-status")),
        }
        orders.secret = (await desk.api.put(path, tool))["secret"]
        yield orders
        await desk.api.delete(path)


async def test_a_tool_is_called_once_for_its_customer_and_its_words_reach_the_model(
    desk: ChannelDesk, orders: OrderServer
):
    ana = desk.customer()
    async with desk.slow_model(0) as model:
        arguments = {"order": "4711"}
        called = {"kind": "tool_call", "tool": "order_status", "arguments": arguments}
        await model.script(called, {"text": "It leaves on Tuesday."})
        await ana.say("Where is order 4711?")
        assert (await ana.reply()).text == "It leaves on Tuesday."
    (asked,) = orders.asked
    assert (asked["tool"], asked["arguments"], asked["test"]) == ("order_status", arguments, False)
    assert asked["contact"]["external_id"] == ana.key
    assert asked["tenant"]["id"] == desk.shop.tenant_id
    platform = desk.shop.platform
    (call,) = platform.simulator(platform.providers_url, "calls?limit=1")["calls"]
    assert "leaves on Tuesday" in str(call["body"]["messages"][-1])


async def test_a_server_that_does_not_believe_us_is_a_refusal_that_the_model_reads(
    desk: ChannelDesk, orders: OrderServer
):
    orders.secret = "whsec_" + "A" * 32
    tried = await desk.api.post(
        f"{desk.tenant}/tools/order_status/try", {"arguments": {"order": "4711"}}
    )
    assert tried["outcome"] == "refused"
    assert "signed by somebody else" in tried["text"]
    assert orders.asked == []
