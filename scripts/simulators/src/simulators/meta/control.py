"""`/_sim/…`: read what was sent, program faults, play a customer, start anew."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from simulators.meta.envelope import json_answer
from simulators.meta.inbound import Inbound, say

if TYPE_CHECKING:
    from simulators.meta.simulator import MetaSimulator

LONGEST_WAIT_SECONDS = 60.0
MOST_SENDS = 10_000


class Control:
    """The endpoints that the real platform does not have."""

    def __init__(self, simulator: MetaSimulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[web.RouteDef]:
        """Every control route."""
        return [
            web.get("/_sim/health", self.health),
            web.get("/_sim/sends", self.sends),
            web.get("/_sim/actions", self.actions),
            web.post("/_sim/faults", self.faults),
            web.post("/_sim/inbound", self.inbound),
            web.post("/_sim/statuses", self.statuses),
            web.post("/_sim/media", self.media),
            web.post("/_sim/reset", self.reset),
        ]

    async def health(self, _: web.Request) -> web.Response:
        """`{status: ok, sends}`."""
        return json_answer({"status": "ok", "sends": self._simulator.sends.total})

    async def sends(self, request: web.Request) -> web.Response:
        """`?after=<index>&recipient=<id>&wait_seconds=<s>` -> `{sends: [...], next}`."""
        try:
            after = int(request.query.get("after", "0"))
            wait = min(float(request.query.get("wait_seconds", "0")), LONGEST_WAIT_SECONDS)
        except ValueError:
            return json_answer({"error": "after and wait_seconds are numbers"}, 422)
        log, recipient = self._simulator.sends, request.query.get("recipient", "")
        found = (await log.wait(after, recipient, wait))[:MOST_SENDS]
        following = found[-1].index + 1 if found else max(after, 0)
        return json_answer({"sends": [send.as_json() for send in found], "next": following})

    async def actions(self, _: web.Request) -> web.Response:
        """Read marks and typing indicators: `{actions: [...]}`."""
        return json_answer({"actions": self._simulator.messages.actions})

    async def faults(self, request: web.Request) -> web.Response:
        """`{kind, count, code, …}` (see `faults.Fault`) or a list of them."""
        try:
            fields = await _json(request)
            asked = fields if isinstance(fields, list) else [fields]
            added = [self._simulator.faults.add(one) for one in asked]
        except (ValueError, TypeError) as error:
            return json_answer({"error": str(error)}, 422)
        return json_answer({"faults": [asdict(fault) for fault in added]})

    async def inbound(self, request: web.Request) -> web.Response:
        """A customer's messages (see `inbound.Inbound`)."""
        try:
            inbound = Inbound.from_json(await _json(request))
        except (ValueError, TypeError) as error:
            return json_answer({"error": str(error)}, 422)
        sender = self._simulator.sender(inbound.platform)
        if sender is None:
            return json_answer({"error": f"no webhook URL for {inbound.platform}"}, 409)
        return json_answer(await say(inbound, sender))

    async def statuses(self, request: web.Request) -> web.Response:
        """`{delays_seconds: {sent, delivered, read}}`: which statuses are said, and when."""
        try:
            fields = await _json(request)
            delays = {str(k): float(v) for k, v in fields["delays_seconds"].items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return json_answer({"error": f"delays_seconds: {error}"}, 422)
        self._simulator.later.delays_seconds = delays
        return json_answer({"delays_seconds": delays})

    async def media(self, request: web.Request) -> web.Response:
        """A customer's file (the request body) -> `{id, sha256}` for a media message."""
        content = await request.read()
        media = self._simulator.media.add(content, request.content_type)
        return json_answer({"id": media.media_id, "sha256": media.sha256})

    async def reset(self, _: web.Request) -> web.Response:
        """Forget sends, faults, media and planned statuses."""
        self._simulator.reset()
        return json_answer({"status": "ok"})


async def _json(request: web.Request) -> Any:
    return orjson.loads(await request.read())
