"""A customer's message comes in.

1. A provider's POST, or a widget's socket message, is in gateway's ledger:
   `channel-webhook-received`.
2. channel-ingress walks every item of it: `message-received` for what a customer said,
   `update-received` for everything else that is worth knowing.
3. orchestrator gives the message its place: see the story `turns`.
4. Its files are fetched by a job of their own: `media-stored` or `media-failed`.
5. What later becomes of a message, in whatever order it is heard: `message-changed`.
6. When somebody else speaks for the business, or takes the thread: `echo-received`,
   `thread-control-changed`.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Event, Sha256, ShortText
from contracts.v1.shapes import (
    ChannelType,
    ContactRef,
    ExternalId,
    MediaRef,
    MessageChanges,
    MessageContent,
    MessageText,
)


class ChannelWebhookReceived(Event, owner="gateway", heard_by=("channel-ingress",), version=1):
    """A body that we answered 200 (or acknowledged to a widget) is in the ledger."""

    delivery_id: UUID = Field(description="Row of the ledger.")
    channel_type: ChannelType = Field(description="Which adapter reads the body.")
    channel_id: UUID | None = Field(
        description="The channel if the address named it; null for the app-wide Meta address, "
        "whose body may mix channels and tenants (tenant_id is then the platform's)."
    )
    body: Annotated[str, Field(max_length=65_536)] | None = Field(
        description="The raw body as text, when small and UTF-8."
    )
    body_sha256: Sha256 | None = Field(description="Where the raw bytes are in blobs, otherwise.")


class MessageReceived(
    Event,
    owner="channel-ingress",
    heard_by=("orchestrator",),
    version=1,
    public="message.received",
):
    """A customer wrote to a tenant, and we have kept what they wrote."""

    channel_id: UUID = Field(description="The channel it came by.")
    channel_type: ChannelType = Field(description="Its type.")
    conversation_id: UUID = Field(description="uuid5 of channel and contact: stable.")
    contact: ContactRef = Field(description="Who wrote.")
    provider_message_id: ExternalId = Field(description="wamid, mid, or the widget's own id.")
    sent_at: AwareDatetime = Field(description="When the provider says it was written, UTC.")
    content: MessageContent = Field(description="What was said.")
    reply_to: ExternalId | None = Field(description="Provider id of the message answered.")
    client_message_id: ShortText | None = Field(description="The widget's own id of it.")
    imported: bool | None = Field(
        None, description="True for history from before the channel was connected: never answered."
    )


class UpdateReceived(
    Event, owner="channel-ingress", heard_by=(), version=1, public="channel.update-received"
):
    """Something else arrived: an echo, a reaction, an edit, an account notice, an unknown kind."""

    channel_id: UUID = Field(description="The channel it came by.")
    channel_type: ChannelType = Field(description="Its type.")
    conversation_id: UUID | None = Field(description="The conversation, where it has one.")
    update_kind: Annotated[str, Field(max_length=64)] = Field(
        description="reaction, edit, revoke, echo, standby, system, template, account, unknown …"
    )
    provider_message_id: ExternalId | None = Field(description="The message it is about, if any.")
    data: MessageText = Field(description="The item as the provider sent it, JSON text.")
    severity: Literal["info", "warning"] = Field(description="Whether somebody should look.")


class EchoReceived(
    Event,
    owner="channel-ingress",
    heard_by=("orchestrator",),
    version=1,
    public="message.echoed",
):
    """The business spoke by another way than ours: the phone app, the page's inbox, another app."""

    channel_id: UUID = Field(description="The channel.")
    channel_type: ChannelType = Field(description="Its type.")
    conversation_id: UUID = Field(description="The conversation.")
    contact: ContactRef = Field(description="The customer who was written to.")
    provider_message_id: ExternalId = Field(description="wamid or mid.")
    sent_at: AwareDatetime = Field(description="When the provider says it was written, UTC.")
    content: MessageContent = Field(description="What was said.")
    source: Literal["phone_app", "page_inbox", "other_app"] = Field(description="By which way.")
    app_id: ShortText | None = Field(description="The other app's id, if known.")
    imported: bool | None = Field(description="True for history: nobody takes over by it.")


class ThreadControlChanged(
    Event,
    owner="channel-ingress",
    heard_by=("orchestrator",),
    version=1,
    public="conversation.thread-control-changed",
):
    """Messenger's thread went to another app, or came to us."""

    channel_id: UUID = Field(description="The channel.")
    channel_type: ChannelType = Field(description="Its type.")
    conversation_id: UUID = Field(description="The conversation.")
    contact: ContactRef = Field(description="The customer.")
    holder: Literal["us", "page_inbox", "other_app"] = Field(description="Who may speak now.")
    app_id: ShortText | None = Field(description="The other app's id, if known.")
    at: AwareDatetime = Field(description="When the provider says it happened, UTC.")


class MessageChanged(
    Event,
    owner="channel-ingress",
    heard_by=("orchestrator",),
    version=1,
    public="message.changed",
):
    """A message was edited, taken back or reacted to; this is all of it, not only the news."""

    channel_id: UUID = Field(description="The channel.")
    channel_type: ChannelType = Field(description="Its type.")
    conversation_id: UUID | None = Field(description="The conversation; null while unknown.")
    provider_message_id: ExternalId = Field(description="The message it is about.")
    recorded_message_id: UUID | None = Field(description="Ours, when we sent the message.")
    revision: int = Field(ge=1, description="Rises with each change; older ones are ignored.")
    changes: MessageChanges = Field(description="The state from now on.")
    orphaned: bool = Field(description="Whether its message has still not come.")


class MediaStored(
    Event,
    owner="channel-ingress",
    heard_by=("orchestrator",),
    version=1,
    public="media.stored",
):
    """A file of a message is in our storage, checked against size, type and hash."""

    channel_id: UUID = Field(description="The channel.")
    channel_type: ChannelType = Field(description="Its type.")
    conversation_id: UUID = Field(description="The conversation.")
    provider_message_id: ExternalId = Field(description="The message it belongs to.")
    media: MediaRef = Field(description="The file, with its hash.")


class MediaFailed(
    Event,
    owner="channel-ingress",
    heard_by=("orchestrator",),
    version=1,
    public="media.failed",
):
    """A file of a message could not be fetched, and will not be tried again."""

    channel_id: UUID = Field(description="The channel.")
    channel_type: ChannelType = Field(description="Its type.")
    conversation_id: UUID = Field(description="The conversation.")
    provider_message_id: ExternalId = Field(description="The message it belongs to.")
    media: MediaRef = Field(description="The file, with the problem.")
    detail: ShortText = Field(description="One sentence for a person.")
