"""AsyncAPI 3 documents: one a service, one of the whole internal bus, one of the public feed."""

from typing import Any

from contracts.catalogue import all_messages
from contracts.message import Message, Request
from contracts.naming import SERVICES
from contracts.topology import message_queues

TITLE = "Meta Chat Platform"


def service_document(service: str) -> dict[str, Any]:
    """What one service sends and receives."""
    operations: dict[str, Any] = {}
    involved: list[type[Message]] = []
    for message in all_messages():
        if service in message.listeners:
            operations[f"hear-{message.address}"] = _operation("receive", message)
        if service in message.speakers:
            operations[f"say-{message.address}"] = _operation("send", message)
        if service in (*message.listeners, *message.speakers):
            involved.append(message)
    return _document(f"{TITLE}: {service}", involved, operations)


def system_document() -> dict[str, Any]:
    """Every channel of the internal bus."""
    operations = {f"say-{m.address}": _operation("send", m) for m in all_messages()}
    return _document(f"{TITLE}: internal bus", list(all_messages()), operations)


def public_document() -> dict[str, Any]:
    """The feed for integrators: CloudEvents on the `events` vhost and to webhooks."""
    public = [message for message in all_messages() if message.public]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"{TITLE}: public events",
            "version": "1.0.0",
            "description": "CloudEvents 1.0, structured JSON; the same bytes reach webhooks. At "
            "least once; de-duplicate by `id`, order a conversation by `sequence`; ignore unknown "
            "fields and types. Routing key: `<tenant>.<channel>.<entity>.<action>.v1`, `-` where "
            "there is no channel.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            str(message.public): {
                "address": f"{{tenant}}.{{channel}}.{message.public}.v{message.version}",
                "description": _prose(message),
                "parameters": {
                    "tenant": {"description": "The tenant's slug."},
                    "channel": {"description": "whatsapp, messenger, webchat, or `-`."},
                },
                "messages": {str(message.public): {"$ref": f"#/components/messages/{key}"}},
            }
            for key, message in _public_keys(public)
        },
        "operations": {
            f"receive-{message.public}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{_pointer(str(message.public))}"},
            }
            for message in public
        },
        "components": {
            "messages": {
                key: {
                    "name": f"dev.metachat.{message.public}.v{message.version}",
                    "summary": _prose(message),
                    "payload": _cloud_event(message),
                }
                for key, message in _public_keys(public)
            }
        },
    }


def documents() -> dict[str, dict[str, Any]]:
    """File name -> document."""
    made = {f"{service}.json": service_document(service) for service in SERVICES}
    return {**made, "system.json": system_document(), "public-events.json": public_document()}


def _document(
    title: str, messages: list[type[Message]], operations: dict[str, Any]
) -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": "1.0.0"},
        "defaultContentType": "application/json",
        "channels": {message.address: _channel(message) for message in messages},
        "operations": operations,
        "components": {"messages": {m.address: _component(m) for m in messages}},
    }


def _channel(message: type[Message]) -> dict[str, Any]:
    return {
        "address": message.address,
        "description": _prose(message),
        "messages": {
            message.address: {"$ref": f"#/components/messages/{_pointer(message.address)}"}
        },
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": message.exchange, "type": "topic", "durable": True},
            }
        },
        "x-queues": [queue.name for queue in message_queues(message)],
    }


def _component(message: type[Message]) -> dict[str, Any]:
    component: dict[str, Any] = {
        "name": message.address,
        "title": message.__name__,
        "summary": _prose(message),
        "contentType": "application/json",
        "payload": {"$ref": f"../schemas/{message.address}.json"},
        "x-owner": message.owner,
        "x-listeners": list(message.listeners),
    }
    if issubclass(message, Request):
        component["x-answer"] = {"$ref": f"../schemas/{message.address}.answer.json"}
    return component


def _operation(action: str, message: type[Message]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{_pointer(message.address)}"},
        "summary": _prose(message),
    }


def _cloud_event(message: type[Message]) -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["specversion", "id", "type", "source", "time", "tenantid", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "format": "uuid"},
            "type": {"const": f"dev.metachat.{message.public}.v{message.version}"},
            "source": text,
            "subject": text,
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "dataschema": text,
            "tenantid": text,
            "channel": text,
            "correlationid": text,
            "causationid": text,
            "partitionkey": text,
            "sequence": text,
            "traceparent": text,
            "data": {"$ref": f"../schemas/{message.address}.json"},
        },
    }


def _public_keys(messages: list[type[Message]]) -> list[tuple[str, type[Message]]]:
    return [(message.__name__, message) for message in messages]


def _prose(message: type[Message]) -> str:
    return " ".join((message.__doc__ or "").split())


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
