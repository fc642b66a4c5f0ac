"""`/_sim/…` for the state of the simulated Meta: time, tokens, rules, templates, nodes, notices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import ClientError, ClientTimeout, web

from simulators.meta.envelope import json_answer
from simulators.meta.kind_catalogue import NOTICES
from simulators.meta.template_store import STATES
from simulators.meta.whatsapp_bodies import ACCOUNT_ID

if TYPE_CHECKING:
    from simulators.meta.simulator import MetaSimulator

Json = dict[str, Any]
VERIFY_SECONDS = 10.0


class ControlWorld:
    """The endpoints that change the world rather than the conversation."""

    def __init__(self, simulator: MetaSimulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[web.RouteDef]:
        """Every route of this part."""
        simple: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "clock": self.clock,
            "tokens": self.tokens,
            "rules": self.rules,
            "templates": self.templates,
            "nodes": self.nodes,
            "notices": self.notices,
            "verify": self.verify,
        }
        return [
            web.post(f"/_sim/{name}", _answering(handler)) for name, handler in simple.items()
        ] + [web.get("/_sim/templates", self.list_templates)]

    async def clock(self, fields: Json) -> Json:
        """`{advance_seconds}`: links, ids, windows and tokens grow old."""
        return {"now": self._simulator.clock.advance(float(fields["advance_seconds"]))}

    async def tokens(self, fields: Json) -> Json:
        """`{token, state, expires_in_seconds?, scopes?}`; token `*` = every other."""
        return self._simulator.tokens.put(**fields)

    async def rules(self, fields: Json) -> Json:
        """`{window?, pair_rate?, messages_per_second?}`: what Meta enforces."""
        rules = self._simulator.rules
        unknown = set(fields) - set(rules.as_json())
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        rules.window = bool(fields.get("window", rules.window))
        rules.pair_rate = bool(fields.get("pair_rate", rules.pair_rate))
        rate = float(fields.get("messages_per_second", rules.messages_per_second))
        rules.messages_per_second = rate
        return dict(rules.as_json())

    async def templates(self, fields: Json) -> Json:
        """`{account_id?, name, language?, status?, quality?, …}`: Meta decides; webhooks follow."""
        store, fields = self._simulator.templates, dict(fields)
        account_id = str(fields.pop("account_id", "") or ACCOUNT_ID)
        name, language = str(fields.pop("name")), str(fields.pop("language", "") or "en_US")
        quiet = bool(fields.pop("quiet", False))
        found = store.of(account_id, name, language)
        if found:
            return await self._simulator.template_calls.change(found[0], fields)
        if fields.get("status", "APPROVED") not in STATES:
            raise ValueError(f"status must be one of {', '.join(STATES)}")
        template = store.add(
            account_id,
            name=name,
            language=language,
            **{"category": "UTILITY", "status": "APPROVED", **fields},
        )
        if not quiet:
            await self._simulator.notices.template_status(template, template.status)
        return template.as_json()

    async def list_templates(self, _: web.Request) -> web.Response:
        """Every template of every account."""
        found = self._simulator.templates.of("")
        rows = [{"account_id": one.account_id, **one.as_json()} for one in found]
        return json_answer({"templates": rows})

    async def nodes(self, fields: Json) -> Json:
        """`{id, kind: phone|page|account|missing, account_id?, subscribed?, …}`."""
        fields = dict(fields)
        node_id, kind = str(fields.pop("id")), str(fields.pop("kind"))
        subscribed = fields.pop("subscribed", None)
        if subscribed is not None:
            self._simulator.nodes.subscribe(node_id, {} if subscribed else None)
        return self._simulator.nodes.put(node_id, kind, **fields)

    async def notices(self, fields: Json) -> Json:
        """`{account_id?, kind, fields}`: an account-level webhook; kinds in `GET /_sim/kinds`."""
        kind = str(fields["kind"])
        if kind not in NOTICES:
            raise ValueError(f"kind must be one of {', '.join(sorted(NOTICES))}")
        field, value = NOTICES[kind](**fields.get("fields", {}))
        account_id = str(fields.get("account_id", "") or ACCOUNT_ID)
        said = await self._simulator.notices.say(account_id, field, value)
        return {"field": field, "deliveries": [asdict(one) for one in said]}

    async def verify(self, fields: Json) -> Json:
        """`{platform, verify_token}`: Meta's handshake -> `{status, verified, answer}`."""
        settings, challenge = self._simulator.settings, "1158201444"
        url = (
            settings.messenger_webhook_url
            if fields.get("platform") == "messenger"
            else settings.whatsapp_webhook_url
        )
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": str(fields.get("verify_token", "")),
        }
        timeout = ClientTimeout(total=VERIFY_SECONDS)
        try:
            async with self._simulator.session.get(url, params=query, timeout=timeout) as answer:
                text = (await answer.text())[:1000]
        except (ClientError, TimeoutError, OSError) as error:
            return {"status": 0, "verified": False, "answer": str(error)}
        verified = answer.status == 200 and text == challenge
        return {"status": answer.status, "verified": verified, "answer": text}


def _answering(
    handler: Callable[[Json], Awaitable[Json]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            fields = orjson.loads(await request.read() or b"{}")
            if not isinstance(fields, dict):
                raise ValueError("the body must be a JSON object")
            return json_answer(await handler(fields))
        except KeyError as error:
            return json_answer({"error": f"{error} is missing"}, 422)
        except (ValueError, TypeError) as error:
            return json_answer({"error": str(error)}, 422)

    return answer
