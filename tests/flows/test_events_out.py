"""What integrators get: the same signed CloudEvents by webhook and by queue."""

import asyncio
import json

import aio_pika
from aiohttp import web
from standardwebhooks import Webhook
from whole_platform import WholePlatform, customer_number

from contracts.definitions import PUBLIC as PUBLIC_VHOST
from testkit import eventually_async


class Receiver:
    """An integrator's endpoint: fails the first time it is called, then takes everything."""

    def __init__(self) -> None:
        self.bodies: list[tuple[dict[str, str], bytes]] = []
        self.calls = 0
        self.url = ""

    async def start(self) -> "Receiver":
        app = web.Application()
        app.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/hook"
        return self

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self.calls += 1
        if self.calls == 1:
            return web.Response(status=500)
        self.bodies.append((dict(request.headers), await request.read()))
        return web.Response(status=204)


async def test_webhook_and_queue_carry_the_same_signed_bytes(platform: WholePlatform, returns_shop):
    receiver = await Receiver().start()
    queue, connection = await _public_queue(platform)
    path = f"/api/tenants/{returns_shop.tenant_id}/webhooks"
    async with returns_shop.api as api:
        made = await api.post(path, {"url": receiver.url, "event_types": ["message.*"]})
        await asyncio.to_thread(
            returns_shop.say, customer_number(), "How long do I have to return an item?"
        )
        await eventually_async(
            lambda: {"message.received", "message.sent"} <= _types(receiver),
            "received and sent, the failed first try among them",
            timeout_seconds=40,
        )
        await api.delete(f"{path}/{made['endpoint_id']}")
    by_queue = await _drain(queue)
    for headers, body in receiver.bodies:
        event = Webhook(made["secret"]).verify(body, headers)
        assert headers["webhook-id"] == event["id"]
        assert event["specversion"] == "1.0"
        assert by_queue[event["id"]] == body
    await connection.close()
    await receiver.stop()


def _types(receiver: Receiver) -> set[str]:
    types = (json.loads(body)["type"] for _, body in receiver.bodies)
    return {name.removeprefix("dev.metachat.").removesuffix(".v1") for name in types}


async def _public_queue(platform: WholePlatform):
    connection = await aio_pika.connect(platform.servers.rabbitmq.url(PUBLIC_VHOST))
    channel = await connection.channel()
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind("chat.events", routing_key="#")
    return queue, connection


async def _drain(queue) -> dict[str, bytes]:
    found = {}
    while (message := await queue.get(fail=False)) is not None:
        found[message.message_id] = message.body
        await message.ack()
    return found
