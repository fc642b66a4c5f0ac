"""`/_sim/…`: read what was sent, program faults, play a customer, start anew."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from simulators.meta.control_world import ControlWorld
from simulators.meta.envelope import json_answer
from simulators.meta.inbound import Inbound
from simulators.meta.kind_catalogue import catalogue
from simulators.meta.send_log import Send
from simulators.meta.settings import SAYABLE_STATUSES

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
            web.get("/_sim/events", self.events),
            web.get("/_sim/actions", self.actions),
            web.get("/_sim/findings", self.findings),
            web.get("/_sim/kinds", self.kinds),
            web.get("/_sim/faults", self.waiting_faults),
            web.post("/_sim/faults", self.faults),
            web.delete("/_sim/faults", self.no_faults),
            web.post("/_sim/inbound", self.inbound),
            web.post("/_sim/statuses", self.statuses),
            web.post("/_sim/media", self.media),
            web.get("/_sim/media/{media}", self.media_bytes),
            web.post("/_sim/reset", self.reset),
            *ControlWorld(self._simulator).routes(),
        ]

    async def health(self, _: web.Request) -> web.Response:
        """`{status: ok, sends, judged}`."""
        simulator = self._simulator
        judged = simulator.findings.enabled
        return json_answer({"status": "ok", "sends": simulator.sends.total, "judged": judged})

    async def sends(self, request: web.Request) -> web.Response:
        """`?after=<index>&recipient=<id>&wait_seconds=<s>` -> `{sends: [...], next}`."""
        try:
            after, wait = _window(request)
        except ValueError:
            return json_answer({"error": "after and wait_seconds are numbers"}, 422)
        log, recipient = self._simulator.sends, request.query.get("recipient", "")
        found = (await log.wait(after, recipient, wait))[:MOST_SENDS]
        following = found[-1].index + 1 if found else max(after, 0)
        return json_answer({"sends": [send.as_json() for send in found], "next": following})

    async def events(self, request: web.Request) -> web.Response:
        """`?after=<index>&customer=<id>&wait_seconds=<s>` -> `{events: [...], next}`."""
        try:
            after, wait = _window(request)
        except ValueError:
            return json_answer({"error": "after and wait_seconds are numbers"}, 422)
        timeline, customer = self._simulator.timeline, request.query.get("customer", "")
        if after < 0:
            return json_answer({"events": [], "next": timeline.total})
        found = (await timeline.wait(after, customer, wait))[:MOST_SENDS]
        following = found[-1]["index"] + 1 if found else after
        events = [
            {**one, "send": one["send"].as_json()} if isinstance(one.get("send"), Send) else one
            for one in found
        ]
        return json_answer({"events": events, "next": following})

    async def actions(self, _: web.Request) -> web.Response:
        """Read marks and typing indicators: `{actions: [...]}`."""
        return json_answer({"actions": self._simulator.messages.actions})

    async def findings(self, _: web.Request) -> web.Response:
        """What Meta's OpenAPI file finds wrong: `{judged, findings: [{where, errors, body}]}`."""
        findings = self._simulator.findings
        return json_answer({"judged": findings.enabled, "findings": findings.found})

    async def kinds(self, _: web.Request) -> web.Response:
        """Every kind of inbound and of notice, with its fields and their defaults."""
        return json_answer(catalogue())

    async def waiting_faults(self, _: web.Request) -> web.Response:
        """The faults that are still to come."""
        return json_answer({"faults": [asdict(one) for one in self._simulator.faults.waiting]})

    async def faults(self, request: web.Request) -> web.Response:
        """`{kind, count, code, …}` (see `faults.Fault`) or a list of them."""
        try:
            fields = await read_json(request)
            asked = fields if isinstance(fields, list) else [fields]
            added = [self._simulator.faults.add(one) for one in asked]
        except (ValueError, TypeError, AttributeError) as error:
            return json_answer({"error": str(error)}, 422)
        return json_answer({"faults": [asdict(fault) for fault in added]})

    async def no_faults(self, _: web.Request) -> web.Response:
        """Everything works again."""
        self._simulator.faults.waiting.clear()
        return json_answer({"faults": []})

    async def inbound(self, request: web.Request) -> web.Response:
        """A customer's messages (see `inbound.Inbound`)."""
        try:
            inbound = Inbound.from_json(await read_json(request))
            sender = self._simulator.sender(inbound.platform)
            if sender is None:
                return json_answer({"error": f"no webhook URL for {inbound.platform}"}, 409)
            said = await self._simulator.customers.say(inbound, sender)
        except (ValueError, TypeError) as error:
            return json_answer({"error": str(error)}, 422)
        return json_answer(said)

    async def statuses(self, request: web.Request) -> web.Response:
        """`{delays_seconds?: {sent, delivered, read, played, deleted}, shuffle?, copies?}`."""
        later = self._simulator.later
        try:
            fields = await read_json(request)
            given = fields.get("delays_seconds", later.delays_seconds)
            delays = {str(k): float(v) for k, v in given.items()}
            unknown = set(delays) - set(SAYABLE_STATUSES)
            if unknown:
                raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
            copies = int(fields.get("copies", later.copies))
        except (ValueError, TypeError, AttributeError) as error:
            return json_answer({"error": f"delays_seconds: {error}"}, 422)
        later.delays_seconds, later.copies = delays, max(1, copies)
        later.shuffle = bool(fields.get("shuffle", later.shuffle))
        return json_answer(
            {"delays_seconds": delays, "shuffle": later.shuffle, "copies": later.copies}
        )

    async def media(self, request: web.Request) -> web.Response:
        """A customer's file (the request body) -> `{id, sha256}` for a media message."""
        content = await request.read()
        content_type = request.headers.get("Content-Type", "application/octet-stream")
        media = self._simulator.media.add(content, content_type, origin="webhook")
        said = {"id": media.media_id, "sha256": media.sha256}
        return json_answer({**said, "sha256_base64": media.sha256_base64})

    async def media_bytes(self, request: web.Request) -> web.Response:
        """The bytes of any file that is alive, without a token: what a person would see."""
        media = self._simulator.media.find(request.match_info["media"])
        if media is None:
            return json_answer({"error": "no such media, or it has died"}, 404)
        return web.Response(body=media.content, headers={"Content-Type": media.content_type})

    async def reset(self, _: web.Request) -> web.Response:
        """Forget sends, faults, media, templates and planned statuses."""
        self._simulator.reset()
        return json_answer({"status": "ok"})


async def read_json(request: web.Request) -> Any:
    """The request's JSON; ValueError when it is none."""
    return orjson.loads(await request.read())


def _window(request: web.Request) -> tuple[int, float]:
    after = int(request.query.get("after", "0"))
    return after, min(float(request.query.get("wait_seconds", "0")), LONGEST_WAIT_SECONDS)
