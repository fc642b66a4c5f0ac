"""Turns what `POST /_sim/inbound` asks for into webhook bodies, and posts them."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from simulators.meta import (
    messenger_bodies,
    messenger_kinds,
    whatsapp_bodies,
    whatsapp_changes,
    whatsapp_kinds,
)
from simulators.meta.inbound import Inbound
from simulators.meta.media_store import MediaStore
from simulators.meta.sending_rules import SendingRules
from simulators.meta.settings import DAY_SECONDS
from simulators.meta.timeline import Timeline
from simulators.meta.webhook_sender import ONCE, WebhookSender

Json = dict[str, Any]
WRONG_SHA256 = "0" * 64
MESSENGER_LINK_SECONDS = 30 * DAY_SECONDS
USUAL_TYPES = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "audio": "audio/mpeg",
    "voice": "audio/ogg; codecs=opus",
    "document": "application/pdf",
    "file": "application/pdf",
    "sticker": "image/webp",
}


@dataclass(frozen=True, slots=True)
class Customers:
    """Plays customers: keeps their files, opens their windows, posts their webhooks."""

    media: MediaStore
    rules: SendingRules
    timeline: Timeline
    base_url: Callable[[], str]

    async def say(self, inbound: Inbound, sender: WebhookSender) -> Json:
        """Post it; answers `{message_ids, deliveries: [{status, attempts, seconds}]}`."""
        retry = None if inbound.retry else ONCE
        how: Json = {"copies": inbound.copies, "signature": inbound.signature, "retry": retry}
        if inbound.raw is not None:
            deliveries = await sender.send_raw(inbound.raw.encode("utf-8", "surrogatepass"), **how)
            return _answer([], deliveries)
        if inbound.body is not None:
            return _answer([], await sender.send(inbound.body, **how))
        items, bodies = self.bodies(inbound)
        ids = [id_of(item) for item in items]
        spoken = inbound.one_by_one() if inbound.receivers or inbound.customers else []
        for number, message_id in enumerate(ids):
            self._note(spoken[number] if spoken else inbound, message_id)
        if len(bodies) == 1:
            deliveries = await sender.send(bodies[0], **how)
        else:
            deliveries = await sender.send_reordered(bodies)
        return _answer(ids, deliveries)

    def bodies(self, inbound: Inbound) -> tuple[list[Json], list[Json]]:
        """The message objects and the webhook bodies that carry them."""
        if inbound.receivers or inbound.customers:
            return self._mixed(inbound)
        if inbound.platform == "messenger":
            items = self._messenger_items(inbound)
            groups = [items] if inbound.batch else [[item] for item in items]
            standby = inbound.standby
            bodies = [
                messenger_bodies.body_of(inbound.receiver, group, standby=standby)
                for group in groups
            ]
            return items, bodies
        if inbound.kind in whatsapp_changes.CHANGES:
            field, content = whatsapp_changes.CHANGES[inbound.kind](
                inbound.person(), **inbound.fields
            )
            change = whatsapp_bodies.change_of(inbound.receiver, field, content)
            said = [content] if inbound.kind not in ("echo", "standby") else _said_in(content)
            return said, [whatsapp_bodies.body_of([change])]
        items = self._whatsapp_items(inbound)
        groups = [items] if inbound.batch else [[item] for item in items]
        return items, [self._whatsapp_body(inbound, group) for group in groups]

    def _mixed(self, inbound: Inbound) -> tuple[list[Json], list[Json]]:
        """Texts over several numbers or pages in one body: a change or an entry for each."""
        items: list[Json] = []
        entries: list[Json] = []
        changes: dict[str, tuple[list[Json], dict[str, whatsapp_bodies.Person]]] = {}
        for one in inbound.one_by_one():
            if inbound.platform == "messenger":
                said, (body,) = self.bodies(one)
                entries += body["entry"]
            else:
                said = self._whatsapp_items(one)
                messages, people = changes.setdefault(one.receiver, ([], {}))
                messages += said
                people[one.customer] = one.person()
            items += said
        if inbound.platform == "messenger":
            return items, [{"object": "page", "entry": entries}]
        made = [
            whatsapp_bodies.people_change(receiver, messages, people.values())
            for receiver, (messages, people) in changes.items()
        ]
        return items, [whatsapp_bodies.body_of(made)]

    def _note(self, inbound: Inbound, message_id: str) -> None:
        customer = inbound.customer or inbound.user_id
        if message_id:
            self.timeline.wrote(message_id, customer, inbound.receiver)
        self.rules.heard(inbound.receiver, customer)

    def _whatsapp_body(self, inbound: Inbound, items: list[Json]) -> Json:
        if inbound.messages:
            names = {inbound.customer: inbound.name} if inbound.name else None
            change = whatsapp_bodies.messages_change(inbound.receiver, items, names)
        else:
            system = inbound.kind in whatsapp_kinds.SYSTEM_KINDS
            people = [] if system else [inbound.person()]
            change = whatsapp_bodies.people_change(inbound.receiver, items, people)
        return whatsapp_bodies.body_of([change])

    def _whatsapp_items(self, inbound: Inbound) -> list[Json]:
        if inbound.messages:
            return inbound.messages
        contents = [whatsapp_kinds.text(text=text) for text in inbound.texts]
        ids = [*inbound.message_ids, *([""] * len(contents))]
        if inbound.kind:
            contents, ids = [self._whatsapp_content(inbound)], [inbound.message_id]
        elif inbound.message_id:
            ids[0] = inbound.message_id
        now = int(time.time())
        at = str(now if inbound.timestamp_seconds is None else inbound.timestamp_seconds)
        return [
            {
                **inbound.person().author(),
                "id": message_id or whatsapp_bodies.new_message_id(),
                "timestamp": at,
                **_circumstances(inbound),
                **content,
            }
            for content, message_id in zip(contents, ids, strict=False)
        ]

    def _whatsapp_content(self, inbound: Inbound) -> Json:
        fields = dict(inbound.fields)
        if inbound.kind in whatsapp_kinds.MEDIA_KINDS:
            fields["media"] = self._whatsapp_media(inbound)
        return whatsapp_kinds.KINDS[inbound.kind](**fields)

    def _whatsapp_media(self, inbound: Inbound) -> Json:
        mime_type = inbound.mime_type or USUAL_TYPES[inbound.kind]
        media = self.media.find(inbound.media_id)
        if media is None and inbound.media_id:
            return {"id": inbound.media_id, "mime_type": mime_type, "sha256": WRONG_SHA256}
        if media is None:
            sha256 = WRONG_SHA256 if inbound.wrong_sha256 else ""
            media = self.media.add(
                _bytes(inbound), mime_type, origin="webhook", filename=inbound.kind, sha256=sha256
            )
        found: Json = {
            "id": media.media_id,
            "mime_type": media.content_type,
            "sha256": media.sha256_base64,
        }
        if inbound.media_url:
            link = self.media.new_link(media.media_id)
            found["url"] = f"{self.base_url()}/v23.0/_media/{link}"
        return found

    def _messenger_items(self, inbound: Inbound) -> list[Json]:
        if inbound.messages:
            return inbound.messages
        contents = [
            messenger_kinds.text(text=text, message_id=message_id)
            for text, message_id in zip(
                inbound.texts, [*inbound.message_ids, *([""] * len(inbound.texts))], strict=False
            )
        ]
        if inbound.kind:
            contents = [self._messenger_content(inbound)]
        items = []
        for content in contents:
            if inbound.reply_to and "message" in content:
                content["message"]["reply_to"] = {"mid": inbound.reply_to}
            if inbound.standby and "postback" in content:
                content["postback"].pop("payload", None)
            people = (inbound.customer, inbound.receiver)
            if inbound.kind in messenger_kinds.FROM_PAGE:
                people = (inbound.receiver, inbound.customer)
            items.append(messenger_bodies.item(*people, **content))
        return items

    def _messenger_content(self, inbound: Inbound) -> Json:
        fields = dict(inbound.fields)
        if inbound.message_id:
            fields.setdefault("message_id", inbound.message_id)
        if inbound.kind in messenger_kinds.MEDIA_KINDS:
            media = self.media.find(inbound.media_id)
            if media is None:
                mime_type = inbound.mime_type or USUAL_TYPES[inbound.kind]
                media = self.media.add(_bytes(inbound), mime_type, origin="webhook")
            link = self.media.new_link(media.media_id, MESSENGER_LINK_SECONDS)
            fields["media"] = {"url": f"{self.base_url()}/_cdn/{link}"}
        return messenger_kinds.KINDS[inbound.kind](**fields)


def id_of(item: Json) -> str:
    """The id of a message object or item; empty for events without one."""
    message = item.get("message") or item.get("postback") or item
    return str(message.get("id") or message.get("mid") or "")


def _circumstances(inbound: Inbound) -> Json:
    found: Json = {}
    context: Json = {}
    if inbound.reply_to:
        context = {"from": whatsapp_bodies.DISPLAY_NUMBER, "id": inbound.reply_to}
    if inbound.forwarded:
        context["forwarded"] = True
    if context:
        found["context"] = context
    if inbound.referral is not None:
        found["referral"] = {
            "source_url": "https://fb.me/3cr4Wqqkv",
            "source_id": "120226305854810726",
            "source_type": "ad",
            "headline": "Chat with us",
            "body": "Summer tents are here!",
            "media_type": "image",
            "image_url": "https://example.org/tents.jpg",
            "ctwa_clid": "Aff-simulated",
            "welcome_message": {"text": "Hi there! Let us know how we can help!"},
            **inbound.referral,
        }
    if inbound.group_id:
        found["group_id"] = inbound.group_id
    return found


def _said_in(content: Json) -> list[Json]:
    found: list[Json] = content.get("message_echoes") or content.get("messages") or []
    return found


def _bytes(inbound: Inbound) -> bytes:
    if not inbound.content_base64:
        return f"simulated {inbound.kind}".encode()
    try:
        return base64.b64decode(inbound.content_base64, validate=True)
    except binascii.Error as error:
        raise ValueError(f"content_base64: {error}") from error


def _answer(message_ids: list[str], deliveries: list[Any]) -> Json:
    return {
        "message_ids": message_ids,
        "deliveries": [asdict(delivery) for delivery in deliveries],
    }
