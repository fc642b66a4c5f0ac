"""`POST /{version}/{sender}/messages`: WhatsApp and Messenger sends, read marks, typing."""

from __future__ import annotations

import time
from typing import Any

import orjson
from aiohttp import web

from simulators.meta import (
    messenger_bodies,
    messenger_messages,
    whatsapp_bodies,
    whatsapp_messages,
)
from simulators.meta.envelope import GraphError, json_answer
from simulators.meta.faults import Faults
from simulators.meta.graph_calls import answer_with_fault, check_token
from simulators.meta.later_events import LaterEvents
from simulators.meta.send_log import Platform, Send, SendLog
from simulators.meta.settings import Settings


class MessageEndpoint:
    """Accepts sends, keeps them in the log and plans the events that follow."""

    def __init__(
        self, settings: Settings, log: SendLog, faults: Faults, later: LaterEvents
    ) -> None:
        self._settings, self._log, self._faults, self._later = settings, log, faults, later
        self.actions: list[dict[str, Any]] = []
        """Read marks and typing indicators, in order of arrival."""

    async def post(self, request: web.Request) -> web.StreamResponse:
        """Answer one send request."""
        raw = await request.read()
        check_token(request, self._settings.access_tokens)
        sender = request.match_info["sender"]
        body = _json_object(raw)
        if body.get("messaging_product") == "whatsapp":
            return await self._whatsapp(request, sender, body)
        return await self._messenger(request, sender, body)

    async def _whatsapp(
        self, request: web.Request, sender: str, body: dict[str, Any]
    ) -> web.StreamResponse:
        if "status" in body:
            fault = self._faults.take(sender, "")
            return await answer_with_fault(request, fault, lambda _: self._mark(sender, body))
        message = whatsapp_messages.read_message(body)

        async def accept(answered: bool) -> web.Response:
            send = self._accept(
                "whatsapp",
                sender,
                message.recipient,
                whatsapp_bodies.new_message_id(),
                message.kind,
                message.text,
                message.callback_data,
                answered,
                body,
            )
            return json_answer(_whatsapp_answer(send, body))

        fault = self._faults.take(sender, message.recipient)
        return await answer_with_fault(request, fault, accept)

    async def _mark(self, sender: str, body: dict[str, Any]) -> web.Response:
        if body["status"] != "read" or not isinstance(body.get("message_id"), str):
            raise GraphError(131009, "status must be read, with a message_id")
        self.actions.append({"sender": sender, "at": time.time(), **body})
        return json_answer({"success": True})

    async def _messenger(
        self, request: web.Request, sender: str, body: dict[str, Any]
    ) -> web.StreamResponse:
        message = messenger_messages.read_message(body)

        async def accept(answered: bool) -> web.Response:
            if message.kind == "sender_action":
                self.actions.append({"sender": sender, "at": time.time(), **body})
                return json_answer({"recipient_id": message.recipient})
            send = self._accept(
                "messenger",
                sender,
                message.recipient,
                messenger_bodies.new_message_id(),
                message.kind,
                message.text,
                message.metadata,
                answered,
                body,
            )
            return json_answer({"recipient_id": send.recipient, "message_id": send.message_id})

        fault = self._faults.take(sender, message.recipient)
        return await answer_with_fault(request, fault, accept)

    def _accept(
        self,
        platform: Platform,
        sender: str,
        recipient: str,
        message_id: str,
        kind: str,
        text: str,
        callback_data: str,
        answered: bool,
        body: dict[str, Any],
    ) -> Send:
        send = Send(
            index=self._log.total,
            platform=platform,
            sender=sender,
            recipient=recipient,
            message_id=message_id,
            kind=kind,
            text=text,
            biz_opaque_callback_data=callback_data,
            at=time.time(),
            answered=answered,
            body=body,
        )
        self._log.add(send)
        self._later.follow(send)
        return send


def _whatsapp_answer(send: Send, body: dict[str, Any]) -> dict[str, Any]:
    contact = {"input": send.recipient, "wa_id": send.recipient.lstrip("+")}
    if "to" not in body:
        contact = {"input": send.recipient, "user_id": send.recipient}
    item = {"id": send.message_id}
    if send.kind == "template":
        item["message_status"] = "accepted"
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [item]}


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise GraphError(100, f"Invalid JSON: {error}") from error
    if not isinstance(body, dict):
        raise GraphError(100, "The request body must be a JSON object")
    return body
