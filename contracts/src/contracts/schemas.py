"""JSON Schemas of the messages, and the fingerprint of each one's shape."""

import hashlib
import json
from typing import Any

from contracts.catalogue import all_messages
from contracts.message import Answer, Message, Request

BASE = "https://contracts.metachat.dev"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def message_schema(message: type[Message]) -> dict[str, Any]:
    """The schema of what is on the wire; unknown fields of newer speakers are allowed."""
    schema = message.model_json_schema(mode="serialization")
    return {
        "$schema": DIALECT,
        "$id": f"{BASE}/{message.address}.json",
        **_opened(schema),
        "x-kind": message.kind,
        "x-owner": message.owner,
        "x-listeners": list(message.listeners),
        "x-public": message.public,
    }


def answer_schema(request: type[Request[Any]]) -> dict[str, Any]:
    """The schema of a request's answer."""
    return {
        "$schema": DIALECT,
        "$id": f"{BASE}/{request.address}.answer.json",
        **_opened(request.answer.model_json_schema(mode="serialization")),
    }


def all_schemas() -> dict[str, dict[str, Any]]:
    """File name -> schema, answers included."""
    found: dict[str, dict[str, Any]] = {}
    for message in all_messages():
        found[f"{message.address}.json"] = message_schema(message)
        if issubclass(message, Request):
            found[f"{message.address}.answer.json"] = answer_schema(message)
    return found


def fingerprint(message: type[Message]) -> str:
    """Twelve hex digits that change when the shape on the wire changes, and not with its prose."""
    shapes: list[Any] = [_shape(message.model_json_schema(mode="serialization"))]
    if issubclass(message, Request):
        answer: type[Answer] = message.answer
        shapes.append(_shape(answer.model_json_schema(mode="serialization")))
    text = json.dumps(shapes, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _opened(schema: Any) -> Any:
    """Strict when saying, tolerant when hearing: a listener's schema forbids nothing extra."""
    if isinstance(schema, dict):
        return {
            key: _opened(value) for key, value in schema.items() if key != "additionalProperties"
        }
    if isinstance(schema, list):
        return [_opened(item) for item in schema]
    return schema


def _shape(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: _shape(value)
            for key, value in schema.items()
            if not (key in {"description", "title"} and isinstance(value, str))
        }
    if isinstance(schema, list):
        return [_shape(item) for item in schema]
    return schema
