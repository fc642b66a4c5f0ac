"""`POST /{version}/{sender}/messages`: WhatsApp and Messenger sends, read marks, typing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulators.meta import (
    messenger_bodies,
    messenger_messages,
    whatsapp_bodies,
    whatsapp_interactive,
    whatsapp_messages,
)
from simulators.meta.attachment_endpoint import AttachmentEndpoint, form_as_body
from simulators.meta.envelope import GraphError, json_answer, json_object
from simulators.meta.faults import Fault, Faults
from simulators.meta.graph_calls import answer_with_fault
from simulators.meta.later_events import LaterEvents
from simulators.meta.media_store import MediaStore
from simulators.meta.message_history import MessageHistory
from simulators.meta.messenger_messages import MessengerMessage
from simulators.meta.send_log import Send, SendLog
from simulators.meta.sending_rules import SendingRules
from simulators.meta.settings import Settings
from simulators.meta.template_store import TemplateStore
from simulators.meta.timeline import Timeline
from simulators.meta.tokens import TokenBook
from simulators.meta.uploads import read_upload
from simulators.meta.whatsapp_messages import WhatsAppMessage

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    """What the send endpoint works with."""

    settings: Settings
    log: SendLog
    faults: Faults
    later: LaterEvents
    tokens: TokenBook
    media: MediaStore
    rules: SendingRules
    templates: TemplateStore
    timeline: Timeline
    history: MessageHistory


class MessageEndpoint:
    """Accepts sends, keeps them in the log and plans the events that follow."""

    def __init__(self, world: World, attachments: AttachmentEndpoint) -> None:
        self._world, self._attachments = world, attachments
        self.actions: list[Json] = []
        """Read marks and typing indicators, in order of arrival."""

    async def post(self, request: web.Request) -> web.StreamResponse:
        """Answer one send request."""
        sender, uploaded_id = request.match_info["sender"], ""
        if request.content_type.startswith("multipart/"):
            self._world.tokens.check(request)
            form = await read_upload(request)
            body = form_as_body(form)
            if form.content is not None:
                uploaded_id = self._attachments.keep(form, form.filename, "", sender)
        else:
            raw = await request.read()
            self._world.tokens.check(request)
            body = json_object(raw)
        if body.get("messaging_product") == "whatsapp":
            return await self._whatsapp(request, sender, body)
        try:
            return await self._messenger(request, sender, body, uploaded_id)
        except GraphError as error:
            error.whatsapp = False
            raise

    async def _whatsapp(self, request: web.Request, sender: str, body: Json) -> web.StreamResponse:
        faults = self._world.faults
        if "status" in body:
            fault = faults.take(sender, "", "actions")
            return await answer_with_fault(request, fault, lambda _: self._mark(sender, body))
        message = whatsapp_messages.read_message(body)
        self._check_known(message.media_id)
        if message.kind == "template":
            self._world.templates.check_send(sender, body["template"], message.recipient)
        fault = faults.take(sender, message.recipient)

        async def accept(answered: bool) -> web.Response:
            self._world.rules.check_whatsapp(sender, message.recipient, message.kind)
            send = self._whatsapp_send(sender, message, body, answered)
            self._keep(send, fault)
            return json_answer(_whatsapp_answer(send, body))

        return await answer_with_fault(request, fault, accept)

    async def _mark(self, sender: str, body: Json) -> web.Response:
        if body["status"] != "read" or not isinstance(body.get("message_id"), str):
            raise GraphError(131009, "status must be read, with a message_id")
        typing = body.get("typing_indicator")
        if typing is not None and (not isinstance(typing, dict) or typing.get("type") != "text"):
            raise GraphError(131009, "typing_indicator['type'] must be text")
        self.actions.append({"sender": sender, "at": time.time(), **body})
        customer = self._world.timeline.writer_of(body["message_id"])
        self._world.timeline.add("read", customer, message_id=body["message_id"], sender=sender)
        if typing:
            self._world.timeline.add("typing", customer, sender=sender)
        return json_answer({"success": True})

    async def _messenger(
        self, request: web.Request, sender: str, body: Json, uploaded_id: str
    ) -> web.StreamResponse:
        message = messenger_messages.read_message(body, uploaded=bool(uploaded_id))
        self._check_known(message.attachment_id)
        if message.kind == "sender_action":
            fault = self._world.faults.take(sender, message.recipient, "actions")
            return await answer_with_fault(
                request, fault, lambda _: self._act(sender, message, body)
            )
        fault = self._world.faults.take(sender, message.recipient)

        async def accept(answered: bool) -> web.Response:
            utility = body.get("messaging_type") == "UTILITY"
            self._world.rules.check_messenger(sender, message.recipient, message.tag, utility)
            send = self._messenger_send(sender, message, body, answered, uploaded_id)
            self._keep(send, fault)
            said = {"recipient_id": send.recipient, "message_id": send.message_id}
            if uploaded_id and _reusable(body):
                said["attachment_id"] = uploaded_id
            return json_answer(said)

        return await answer_with_fault(request, fault, accept)

    async def _act(self, sender: str, message: MessengerMessage, body: Json) -> web.Response:
        self.actions.append({"sender": sender, "at": time.time(), **body})
        names = {"mark_seen": "read", "typing_on": "typing", "typing_off": "typing_off"}
        what = names.get(message.text, message.text)
        self._world.timeline.add(what, message.recipient, sender=sender)
        return json_answer({"recipient_id": message.recipient})

    def _check_known(self, media_id: str) -> None:
        store, settings = self._world.media, self._world.settings
        if media_id and settings.known_media_only and store.find(media_id) is None:
            raise GraphError(131009, f"Media ID '{media_id}' is not known, or has died")

    def _whatsapp_send(
        self, sender: str, message: WhatsAppMessage, body: Json, answered: bool
    ) -> Send:
        shown, choices = "", list[Json]()
        if message.kind == "template":
            shown, choices = self._world.templates.shown(sender, body["template"])
        if message.kind == "interactive":
            choices = whatsapp_interactive.choices_of(body["interactive"])
        return Send(
            index=self._world.log.total,
            platform="whatsapp",
            sender=sender,
            recipient=message.recipient,
            message_id=whatsapp_bodies.new_message_id(),
            kind=message.kind,
            text=message.text,
            biz_opaque_callback_data=message.callback_data,
            at=time.time(),
            answered=answered,
            body=body,
            reply_to=message.reply_to,
            choices=choices,
            shown=shown,
            media_id=message.media_id,
            link=message.link,
        )

    def _messenger_send(
        self, sender: str, message: MessengerMessage, body: Json, answered: bool, uploaded_id: str
    ) -> Send:
        return Send(
            index=self._world.log.total,
            platform="messenger",
            sender=sender,
            recipient=message.recipient,
            message_id=messenger_bodies.new_message_id(),
            kind=message.kind,
            text=message.text,
            biz_opaque_callback_data=message.metadata,
            at=time.time(),
            answered=answered,
            body=body,
            reply_to=message.reply_to,
            choices=messenger_messages.choices_of(body["message"]),
            media_id=message.attachment_id or uploaded_id,
            link=message.link,
        )

    def _keep(self, send: Send, fault: Fault | None) -> None:
        self._world.log.add(send)
        if send.platform == "whatsapp":
            self._world.history.accepted(send)
        self._world.timeline.add("send", send.recipient, send=send)
        self._world.later.follow(send, fault)


def _whatsapp_answer(send: Send, body: Json) -> Json:
    contact = {"input": send.recipient, "wa_id": send.recipient.lstrip("+")}
    if "to" not in body:
        contact = {"input": send.recipient, "user_id": send.recipient}
    item = {"id": send.message_id}
    if send.kind == "template":
        item["message_status"] = "accepted"
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [item]}


def _reusable(body: Json) -> bool:
    payload = (body["message"].get("attachment") or {}).get("payload") or {}
    return payload.get("is_reusable") in (True, "true")
