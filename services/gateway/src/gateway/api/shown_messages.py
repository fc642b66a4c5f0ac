"""A recorded message as the API shows it: with fresh links to its files."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from contracts.v1.shapes import (
    MediaRef,
    MessageContent,
    MessageExtras,
    OutgoingMedia,
    RecordedMessage,
)
from gateway.media_links import MediaLinks

Url = Annotated[
    str | None, Field(description="Opens it for ten minutes without a key; null: not stored.")
]


class MediaWithLink(MediaRef):
    """A file that was received, and where it opens."""

    url: Url = None


class OutgoingMediaWithLink(OutgoingMedia):
    """A file that is sent, and where it opens."""

    url: Url = None


class ContentShown(MessageContent):
    """What was said."""

    media: MediaWithLink | None = Field(description="The file, for kinds that have one.")


class ExtrasShown(MessageExtras):
    """What goes with, or instead of, the text."""

    media: Annotated[  # type: ignore[assignment]  # a list of the same with more in it
        list[OutgoingMediaWithLink], Field(description="Files.")
    ]


class MessageShown(RecordedMessage):
    """A message of a conversation."""

    content: ContentShown | None = Field(description="The whole content, if more than text.")
    extras: ExtrasShown | None = Field(None, description="Files, choices and the rest.")


def shown_message(
    links: MediaLinks, tenant_id: UUID, message: RecordedMessage, *, absolute: bool = True
) -> dict[str, Any]:
    """The message as JSON, each stored file with its `url`."""
    data = message.model_dump(mode="json")
    content, extras = data["content"], data["extras"]
    if content and content["media"]:
        content["media"] = links.with_url(tenant_id, content["media"], absolute=absolute)
    if extras:
        extras["media"] = [
            links.with_url(tenant_id, media, absolute=absolute) for media in extras["media"]
        ]
    return data
