"""Events as integrators read them: CloudEvents 1.0, structured JSON. Pure.

The same bytes are POSTed to endpoints and published on the feed. Within a major version types and
fields are only added.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from contracts.message import Event, Message

TYPE_PREFIX: Final = "dev.metachat"
CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
EVENT_BYTES_MAX: Final = 64 * 1024
TEST_TYPE: Final = "webhook.test"

_ENVELOPE: Final = frozenset(Message.model_fields)
# Settings, provider payloads and storage addresses stay inside the platform.
_KEPT_INSIDE: Final[Mapping[str, frozenset[str]]] = {
    "tenant.updated": frozenset({"settings"}),
    "channel.update-received": frozenset({"data"}),
    "document.uploaded": frozenset({"sha256"}),
    "message.received": frozenset({"client_message_id"}),
}
_LONG_TEXT: Final = 4_000


@dataclass(frozen=True, slots=True)
class PublicEvent:
    """One event, ready for the log, the feed and the endpoints."""

    event_id: UUID
    tenant_id: UUID
    event_type: str
    routing_key: str
    occurred_at: datetime
    body: str


def render(event: Event, slug: str, traceparent: str, public_url: str = "") -> PublicEvent:
    """Turn an internal event into what its tenant may read."""
    event_type = event.public
    if event_type is None:
        raise ValueError(f"{event.address} is not public")
    hidden = _KEPT_INSIDE.get(event_type, frozenset())
    fields = event.model_dump(mode="json", exclude=set(_ENVELOPE | hidden))
    return _assembled(
        event_id=event.message_id,
        tenant_id=event.tenant_id,
        slug=slug,
        event_type=event_type,
        version=event.version,
        occurred_at=event.occurred_at,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        traceparent=traceparent,
        public_url=public_url,
        data=fields,
    )


def render_test(event_id: UUID, tenant_id: UUID, slug: str, now: datetime) -> PublicEvent:
    """Make the event that a person sends to see whether an endpoint works."""
    return _assembled(
        event_id=event_id,
        tenant_id=tenant_id,
        slug=slug,
        event_type=TEST_TYPE,
        version=1,
        occurred_at=now,
        correlation_id=event_id,
        causation_id=None,
        traceparent="",
        public_url="",
        data={"text": "This endpoint works."},
    )


def amqp_headers(body: Mapping[str, Any]) -> dict[str, str]:
    """Copy what a queue's reader may filter by, without parsing the body; scalars only."""
    names = ("specversion", "id", "type", "source", "subject", "time", "tenantid")
    headers = {f"cloudEvents_{name}": str(body[name]) for name in names if name in body}
    if "traceparent" in body:
        headers["traceparent"] = str(body["traceparent"])
    return headers


def _assembled(
    *,
    event_id: UUID,
    tenant_id: UUID,
    slug: str,
    event_type: str,
    version: int,
    occurred_at: datetime,
    correlation_id: UUID,
    causation_id: UUID | None,
    traceparent: str,
    public_url: str,
    data: dict[str, Any],
) -> PublicEvent:
    occurred_at = occurred_at.astimezone(UTC)
    channel = data.get("channel_type")
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(event_id),
        "type": f"{TYPE_PREFIX}.{event_type}.v{version}",
        "source": _source(slug, data),
        "subject": _subject(tenant_id, data),
        "time": occurred_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "tenantid": slug,
        "correlationid": str(correlation_id),
        "partitionkey": _partition_key(tenant_id, data),
        # Microseconds of the event's time: sorts the events of one conversation.
        "sequence": f"{int(occurred_at.timestamp() * 1_000_000):018d}",
    }
    if channel:
        attributes["channel"] = channel
    if causation_id is not None:
        attributes["causationid"] = str(causation_id)
    if traceparent:
        attributes["traceparent"] = traceparent
    if public_url:
        schema = f"{public_url.rstrip('/')}/contracts/events/{event_type}/{version}.0.json"
        attributes["dataschema"] = schema
    return PublicEvent(
        event_id=event_id,
        tenant_id=tenant_id,
        event_type=event_type,
        routing_key=f"{slug}.{channel or '-'}.{event_type}.v{version}",
        occurred_at=occurred_at,
        body=_bounded({**attributes, "data": data}),
    )


def _source(slug: str, data: Mapping[str, Any]) -> str:
    channel_id = data.get("channel_id") or (data.get("template") or {}).get("channel_id")
    return f"/tenants/{slug}/channels/{channel_id}" if channel_id else f"/tenants/{slug}"


def _subject(tenant_id: UUID, data: Mapping[str, Any]) -> str:
    if data.get("conversation_id"):
        return _subject_of_conversation(data)
    if data.get("document_id"):
        return f"documents/{data['document_id']}"
    if data.get("endpoint_id"):
        return f"webhooks/{data['endpoint_id']}"
    if contact_id := _contact_id(data):
        return f"contacts/{contact_id}"
    if data.get("template"):
        return f"templates/{data['template']['template_id']}"
    if data.get("channel_id"):
        return f"channels/{data['channel_id']}"
    return f"tenants/{tenant_id}"


def _subject_of_conversation(data: Mapping[str, Any]) -> str:
    conversation = f"conversations/{data['conversation_id']}"
    if data.get("recorded_message_id"):
        return f"{conversation}/messages/{data['recorded_message_id']}"
    if data.get("turn_id"):
        return f"{conversation}/turns/{data['turn_id']}"
    return conversation


def _contact_id(data: Mapping[str, Any]) -> str | None:
    """Whom the event is about: a merge is about the contact that stays."""
    if data.get("merge"):
        return str(data["merge"]["kept_contact_id"])
    contact_id = (data.get("contact") or {}).get("contact_id")
    return str(contact_id) if contact_id else None


def _partition_key(tenant_id: UUID, data: Mapping[str, Any]) -> str:
    """Whose events have an order among themselves."""
    names = ("conversation_id", "document_id", "channel_id")
    known = next((data[name] for name in names if data.get(name)), None)
    template_channel = (data.get("template") or {}).get("channel_id")
    return str(known or _contact_id(data) or template_channel or tenant_id)


def _bounded(event: dict[str, Any]) -> str:
    """Write it as JSON; long texts are cut, visibly, when it would exceed 64 KiB."""
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) <= EVENT_BYTES_MAX:
        return text
    shortened = {**event, "data": {**_shortened(event["data"]), "truncated": True}}
    return json.dumps(shortened, ensure_ascii=False, separators=(",", ":"))


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_LONG_TEXT]
    if isinstance(value, dict):
        return {key: [] if key == "citations" else _shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    return value
