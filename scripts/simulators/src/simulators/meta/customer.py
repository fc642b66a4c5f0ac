"""One simulated person: writes, taps, reacts, sends files, and reads what the business sends."""

from __future__ import annotations

import asyncio
import base64
import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulators.meta.send_log import Send

if TYPE_CHECKING:
    from simulators.meta.client import MetaClient

Json = dict[str, Any]


class Customer:
    """A person on one channel of one business; every writing method answers the message's id."""

    def __init__(self, meta: MetaClient, platform: str, receiver: str, person: Json) -> None:
        self._meta, self.platform, self.receiver = meta, platform, receiver
        self._person = {key: value for key, value in person.items() if value or key == "customer"}
        self.key = str(person.get("customer") or person.get("user_id", ""))
        """What the business addresses its replies to."""
        self._next_send = 0

    async def say(self, text: str, *, reply_to: str = "", **more: Any) -> str:
        """Write a text."""
        return await self._inbound(text=text, reply_to=reply_to, **more)

    async def send(self, kind: str, *, reply_to: str = "", **fields: Any) -> str:
        """Any other kind; `GET /_sim/kinds` lists them with their fields."""
        return await self._inbound(kind=kind, reply_to=reply_to, fields=fields)

    async def file(
        self, content: bytes | Path, kind: str = "", *, mime_type: str = "", caption: str = ""
    ) -> str:
        """A picture, video, sound or document; kind and type come from a path's name."""
        fields: Json = {}
        if isinstance(content, Path):
            mime_type = mime_type or mimetypes.guess_type(content.name)[0] or "application/pdf"
            if self.platform == "whatsapp" and (kind or kind_of(mime_type, "")) == "document":
                fields["filename"] = content.name
            content = await asyncio.to_thread(content.read_bytes)
        kind = kind or kind_of(mime_type, self.platform)
        if caption and self.platform == "whatsapp" and kind in ("image", "video", "document"):
            fields["caption"] = caption
        encoded = base64.b64encode(content).decode()
        return await self._inbound(
            kind=kind, fields=fields, mime_type=mime_type, content_base64=encoded
        )

    async def voice(self, content: bytes | Path, *, mime_type: str = "") -> str:
        """A voice note (Messenger: a sound)."""
        usual = "audio/ogg; codecs=opus" if self.platform == "whatsapp" else "audio/mp4"
        kind = "voice" if self.platform == "whatsapp" else "audio"
        return await self.file(content, kind, mime_type=mime_type or usual)

    async def press(self, send: Send, choice: int | str) -> str:
        """Tap a button, a list row or a quick reply: by its number from 1, its title or its id."""
        found = find_choice(send, choice)
        kind, title, identifier = found["kind"], str(found["title"]), str(found["id"])
        match kind:
            case "button":
                return await self.send(
                    "button_reply", reply_to=send.message_id, reply_id=identifier, title=title
                )
            case "list":
                described = {"description": found["description"]} if "description" in found else {}
                return await self.send(
                    "list_reply",
                    reply_to=send.message_id,
                    reply_id=identifier,
                    title=title,
                    **described,
                )
            case "template_button":
                return await self.send(
                    "button", reply_to=send.message_id, text=title, payload=identifier
                )
            case "quick_reply":
                return await self.send("quick_reply", payload=identifier, text=title)
            case "postback":
                return await self.send("postback", payload=identifier, title=title)
            case "flow":
                return await self.send("flow_reply", reply_to=send.message_id, response={})
            case "location":
                return await self.send(
                    "location", reply_to=send.message_id, latitude=45.815, longitude=15.9819
                )
            case _:
                raise ValueError(f"{title!r} opens {identifier}: nothing comes back from it")

    async def react(self, message_id: str, emoji: str = "👍") -> str:
        """React to a message; an empty emoji takes the reaction back."""
        if not emoji:
            return await self.send("reaction_removed", message_id=message_id)
        return await self.send("reaction", message_id=message_id, emoji=emoji)

    async def edit(self, message_id: str, text: str) -> str:
        """Change an earlier message."""
        return await self.send("edit", message_id=message_id, text=text)

    async def revoke(self, message_id: str) -> str:
        """Delete an earlier message for everyone."""
        return await self.send("revoke", message_id=message_id)

    async def reply(self, *, timeout_seconds: float = 30.0) -> Send:
        """The next thing that the business sends to this person; TimeoutError when none comes."""
        found = await self._meta.sends(
            after=self._next_send, recipient=self.key, wait_seconds=timeout_seconds
        )
        if not found:
            raise TimeoutError(f"no reply to {self.key} within {timeout_seconds:.0f} s")
        self._next_send = found[0].index + 1
        return found[0]

    async def skip_replies(self) -> None:
        """Wait only for what is sent from now on."""
        found = await self._meta.sends(after=self._next_send, recipient=self.key)
        if found:
            self._next_send = found[-1].index + 1

    async def _inbound(self, **fields: Any) -> str:
        given = {key: value for key, value in fields.items() if value not in ("", None)}
        said = await self._meta.inbound(
            platform=self.platform, receiver=self.receiver, **self._person, **given
        )
        if not all(delivery["status"] == 200 for delivery in said["deliveries"]):
            raise ConnectionError(f"the webhook was not taken: {said['deliveries']}")
        return str(said["message_ids"][0]) if said["message_ids"] else ""


def find_choice(send: Send, choice: int | str) -> Json:
    """What can be tapped under a message; LookupError when there is no such thing."""
    if isinstance(choice, int) or choice.isdigit():
        number = int(choice)
        if 1 <= number <= len(send.choices):
            return send.choices[number - 1]
    for found in send.choices:
        if str(choice).casefold() in (str(found["title"]).casefold(), str(found["id"]).casefold()):
            return found
    titles = ", ".join(f"{n} {one['title']}" for n, one in enumerate(send.choices, 1))
    raise LookupError(f"no choice {choice!r} in: {titles or 'a message without any'}")


def kind_of(mime_type: str, platform: str) -> str:
    """The kind of message that carries a file of this type."""
    main = mime_type.partition("/")[0]
    if mime_type == "image/webp" and platform == "whatsapp":
        return "sticker"
    if main in ("image", "video", "audio"):
        return main
    return "file" if platform == "messenger" else "document"
