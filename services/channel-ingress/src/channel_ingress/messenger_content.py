"""The content of a Messenger or Instagram message, one for each attachment."""

from __future__ import annotations

from typing import Any

from channel_ingress.content import ContentKind, content, file_of
from channel_ingress.reading import Json, listed
from contracts.v1.shapes import MessageContent

_FILES: dict[str, ContentKind] = {
    "image": "image",
    "video": "video",
    "audio": "audio",
    "file": "document",
}
_LINKS = frozenset(
    {
        "fallback",
        "ig_post",
        "ig_reel",
        "ig_story",
        "link",
        "post",
        "reel",
        "share",
        "story_mention",
        "template",
    }
)
_UNSUPPORTED_KEYS = ("is_unsupported", "attachments", "text")


def contents_of(message: Json) -> list[MessageContent]:
    """At least one content: the words with the first attachment, then one a further attachment."""
    referral, context = message.get("referral"), _context_of(message)
    first, *others = _plain_contents(message)
    if referral or context:
        origin = content(first.kind, referral=referral, context=context)
        changes = {"referral": origin.referral, "context": origin.context}
        first = first.model_copy(update=changes)
    return [first, *others]


def echo_contents_of(message: Json) -> list[MessageContent]:
    """What the business said; also what cannot be shown was said."""
    if message.get("text") or message.get("attachments") or message.get("is_unsupported"):
        return contents_of(message)
    return [content("unsupported", data=message)]


def postback_content(postback: Json) -> MessageContent:
    """The title that was tapped; a referral may ride inside Get Started."""
    words = postback.get("title") or postback.get("payload")
    return content("postback", words, data=postback, referral=postback.get("referral"))


def _plain_contents(message: Json) -> list[MessageContent]:
    text, quick_reply = message.get("text"), message.get("quick_reply")
    if isinstance(quick_reply, dict):
        return [content("button_reply", text, data=quick_reply)]
    attachments = listed(message.get("attachments"))
    if message.get("is_unsupported"):
        kept = {key: message[key] for key in _UNSUPPORTED_KEYS if key in message}
        return [content("unsupported", text, data=kept)]
    if not attachments:
        if not isinstance(text, str) or not text:
            raise ValueError("a message without text and attachments")
        return [content("text", text)]
    sticker = message.get("sticker_id")
    return [
        _attachment(attachment, None if place else text, sticker)
        for place, attachment in enumerate(attachments)
    ]


def _attachment(attachment: Any, text: object, sticker_id: object) -> MessageContent:
    if not isinstance(attachment, dict):
        return content("unsupported", text, data=attachment)
    kind = str(attachment.get("type"))
    payload = attachment.get("payload")
    payload = payload if isinstance(payload, dict) else {}
    # One flat object: `url` is where the media job looks for it.
    data = {**{key: attachment[key] for key in attachment if key != "payload"}, **payload}
    if kind == "location":
        return content("location", text or attachment.get("title"), data=_place(data))
    if kind in _FILES:
        file = file_of(None, None, payload.get("file_name") or payload.get("title"))
        is_sticker = payload.get("sticker_id") or sticker_id
        return content("sticker" if is_sticker else _FILES[kind], text, file, data)
    if kind in _LINKS:
        return content("text", text or _readable(data), data=data)
    return content("unsupported", text or _readable(data), data=data)


def _place(data: Json) -> Json:
    """Latitude and longitude under the names that every channel has."""
    point = data.get("coordinates")
    if not isinstance(point, dict):
        return data
    return {**data, "latitude": point.get("lat"), "longitude": point.get("long")}


def _readable(data: Json) -> str | None:
    """Title and address of a link, a shared post or the cards of a template."""
    elements = data.get("elements")
    product = data.get("product")
    if isinstance(product, dict):
        elements = product.get("elements")
    cards = [data, *(elements if isinstance(elements, list) else ())]
    lines: list[str] = []
    for card in cards:
        if isinstance(card, dict):
            lines += [_text(card, key) for key in ("title", "text", "subtitle", "url")]
    return "\n".join(dict.fromkeys(filter(None, lines))) or None


def _text(card: Json, key: str) -> str:
    value: Any = card.get(key)
    return value if isinstance(value, str) else ""


def _context_of(message: Json) -> Json:
    """What is answered beside a message: a story; and whether a chat plugin was used."""
    reply_to, tags = message.get("reply_to"), message.get("tags")
    story = reply_to.get("story") if isinstance(reply_to, dict) else None
    return {key: value for key, value in (("story", story), ("tags", tags)) if value}
