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
    contact_id: UUID | None = Field(
        None, description="The tenant's contact, the same over all channels; see story `contacts`."
    )
    user_id: ExternalId | None = Field(
        None, description="Business-scoped user id such as `US.1349…`, if the channel gave one."
    )
    username: ShortText | None = Field(None, description="Public user name, if any.")
    email: ShortText | None = Field(None, description="E-mail that the tenant vouches for, if any.")


class MediaRef(Part):
    """A file of a message: the provider's handle, and our copy once it is fetched."""

    provider_media_id: ShortText | None = Field(description="The provider's id of the file.")
    mime_type: ShortText | None = Field(description="Declared type.")
    file_name: ShortText | None = Field(description="Name the sender gave.")
    sha256: Sha256 | None = Field(description="Hash of the bytes in our storage, once stored.")
    size_bytes: int | None = Field(ge=0, description="Size, where known.")
    media_id: UUID | None = Field(
        None, description="Our id of the file; `media-stored` and `media-failed` carry it."
    )
    state: Literal["pending", "stored", "failed"] | None = Field(
        None, description="Whether the bytes are in our storage; null: nobody fetches them."
    )
    problem: Code | None = Field(
        None, description="Why it failed: expired, hash_mismatch, too_large, type_mismatch …"
    )


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
    referral: MessageText | None = Field(
        None, description="The ad, post or link that led here, JSON text as the provider sent it."
    )
    context: MessageText | None = Field(
        None, description="Forwarded flags and the product asked about, JSON text."
    )


class OutgoingMedia(Part):
    """A file to send; its bytes are in our storage."""

    kind: Literal["image", "video", "audio", "voice", "document", "sticker"] = Field(
        description="How it is to be shown."
    )
    sha256: Sha256 = Field(description="Hash of the bytes in our storage.")
    mime_type: ShortText = Field(description="Its type, as its content says.")
    file_name: ShortText | None = Field(description="Name that the customer sees.")
    size_bytes: int = Field(ge=1, description="Its size.")


class Choice(Part):
    """Something to tap: a reply button, a row of a list, a quick reply or a link."""

    payload: Annotated[str, Field(max_length=256)] = Field(
        description="Comes back when it is tapped; the customer does not see it."
    )
    title: Annotated[str, Field(min_length=1, max_length=256)] = Field(description="Its words.")
    description: ShortText | None = Field(description="A second line, where there is room.")
    url: Annotated[str, Field(max_length=2_048)] | None = Field(
        description="Opens this address instead of coming back."
    )


class ChoiceSection(Part):
    """Choices under one heading."""

    title: ShortText | None = Field(description="The heading.")
    choices: Annotated[list[Choice], Field(min_length=1, max_length=100)] = Field(
        description="In the order in which they are shown."
    )


class Choices(Part):
    """What the customer may tap; the adapter picks the shape that its limits allow."""

    style: Literal["buttons", "list", "quick_replies"] = Field(description="The shape wished for.")
    label: ShortText | None = Field(description="On the button that opens a list.")
    sections: Annotated[list[ChoiceSection], Field(min_length=1, max_length=20)] = Field(
        description="One section where headings do not matter."
    )


class TemplateParameter(Part):
    """A value for one place of a template."""

    component: Literal["header", "body", "button"] = Field(description="Where the place is.")
    index: int = Field(ge=0, le=31, description="Which place of it, or which button, from 0.")
    name: ShortText | None = Field(description="Its name, for templates with named places.")
    text: Annotated[str, Field(max_length=1_024)] | None = Field(description="The words.")
    media: OutgoingMedia | None = Field(description="The file of a media header.")


class TemplateCall(Part):
    """A template that Meta approved, with its values."""

    name: ShortText = Field(description="Its name.")
    language: Annotated[str, Field(max_length=16)] = Field(description="Its language, e.g. en_US.")
    parameters: Annotated[list[TemplateParameter], Field(max_length=64)] = Field(
        description="A value for each place."
    )


class GeoPoint(Part):
    """A place on the map."""

    latitude: float = Field(ge=-90, le=90, description="Degrees north.")
    longitude: float = Field(ge=-180, le=180, description="Degrees east.")
    name: ShortText | None = Field(description="What is there.")
    address: ShortText | None = Field(description="Postal address.")


class OutgoingReaction(Part):
    """A reaction of the business to a message."""

    about: ExternalId = Field(description="Provider id of the message reacted to.")
    emoji: Annotated[str, Field(max_length=64)] = Field(
        description="One emoji; empty takes the reaction back."
    )


class MessageExtras(Part):
    """What goes with, or instead of, the text of an outgoing message."""

    header: ShortText | None = Field(description="A line above the text.")
    footer: ShortText | None = Field(description="A line below the text.")
    media: Annotated[list[OutgoingMedia], Field(max_length=10)] = Field(
        description="Files; the text is the caption of the first where the channel has captions."
    )
    choices: Choices | None = Field(description="What the customer may tap.")
    template: TemplateCall | None = Field(description="Send this template instead of the text.")
    location: GeoPoint | None = Field(description="A place.")
    reaction: OutgoingReaction | None = Field(description="A reaction instead of a message.")


class Reaction(Part):
    """A reaction that stands at a message now."""

    by: Literal["customer", "business"] = Field(description="Whose.")
    emoji: Annotated[str, Field(max_length=64)] = Field(description="The emoji.")
    at: AwareDatetime = Field(description="When the provider says it was given, UTC.")


class MessageChanges(Part):
    """What became of a message after it was written: all of it, not only the news."""

    edited_text: MessageText | None = Field(description="The newest words, if it was edited.")
    edited_at: AwareDatetime | None = Field(description="When it was last edited, UTC.")
    revoked_at: AwareDatetime | None = Field(description="When it was taken back, UTC.")
    reactions: Annotated[list[Reaction], Field(max_length=32)] = Field(
        description="Reactions that stand now."
    )


class SendPlan(Part):
    """What the send planner decided, and by which row of its policy table."""

    decision: Literal["free_form", "tagged", "template", "later", "refuse"] = Field(
        description="How it goes out, if it does."
    )
    rule: Code = Field(description="The row of the policy table that decided.")
    detail: ShortText = Field(description="Why, in one sentence for a person.")
    policy: ShortText = Field(description="Date of the policy table, e.g. 2026-11-22.")
    message_tag: ShortText | None = Field(description="Messenger's tag, when tagged.")
    template: ShortText | None = Field(description="The template's name, when it goes as one.")


class Price(Part):
    """What the provider says a message costs; money itself is on Meta's invoice."""

    category: ShortText = Field(description="marketing, utility, authentication, service …")
    pricing_model: ShortText | None = Field(description="PMP (per message), CBP …")
    type: ShortText | None = Field(description="regular, free_customer_service …")
    billable: bool | None = Field(description="Whether it is charged.")


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
    source_url: Annotated[str, Field(max_length=2_048)] | None = Field(
        None, description="The address, where the document is a web page."
    )


class HandoffBrief(Part):
    """What a person should know before the first word."""

    summary: Annotated[str, Field(max_length=2_000)] = Field(description="What happened so far.")
    wish: ShortText = Field(description="What the customer wants.")
    tried: Annotated[list[ShortText], Field(max_length=10)] = Field(
        description="What the bot did: searches, tools, answers."
    )
    sources: Annotated[list[ShortText], Field(max_length=10)] = Field(
        description="Documents that were found."
    )
    written_by: ShortText = Field(description="The model, or `rules` where none was asked.")


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
    author: ShortText | None = Field(None, description="The person's name, for agents.")
    provider_message_id: ExternalId | None = Field(
        None, description="The provider's id of it, where it has one."
    )
    reply_to: ExternalId | None = Field(
        None, description="Provider id of the message that it answers."
    )
    extras: MessageExtras | None = Field(
        None, description="Files, choices and the rest of an outgoing message."
    )
    changes: MessageChanges | None = Field(
        None, description="Edits, reactions and whether it was taken back; null if nothing."
    )
    delivery_detail: ShortText | None = Field(
        None, description="One sentence on why it failed, waits or is unknown."
    )
    plan: SendPlan | None = Field(None, description="How the send planner let it go out.")
    price: Price | None = Field(None, description="What the provider says it costs.")
    sent_at: AwareDatetime | None = Field(
        None,
        description="When the channel says it was written, UTC. Imported history keeps its own "
        "time, whatever its place.",
    )
