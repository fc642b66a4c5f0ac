"""What an item means once its channel is known: whose echo it is, who holds a thread, file ids."""

from __future__ import annotations

from dataclasses import replace

import orjson

from channel_ingress.domain import media_identity
from channel_ingress.items import CustomerMessage, Echo, Item, Status, ThreadControl
from channel_ingress.store import Channel, SendingChannel
from contracts.v1.shapes import MessageContent


def placed(item: Item, channel: Channel) -> Item:
    """The item as it is kept, said and given to the effects."""
    payload = item.payload
    if isinstance(payload, CustomerMessage | Echo):
        if isinstance(payload, Echo) and _is_ours(payload, _app_id(channel)):
            sent = Status(
                payload.provider_message_id.split("#", 1)[0],
                "sent",
                payload.sent_at,
                payload.reference,
                person=payload.person,
            )
            return replace(item, payload=sent)
        content = _with_media_id(payload.content, item, channel)
        if content is not payload.content:
            return replace(item, payload=replace(payload, content=content))
    elif isinstance(payload, ThreadControl):
        return replace(item, payload=_held(payload, _app_id(channel)))
    return item


def _is_ours(echo: Echo, own_app_id: str | None) -> bool:
    """Only our sends carry a reference of ours; where the app's id is known, that tells too."""
    return bool(echo.reference) or (own_app_id is not None and echo.app_id == own_app_id)


def _held(control: ThreadControl, own_app_id: str | None) -> ThreadControl:
    if own_app_id is None or control.app_id is None:
        return control
    if control.app_id == own_app_id:
        return replace(control, holder="us")
    return replace(control, holder="other_app") if control.holder == "us" else control


def _app_id(channel: Channel) -> str | None:
    choices = channel.choices if isinstance(channel, SendingChannel) else None
    return choices.app_id if choices else None


def _with_media_id(content: MessageContent, item: Item, channel: Channel) -> MessageContent:
    """The file's id is ours from here on; `pending` where there is something to fetch."""
    media = content.media
    if media is None or media.media_id is not None:
        return content
    changes: dict[str, object] = {"media_id": media_identity(channel.channel_id, item.provider_key)}
    if media.state is None and (media.provider_media_id or _url_of(content.data)):
        changes["state"] = "pending"
    return content.model_copy(update={"media": media.model_copy(update=changes)})


def _url_of(data: str | None) -> str | None:
    try:
        parsed = orjson.loads(data) if data else None
    except orjson.JSONDecodeError:
        return None
    url = parsed.get("url") if isinstance(parsed, dict) else None
    return url if isinstance(url, str) and url else None
