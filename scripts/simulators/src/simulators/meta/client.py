"""Drives a running Meta simulator from Python: for your own tests, whatever they test.

async with MetaClient("http://127.0.0.1:8085") as meta:
    customer = meta.whatsapp_customer("106540352242922")
    await customer.say("Where is my order?")
    reply = await customer.reply()
    await customer.press(reply, 1)
"""

from __future__ import annotations

import asyncio
from typing import Any, Self

import aiohttp

from simulators.meta.customer import Customer
from simulators.meta.send_log import Send

Json = dict[str, Any]


class SimulatorRefused(RuntimeError):
    """The control API did not take a request; the text says why."""


class MetaClient:
    """The control API as methods; every one raises SimulatorRefused when it is not taken."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._session is not None:
            await self._session.close()

    # -- who talks ---------------------------------------------------------------------------

    def whatsapp_customer(
        self,
        phone_number_id: str,
        wa_id: str = "16505551234",
        *,
        user_id: str = "",
        username: str = "",
        name: str = "",
    ) -> Customer:
        """A person on WhatsApp; give `wa_id=""` and a `user_id` for one who hides their number."""
        person = {"customer": wa_id, "user_id": user_id, "username": username, "name": name}
        return Customer(self, "whatsapp", phone_number_id, person)

    def messenger_customer(self, page_id: str, psid: str = "7123456789") -> Customer:
        """A person on Messenger, by their page-scoped id."""
        return Customer(self, "messenger", page_id, {"customer": psid})

    async def inbound(self, **fields: Any) -> Json:
        """Anything that `POST /_sim/inbound` takes: batches, duplicates, raw bodies …"""
        return await self._post("inbound", fields)

    async def notice(self, kind: str, *, account_id: str = "", **fields: Any) -> Json:
        """An account-level webhook: `number_quality`, `account_update` …"""
        body = {"kind": kind, "account_id": account_id, "fields": fields}
        return await self._post("notices", body)

    # -- what the business did -----------------------------------------------------------------

    async def sends(
        self, *, after: int = 0, recipient: str = "", wait_seconds: float = 0.0
    ) -> list[Send]:
        """Accepted sends, oldest first; waits for one if asked."""
        query = {"after": str(after), "recipient": recipient, "wait_seconds": str(wait_seconds)}
        return [Send(**fields) for fields in (await self._get("sends", query))["sends"]]

    async def wait_for_send(self, recipient: str = "", *, timeout_seconds: float = 10.0) -> Send:
        """The oldest send to a recipient (or to anyone); TimeoutError when none comes."""
        found = await self.sends(recipient=recipient, wait_seconds=timeout_seconds)
        if not found:
            raise TimeoutError(f"nothing was sent to {recipient or 'anyone'}")
        return found[0]

    async def events(
        self, *, after: int = 0, customer: str = "", wait_seconds: float = 0.0
    ) -> tuple[list[Json], int]:
        """Sends, statuses, read marks, typing … in order, and where to go on; -1 = from now."""
        query = {"after": str(after), "customer": customer, "wait_seconds": str(wait_seconds)}
        found = await self._get("events", query)
        return found["events"], int(found["next"])

    async def actions(self) -> list[Json]:
        """Read marks and typing indicators, as they were asked for."""
        actions: list[Json] = (await self._get("actions"))["actions"]
        return actions

    async def media(self, media_id: str) -> bytes:
        """The bytes of a file that was uploaded or sent."""
        async with self._http().get(f"{self.url}/_sim/media/{media_id}") as answer:
            if answer.status != 200:
                raise SimulatorRefused(await answer.text())
            return await answer.read()

    async def findings(self) -> list[Json]:
        """What Meta's own OpenAPI file finds wrong so far: `{where, errors, body}`."""
        findings: list[Json] = (await self._get("findings"))["findings"]
        return findings

    # -- how the world is ------------------------------------------------------------------------

    async def fault(self, kind: str, **fields: Any) -> None:
        """Let the next calls go wrong; see `faults.Fault` for the fields."""
        await self._post("faults", {"kind": kind, **fields})

    async def no_faults(self) -> None:
        """Everything works again."""
        async with self._http().delete(f"{self.url}/_sim/faults") as answer:
            await _body(answer)

    async def statuses(
        self, *, shuffle: bool = False, copies: int = 1, **delays_seconds: float
    ) -> None:
        """Which statuses follow a send, and when: `sent=0, delivered=0.1`; none = silence."""
        order = {"shuffle": shuffle, "copies": copies}
        await self._post("statuses", {"delays_seconds": delays_seconds, **order})

    async def advance(self, seconds: float) -> None:
        """Let simulated time pass: links, ids, windows and tokens grow old."""
        await self._post("clock", {"advance_seconds": seconds})

    async def token(self, token: str, state: str, **fields: Any) -> None:
        """`valid`, `expired`, `password_changed`, `invalid` or `no_permission`; `*` = all."""
        await self._post("tokens", {"token": token, "state": state, **fields})

    async def rules(self, **rules: Any) -> None:
        """Enforce `window`, `pair_rate` or `messages_per_second`."""
        await self._post("rules", rules)

    async def template(self, name: str, **fields: Any) -> Json:
        """Make a template, or change its `status`, `quality` or `category` as Meta would."""
        return await self._post("templates", {"name": name, **fields})

    async def node(self, node_id: str, kind: str, **fields: Any) -> Json:
        """A number, page or account as Graph shows it; kind `missing` hides it."""
        return await self._post("nodes", {"id": node_id, "kind": kind, **fields})

    async def verify(self, verify_token: str, *, platform: str = "whatsapp") -> bool:
        """Meta's webhook handshake; whether the receiver passed."""
        body = {"platform": platform, "verify_token": verify_token}
        return bool((await self._post("verify", body))["verified"])

    async def add_media(self, content: bytes, content_type: str) -> str:
        """Keep a customer's file; its media id."""
        headers = {"Content-Type": content_type}
        address = f"{self.url}/_sim/media"
        async with self._http().post(address, data=content, headers=headers) as answer:
            return str((await _body(answer))["id"])

    async def reset(self) -> None:
        """Forget everything that happened or was programmed."""
        await self._post("reset", {})

    async def until_ready(self, timeout_seconds: float = 10.0) -> None:
        """Wait for a simulator that is being started."""
        async with asyncio.timeout(timeout_seconds):
            while True:
                try:
                    await self._get("health")
                    return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)

    async def _get(self, name: str, query: dict[str, str] | None = None) -> Json:
        async with self._http().get(f"{self.url}/_sim/{name}", params=query) as answer:
            return await _body(answer)

    async def _post(self, name: str, body: Json) -> Json:
        async with self._http().post(f"{self.url}/_sim/{name}", json=body) as answer:
            return await _body(answer)

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("use it as `async with MetaClient(url) as meta:`")
        return self._session


async def _body(answer: aiohttp.ClientResponse) -> Json:
    said: Json = await answer.json(content_type=None)
    if answer.status >= 400:
        raise SimulatorRefused(f"the simulator says {answer.status}: {said.get('error')}")
    return said
