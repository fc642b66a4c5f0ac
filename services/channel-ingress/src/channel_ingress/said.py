"""The messages that this service says, made from items and sends."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from channel_ingress.contact_book import Known
from channel_ingress.domain import conversation_identity, item_identity, outcome_identity
from channel_ingress.items import (
    Change,
    CustomerMessage,
    Echo,
    IdentityChange,
    Item,
    Preference,
    ThreadControl,
    Update,
)
from channel_ingress.send_store import Delay
from channel_ingress.store import Channel
from contracts.message import Event
from contracts.v1.channels import (
    ChannelWebhookReceived,
    EchoReceived,
    MessageReceived,
    ThreadControlChanged,
    UpdateReceived,
)
from contracts.v1.sending import (
    MessageDelayed,
    MessageFailed,
    MessageSent,
    MessageStatusChanged,
    MessageUnknown,
    SendMessage,
)
from contracts.v1.shapes import Price, SendPlan


def item_event(
    cause: ChannelWebhookReceived, channel: Channel, item: Item, known: Known | None
) -> Event:
    """What is said of a new item: who spoke, who holds the thread, or an update worth knowing.

    `known` is the person whom the item names, where it names one.
    """
    payload, fields = item.payload, _fields(cause, channel, item)
    if known is not None:
        fields["conversation_id"] = known.conversation_id
        if isinstance(payload, CustomerMessage):
            return _message_received(payload, known, fields)
        if isinstance(payload, Echo):
            return _echo_received(payload, known, fields)
        if isinstance(payload, ThreadControl):
            holder, at, app_id = payload.holder, payload.at, payload.app_id
            return ThreadControlChanged.make(
                contact=known.contact, holder=holder, at=at, app_id=app_id, **fields
            )
    return _update_received(channel, item, fields)


def _fields(cause: ChannelWebhookReceived, channel: Channel, item: Item) -> dict[str, Any]:
    return {
        "tenant_id": channel.tenant_id,
        "correlation_id": cause.correlation_id,
        "causation_id": cause.message_id,
        "message_id": item_identity(channel.channel_id, item.provider_key),
        "channel_id": channel.channel_id,
        "channel_type": channel.channel_type,
    }


def _message_received(
    message: CustomerMessage, known: Known, fields: dict[str, Any]
) -> MessageReceived:
    return MessageReceived.make(
        contact=known.contact,
        provider_message_id=message.provider_message_id,
        sent_at=message.sent_at,
        content=message.content,
        reply_to=message.reply_to,
        client_message_id=message.client_message_id,
        imported=True if message.is_imported else None,
        **fields,
    )


def _echo_received(echo: Echo, known: Known, fields: dict[str, Any]) -> EchoReceived:
    return EchoReceived.make(
        contact=known.contact,
        provider_message_id=echo.provider_message_id,
        sent_at=echo.sent_at,
        content=echo.content,
        source=echo.source,
        app_id=echo.app_id,
        imported=True if echo.is_imported else None,
        **fields,
    )


def _update_received(channel: Channel, item: Item, fields: dict[str, Any]) -> UpdateReceived:
    kind, about, severity = "unparsed", None, "warning"
    match item.payload:
        case Update() as update:
            kind, about, severity = update.kind[:64], update.about, update.severity
            contact = update.contact_external_id
            if contact and "conversation_id" not in fields:
                fields["conversation_id"] = conversation_identity(channel.channel_id, contact)
        case Change() as change:
            kind, about, severity = change.what, change.about, "info"
        case IdentityChange():
            kind, severity = "identity", "info"
        case Preference():
            kind, severity = "preference", "info"
    return UpdateReceived.make(
        **{"conversation_id": None, **fields},
        update_kind=kind,
        provider_message_id=about,
        data=item.raw,
        severity=severity,
    )


def message_sent(
    command: SendMessage, provider_message_ids: list[str], plan: SendPlan | None = None
) -> MessageSent:
    """The provider accepted every part."""
    return MessageSent.after(
        command,
        message_id=outcome_identity(command.send_id, "sent"),
        send_id=command.send_id,
        conversation_id=command.conversation_id,
        channel_id=command.channel_id,
        channel_type=command.channel_type,
        recorded_message_id=command.recorded_message_id,
        provider_message_ids=provider_message_ids,
        text=command.body.text,
        plan=plan,
    )


def message_failed(
    command: SendMessage,
    code: str,
    provider_code: int | None,
    detail: str,
    plan: SendPlan | None = None,
) -> MessageFailed:
    """Certainly not delivered, and not tried again."""
    return MessageFailed.after(
        command,
        message_id=outcome_identity(command.send_id, "failed"),
        send_id=command.send_id,
        conversation_id=command.conversation_id,
        channel_id=command.channel_id,
        channel_type=command.channel_type,
        recorded_message_id=command.recorded_message_id,
        code=code,
        provider_code=provider_code,
        detail=detail[:512],
        plan=plan,
    )


def message_delayed(delay: Delay) -> MessageDelayed:
    """It waits; said once for each reason."""
    command = delay.command
    return MessageDelayed.after(
        command,
        message_id=outcome_identity(command.send_id, f"delayed:{delay.code}"),
        send_id=command.send_id,
        conversation_id=command.conversation_id,
        channel_id=command.channel_id,
        channel_type=command.channel_type,
        recorded_message_id=command.recorded_message_id,
        code=delay.code,
        detail=delay.detail[:512],
        until=delay.until,
    )


def message_unknown(command: SendMessage, detail: str) -> MessageUnknown:
    """Nobody knows whether it was delivered."""
    return MessageUnknown.after(
        command,
        message_id=outcome_identity(command.send_id, "unknown"),
        send_id=command.send_id,
        conversation_id=command.conversation_id,
        channel_id=command.channel_id,
        channel_type=command.channel_type,
        recorded_message_id=command.recorded_message_id,
        detail=detail[:512],
    )


def status_changed(
    command: SendMessage,
    status: Literal["delivered", "read", "failed"],
    *,
    provider_code: int | None,
    detail: str,
    at: datetime,
    price: Price | None,
    is_rise: bool,
) -> MessageStatusChanged:
    """It has come further, or only its price has become known."""
    news = f"status:{status}" if is_rise else f"price:{price.model_dump_json() if price else ''}"
    return MessageStatusChanged.after(
        command,
        message_id=outcome_identity(command.send_id, news),
        send_id=command.send_id,
        conversation_id=command.conversation_id,
        channel_id=command.channel_id,
        channel_type=command.channel_type,
        recorded_message_id=command.recorded_message_id,
        status=status,
        provider_code=provider_code,
        at=at,
        detail=detail[:512] or None,
        price=price,
    )
