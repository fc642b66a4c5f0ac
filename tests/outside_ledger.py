"""What the outside saw, and what must be true of it.

The ledger is written by the test only: what was posted and answered 200, and what the Meta
simulator accepted. The conversation is read through the public API. `problems` names every broken
promise; an empty list is the proof.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from whole_platform import Shop, text_message

from chatctl.gateway_api import ApiProblem
from testkit import eventually

# The simulator says `read` of everything it accepted; until then statuses are still under way.
FINAL = {"read", "failed", "unknown"}


@dataclass
class Conversation:
    """One customer: what was accepted, what was sent back, what the API shows."""

    customer: str
    accepted: list[str] = field(default_factory=list)
    sends: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)


class OutsideLedger:
    """Posts as Meta does (again when the answer was not 200), and keeps the books."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.accepted: dict[str, list[str]] = {}
        self._messages: dict[str, dict[str, Any]] = {}

    def post(self, customer: str, text: str, *, retries: int = 40) -> str:
        """Post until a 200 is read; the message id is the same on every try."""
        message = text_message(customer, text)

        def taken() -> bool:
            return self.shop.platform.post_webhook(self.shop.body(message)) == 200

        eventually(taken, "a 200", timeout_seconds=retries)
        self.accepted.setdefault(customer, []).append(message["id"])
        self._messages[message["id"]] = message
        return str(message["id"])

    def repeat(self, wamid: str) -> int:
        """Post an accepted message once more; the status."""
        body = self.shop.body(self._messages[wamid])
        return self.shop.platform.post_webhook(body)

    def settled(self, timeout_seconds: float = 60.0) -> list[Conversation]:
        """Wait until nothing is under way any more, and read everything."""

        def done() -> list[Conversation]:
            try:
                found = self.read()
            except ApiProblem as problem:
                # 503 and 504 while a server comes back are an honest answer, and not the end; nor
                # is 429 to a reader as eager as this one.
                if problem.status < 429:
                    raise
                return []
            return found if all(map(_is_settled, found)) else []

        return eventually(done, "every conversation settled", timeout_seconds)

    def read(self) -> list[Conversation]:
        """What the outside sees now."""
        return asyncio.run(self._read())

    async def _read(self) -> list[Conversation]:
        sends = self.shop.platform.sends()
        path = f"/api/tenants/{self.shop.tenant_id}/conversations"
        found = {}
        async with self.shop.api as api:
            async for conversation in api.every(path):
                customer = conversation["contact"]["external_id"]
                if customer not in self.accepted:
                    continue
                listed = path + f"/{conversation['conversation_id']}/messages"
                found[customer] = [message async for message in api.every(listed)]
        return [
            Conversation(
                customer,
                accepted,
                [
                    send
                    for send in sends
                    if send["recipient"] == customer
                    and send.get("sender") == self.shop.phone_number_id
                ],
                found.get(customer, []),
            )
            for customer, accepted in self.accepted.items()
        ]


def _is_settled(conversation: Conversation) -> bool:
    asked = [m for m in conversation.messages if m["role"] == "customer"]
    said = [m for m in conversation.messages if m["role"] != "customer"]
    if len(asked) < len(conversation.accepted) or not said:
        return False
    answered = max(m["seq"] for m in said) > max(m["seq"] for m in asked)
    return answered and all(m["delivery"] in FINAL for m in said)


def problems(conversations: list[Conversation]) -> list[str]:
    """Every broken promise, in words; empty when all hold."""
    return [problem for one in conversations for problem in _problems(one)]


def _problems(one: Conversation) -> list[str]:
    found = []
    asked = [m for m in one.messages if m["role"] == "customer"]
    said = [m for m in one.messages if m["role"] != "customer"]
    if len(asked) < len(one.accepted):
        found.append(f"{one.customer}: {len(one.accepted)} accepted, {len(asked)} kept: LOST")
    if len(asked) > len(one.accepted):
        found.append(f"{one.customer}: {len(one.accepted)} accepted, {len(asked)} kept: DOUBLED")
    places = [m["seq"] for m in one.messages]
    if places != sorted(set(places)):
        found.append(f"{one.customer}: places are not in order: {places}")
    found += [f"{one.customer}: TWO ANSWERS of turn {t}" for t in _answered_twice(said)]
    found += _wrong_sends(one, said)
    if asked and (not said or max(m["seq"] for m in said) < max(m["seq"] for m in asked)):
        found.append(f"{one.customer}: NEVER ANSWERED")
    return found


def _answered_twice(said: list[dict[str, Any]]) -> list[str]:
    turns = Counter(m["turn_id"] for m in said if m["turn_id"])
    return [turn for turn, count in turns.items() if count > 1]


def _wrong_sends(one: Conversation, said: list[dict[str, Any]]) -> list[str]:
    found = []
    sent = Counter(send["biz_opaque_callback_data"] for send in one.sends)
    found += [
        f"{one.customer}: SENT {count} TIMES: {send_id}"
        for send_id, count in sent.items()
        if count > 1
    ]
    visible = [m for m in said if m["delivery"] in {"unknown", "failed"}]
    certain = [m for m in said if m["delivery"] not in {"unknown", "failed"}]
    if len(one.sends) < len(certain):
        found.append(f"{one.customer}: {len(certain)} said to be sent, {len(one.sends)} were")
    if len(one.sends) > len(certain) + len(visible):
        found.append(f"{one.customer}: {len(one.sends)} sends of {len(said)} answers")
    texts = [m["text"] for m in certain]
    arrived = [send["text"] for send in one.sends]
    order = [texts.index(text) for text in arrived if text in texts]
    if order != sorted(order) and len(set(texts)) == len(texts):
        found.append(f"{one.customer}: OUT OF ORDER: {order}")
    return found
