"""How content was the customer? The question at the end, and which answers are one. Pure."""

import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from contracts.v1.shapes import (
    ChannelType,
    Choice,
    Choices,
    ChoiceSection,
    MessageContent,
    MessageExtras,
)

ANSWERED_WITHIN: Final = timedelta(hours=24)
WINDOW: Final = timedelta(hours=23, minutes=55)
"""Free-form text may go out for 24 hours after the customer's last; minutes are for the way."""

_STARS: Final = "⭐🌟★"
_EMPTY_STARS: Final = "☆✩"
_DROPPED: Final = dict.fromkeys(map(ord, "\ufe0f\u20e3\u200b\u2060"))
_PAYLOAD: Final = re.compile(r"rating:([1-5])")
_DIGIT: Final = re.compile(
    r"([1-5])(?!\d)[^\S\n]*(?:/[^\S\n]*5(?!\d))?[^\S\n]*"
    r"(?P<stars>stars?\b|sterne?n?\b|étoiles?\b|estrellas?\b|stelle?\b|zvjezdic\w*|[⭐🌟★]+)?"
    r"(?P<gap>(?:\s*[.,;:!]+\s*|\s+[–—-]+\s+|\s*\n\s*|\s+|\s*$)(?!\d))(?P<comment>.*)",
    re.DOTALL | re.IGNORECASE,
)
_ROW: Final = re.compile(
    rf"([{_STARS}]{{1,5}})[{_EMPTY_STARS}]{{0,4}}(?P<comment>\s.*)?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Rating:
    """What a customer answered."""

    score: int
    comment: str | None


def rating_of(content: MessageContent) -> Rating | None:
    """Return the rating that a message is; None for any other message.

    A number with more words after it is a rating only where something parts them: "4, thanks" and
    "5 stars great" are, "3 days ago" is not. Who asks something wants an answer, not a receipt.
    """
    chosen = _chosen(content.data)
    if chosen is not None:
        return Rating(chosen, None)
    if content.kind not in ("text", "button_reply", "list_reply", "postback"):
        return None
    text = _plain(content.text or "")
    stars = _ROW.fullmatch(text)
    if stars is not None:
        return _with_comment(len(stars.group(1)), stars.group("comment"))
    digit = _DIGIT.fullmatch(text)
    if digit is None:
        return None
    gap = digit.group("gap")
    is_parted = gap.strip() or "\n" in gap or digit.group("stars") or "/" in text[:4]
    if digit.group("comment").strip() and not is_parted:
        return None
    return _with_comment(int(digit.group(1)), digit.group("comment"))


def is_awaited(
    asked_seq: int | None, asked_at: datetime | None, last_seq: int, now: datetime
) -> bool:
    """Whether the next message may be the rating: nothing was said since the question, a day."""
    if asked_seq is None or asked_at is None:
        return False
    return asked_seq == last_seq and now - asked_at < ANSWERED_WITHIN


def may_be_asked(channel_type: ChannelType, customer_wrote_at: datetime, now: datetime) -> bool:
    """Whether the question may go out: Meta's channels let nobody be asked after a day."""
    return channel_type == "webchat" or now - customer_wrote_at < WINDOW


def question_choices() -> MessageExtras:
    """Return 5 to 1 to tap; the number alone is an answer too."""
    choices = [
        Choice(payload=f"rating:{score}", title="⭐" * score, description=None, url=None)
        for score in range(5, 0, -1)
    ]
    return MessageExtras(
        header=None,
        footer=None,
        media=[],
        choices=Choices(
            style="quick_replies",
            label=None,
            sections=[ChoiceSection(title=None, choices=choices)],
        ),
        template=None,
        location=None,
        reaction=None,
    )


def _chosen(data: str | None) -> int | None:
    if not data:
        return None
    try:
        tapped = json.loads(data)
    except ValueError:
        return None
    if not isinstance(tapped, dict):
        return None
    for name in ("payload", "id"):
        found = _PAYLOAD.fullmatch(str(tapped.get(name)))
        if found is not None:
            return int(found.group(1))
    return None


def _with_comment(score: int, comment: str | None) -> Rating | None:
    words = (comment or "").strip()
    if "?" in words or "？" in words:
        return None
    return Rating(score, words or None)


def _plain(text: str) -> str:
    """Digits of every script as ASCII, without what makes an emoji of them."""
    plain = unicodedata.normalize("NFKC", text.translate(_DROPPED)).strip()
    return "".join(
        str(unicodedata.digit(one)) if one.isdigit() and not one.isascii() else one for one in plain
    )
