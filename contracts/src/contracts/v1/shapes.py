"""Parts that several stories share."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Code, Part, Sha256, ShortText

PLATFORM = UUID(int=0)
"""`tenant_id` of messages that are about no single tenant."""

ChannelType = Literal["whatsapp", "messenger", "webchat"]
Role = Literal["customer", "bot", "agent", "system"]
ConversationStatus = Literal["active", "waiting", "assigned_human", "snoozed", "resolved", "closed"]
ConversationOwner = Literal["bot", "human", "integrator", "nobody"]
DeliveryState = Literal[
    "none", "planned", "attempting", "accepted", "delivered", "read", "failed", "unknown"
]
ExternalId = Annotated[str, Field(min_length=1, max_length=512)]
MessageText = Annotated[str, Field(max_length=65_536)]
Cursor = Annotated[str, Field(max_length=512)]
Limit = Annotated[int, Field(ge=1, le=200)]


class ContactRef(Part):
    """Who wrote, as the channel knows them."""

    external_id: ExternalId = Field(description="Stable id on this channel: wa_id, PSID, visitor.")
    display_name: ShortText | None = Field(description="Name the channel gave, if any.")
    phone: Annotated[str, Field(max_length=32)] | None = Field(
        description="Phone number in digits, if the channel gave one."
    )


class MediaRef(Part):
    """A file of a message: the provider's handle, and our copy once it is fetched."""

    provider_media_id: ShortText | None = Field(description="The provider's id of the file.")
    mime_type: ShortText | None = Field(description="Declared type.")
    file_name: ShortText | None = Field(description="Name the sender gave.")
    sha256: Sha256 | None = Field(description="Hash of the bytes in our storage, once stored.")
    size_bytes: int | None = Field(ge=0, description="Size, where known.")


class MessageContent(Part):
    """What was said, in one shape for all channels."""

    kind: Literal[
        "text",
        "image",
        "video",
        "audio",
        "voice",
        "document",
        "sticker",
        "location",
        "contacts",
        "button_reply",
        "list_reply",
        "form_reply",
        "postback",
        "order",
        "unsupported",
    ] = Field(description="What kind of content this is.")
    text: MessageText | None = Field(description="Text, caption, or title of what was chosen.")
    media: MediaRef | None = Field(description="The file, for kinds that have one.")
    data: MessageText | None = Field(
        description="The rest as a JSON text: coordinates, contact cards, order, payload."
    )


class Citation(Part):
    """Where a part of an answer comes from."""

    number: int = Field(ge=1, le=99, description="The [n] in the text.")
    document_id: UUID = Field(description="The cited document.")
    document_version: int = Field(ge=1, description="The version that was read.")
    passage_id: UUID = Field(description="The cited passage.")
    title: ShortText = Field(description="The document's title.")
    page: int | None = Field(ge=1, description="Page, where the document has pages.")
    heading: ShortText | None = Field(description="Heading path, joined by ' > '.")
    quote: Annotated[str, Field(max_length=2_000)] = Field(description="The passage's words.")
    score: float = Field(description="Fused score of the passage, 0 to 1.")


class RecordedMessage(Part):
    """A message of a conversation, with its place in it."""

    recorded_message_id: UUID = Field(description="Identity of the message in its conversation.")
    seq: int = Field(ge=1, description="Its place; rises by one, never reused.")
    role: Role = Field(description="Who said it.")
    text: MessageText = Field(description="What was said, Markdown for bot and agents.")
    content: MessageContent | None = Field(description="The whole content, if more than text.")
    citations: Annotated[list[Citation], Field(max_length=20)] = Field(
        description="Sources of an answer."
    )
    created_at: AwareDatetime = Field(description="When it was recorded, UTC.")
    client_message_id: ShortText | None = Field(description="The widget's own id of it.")
    turn_id: UUID | None = Field(description="The turn that wrote it.")
    delivery: DeliveryState = Field(description="How far an outgoing message has come.")
    delivery_code: Code | None = Field(description="Why it failed, where it did.")
