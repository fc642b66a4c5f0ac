"""Meta's own OpenAPI description as a judge of requests, answers and webhooks (tests only).

Needs the `judge` extra. The published file has two slips that a plain JSON Schema reading trips
over. It forbids additional properties inside `allOf`, which would forbid the common ones: parts of
an `allOf` are merged first. And it was joined from several files whose equal names got a number
(`TextMessage`, `TextMessage_2`) without the references following: inside the webhook part, a name
means the webhook part's own component.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

FILE_NAME = "business-messaging-api_v23.0.yaml"

Schema = dict[str, Any]


def find_specification() -> Path | None:
    """`CHAT_META_OPENAPI`, or `../shared/meta/` beside the repository; None where absent."""
    configured = os.environ.get("CHAT_META_OPENAPI", "")
    if configured:
        return Path(configured) if Path(configured).is_file() else None
    for folder in Path(__file__).resolve().parents:
        found = folder / "shared" / "meta" / FILE_NAME
        if found.is_file():
            return found
    return None


class Specification:
    """Validates by component name; `errors(...)` is empty when the instance is right."""

    def __init__(self, path: Path) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        with path.open(encoding="utf-8") as file:
            self._document: Schema = yaml.load(file, Loader=loader)  # noqa: S506 - a safe loader
        self._schemas: dict[str, Schema] = self._document["components"]["schemas"]
        self._webhook_names = _webhook_names(list(self._schemas))
        self._flat: dict[str, Schema] = {}

    def errors(self, component: str, instance: Any) -> list[str]:
        """What is wrong with the instance, in the words of the validator."""
        validator = Draft202012Validator(self._component(component))
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(instance)]

    def send_request_errors(self, body: Schema) -> list[str]:
        """Judge a body of `POST /{phone_number_id}/messages` by its kind."""
        if "status" in body:
            return self.errors("MarkMessageRequestPayload", body)
        component = f"{str(body.get('type', 'text')).capitalize()}Message"
        known = {k: v for k, v in body.items() if k != "biz_opaque_callback_data"}
        return self.errors(component, known) + self._callback_data_errors(body)

    def request_body_errors(self, path: str, method: str, body: Schema) -> list[str]:
        """Judge the JSON body of any call by where the file describes it."""
        content = self._document["paths"][path][method]["requestBody"]["content"]
        return self._inline_errors(content["application/json"]["schema"], body)

    def answer_errors(self, path: str, method: str, body: Schema) -> list[str]:
        """Judge the JSON answer of any call by where the file describes it."""
        content = self._document["paths"][path][method]["responses"]["200"]["content"]
        return self._inline_errors(content["application/json"]["schema"], body)

    def _inline_errors(self, schema: Schema, instance: Any) -> list[str]:
        validator = Draft202012Validator(self._flatten(schema, in_webhooks=False))
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(instance)]

    def webhook_errors(self, body: Schema) -> list[str]:
        """Judge a whole WhatsApp webhook body."""
        return self.errors("WebhookPayload", body)

    def send_examples(self) -> Iterator[tuple[str, Schema]]:
        """Meta's own example requests of the send endpoint."""
        yield from self._examples("/{Version}/{Phone-Number-ID}/messages")

    def webhook_examples(self) -> Iterator[tuple[str, Schema]]:
        """Meta's own example webhooks."""
        yield from self._examples("/whatsapp/webhooks")

    def _examples(self, path: str) -> Iterator[tuple[str, Schema]]:
        content = self._document["paths"][path]["post"]["requestBody"]["content"]
        for name, example in content["application/json"]["examples"].items():
            yield name, example["value"]

    @staticmethod
    def _callback_data_errors(body: Schema) -> list[str]:
        data = body.get("biz_opaque_callback_data", "")
        if isinstance(data, str) and len(data) <= 512:
            return []
        return ["$.biz_opaque_callback_data: at most 512 characters of text"]

    def _component(self, name: str) -> Schema:
        if name not in self._flat:
            in_webhooks = name in self._webhook_names.values()
            self._flat[name] = self._flatten(self._schemas[name], in_webhooks)
        return self._flat[name]

    def _flatten(self, schema: Any, in_webhooks: bool) -> Any:
        if isinstance(schema, list):
            return [self._flatten(one, in_webhooks) for one in schema]
        if not isinstance(schema, dict):
            return schema
        if isinstance(schema.get("$ref"), str):
            name = schema["$ref"].rsplit("/", 1)[1]
            return self._component(self._webhook_names.get(name, name) if in_webhooks else name)
        dropped = ("allOf", "discriminator", "example", "examples")
        flat = {k: self._flatten(v, in_webhooks) for k, v in schema.items() if k not in dropped}
        for part in schema.get("allOf", ()):
            flat = _merged(self._flatten(part, in_webhooks), flat)
        return flat


def _webhook_names(names: list[str]) -> dict[str, str]:
    """Name as the webhook part's references say it -> the component it means."""
    part = names[names.index("WebhookPayload") : names.index("SystemMessage") + 1]
    return {re.sub(r"_\d+$", "", name): name for name in part}


def _merged(first: Schema, second: Schema) -> Schema:
    merged = {**first, **second}
    merged["properties"] = {**first.get("properties", {}), **second.get("properties", {})}
    merged["required"] = sorted({*first.get("required", ()), *second.get("required", ())})
    return merged
