"""The rules every message keeps; none needs a broker."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from contracts import all_messages
from contracts.compatibility import breaks
from contracts.generate import ROOT, stale
from contracts.message import MESSAGE_BYTES_MAX, Message, Request
from contracts.naming import SERVICES
from contracts.schemas import all_schemas, fingerprint
from contracts.topology import message_queues, own_queues, permissions, queues

MESSAGES = all_messages()
SCHEMAS = all_schemas()
EXAMPLES = sorted((ROOT / "examples").glob("*.json"))
RELEASED = sorted((ROOT / "released").glob("*.json"))
BY_ADDRESS = {message.address: message for message in MESSAGES}


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def test_generated_files_are_current():
    assert stale() == []


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.address)
def test_every_message_has_an_example(message):
    assert any(path.name.startswith(f"{message.address}.") for path in EXAMPLES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_every_example_was_and_is_heard(path):
    address = ".".join(path.name.split(".")[:3])
    body = path.read_bytes()
    message = BY_ADDRESS[address]
    if path.name == f"{address}.answer.json":
        assert issubclass(message, Request)
        message.answer.model_validate_json(body)
        jsonschema.validate(load(path), SCHEMAS[path.name])
        return
    assert message.hear(body).address == address
    jsonschema.validate(load(path), SCHEMAS[f"{address}.json"])


@pytest.mark.parametrize("path", RELEASED, ids=lambda p: p.name)
def test_nothing_breaks_a_released_shape(path):
    assert path.name in SCHEMAS, "a released message may not go: make a v2 beside it"
    assert breaks(load(path), SCHEMAS[path.name]) == []


def test_the_released_shapes_are_kept_whole():
    assert len(RELEASED) >= 40, "shapes that are out may not be deleted to make a test green"


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.address)
def test_a_shape_changes_only_on_purpose(message):
    """A red test here means: an optional field was added (say so in `fingerprints.json` by
    `make generate`), or the shape broke and needs a new version."""
    assert load(ROOT / "fingerprints.json")[message.address] == fingerprint(message)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_field_is_described_and_bounded(name):
    schema = SCHEMAS[name]
    problems = list(_unbounded(schema, "$"))
    for part, definition in {"$": schema, **schema.get("$defs", {})}.items():
        for field, shape in definition.get("properties", {}).items():
            if "description" not in shape:
                problems.append(f"{part}.{field}: no description")
    assert problems == []


def _unbounded(schema: Any, at: str) -> list[str]:
    problems = []
    if isinstance(schema, dict):
        kind = schema.get("type")
        fixed = {"enum", "const", "format"} & set(schema)
        if kind == "string" and "maxLength" not in schema and not fixed:
            problems.append(f"{at}: a string without an upper bound")
        if kind == "array" and "maxItems" not in schema:
            problems.append(f"{at}: a list without an upper bound")
        for key, value in schema.items():
            problems += _unbounded(value, f"{at}.{key}")
    if isinstance(schema, list):
        for item in schema:
            problems += _unbounded(item, at)
    return problems


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.address)
def test_every_message_says_who_and_why(message):
    assert message.__doc__
    assert message.owner in SERVICES
    assert message.speakers
    assert message.listeners or message.kind == "event"


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.address)
def test_only_a_field_that_came_later_may_be_absent_on_the_wire(message):
    """In a released shape nothing was optional; what came after it is null where it is absent."""
    schema = message.model_json_schema(mode="validation")
    path = ROOT / "released" / f"{message.address}.json"
    released = load(path) if path.exists() else {}
    for at, part in {"$": schema, **schema.get("$defs", {})}.items():
        fields = part.get("properties", {})
        before = released if at == "$" else released.get("$defs", {}).get(at, {})
        for name in set(fields) - set(part.get("required", [])):
            assert fields[name]["default"] is None, f"{at}.{name}"
            assert name not in before.get("required", []), f"{at}.{name}"


def test_an_unknown_field_is_refused_when_saying_and_ignored_when_hearing():
    path = ROOT / "examples" / "retriever.search-knowledge.v1.json"
    document = {**load(path), "of_a_newer_version": 1}
    message = BY_ADDRESS["retriever.search-knowledge.v1"]
    message.hear(json.dumps(document).encode())
    with pytest.raises(ValidationError):
        message.model_validate(document)


def test_a_message_without_an_id_is_not_given_one():
    path = ROOT / "examples" / "retriever.search-knowledge.v1.json"
    document = load(path)
    del document["message_id"]
    with pytest.raises(ValidationError):
        BY_ADDRESS["retriever.search-knowledge.v1"].hear(json.dumps(document).encode())


def test_queue_names_are_unique_and_every_work_queue_has_a_dead_letter_destination():
    names = [queue.name for queue in queues()]
    assert len(names) == len(set(names))
    dead = {f"{service}.dead" for service in SERVICES}
    for message in MESSAGES:
        for queue in message_queues(message):
            if message.kind in {"event", "command"}:
                assert queue.arguments["x-queue-type"] == "quorum"
                assert queue.arguments["x-delivery-limit"]
                assert f"{queue.arguments['x-dead-letter-routing-key']}.dead" in dead


def test_no_argument_is_used_that_rabbitmq_4_removed_or_3_10_does_not_know():
    known = {
        "x-queue-type", "x-delivery-limit", "x-dead-letter-exchange",
        "x-dead-letter-routing-key", "x-dead-letter-strategy", "x-overflow",
        "x-max-length", "x-message-ttl",
    }  # fmt: skip
    for queue in queues():
        assert set(queue.arguments) <= known
        assert queue.arguments["x-queue-type"] in {"quorum", "classic"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_read_its_own_queues_only(service):
    import re

    rights = permissions(service)
    own = {queue.name for queue in own_queues(service)}
    for queue in queues():
        assert bool(re.search(rights["read"], queue.name)) == (queue.name in own)
        assert bool(re.search(rights["configure"], queue.name)) == (queue.name in own)


def test_the_largest_embedding_batch_fits_into_a_message():
    vector = 384 * 4 * 4 // 3 + 4
    assert 16 * (vector + 6_000) < MESSAGE_BYTES_MAX


BASE = {
    "type": "object",
    "properties": {"a": {"type": "string", "maxLength": 10}},
    "required": ["a"],
}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"properties": {}, "required": []}, "removed"),
        ({"properties": {"a": {"type": "integer"}}}, "type"),
        ({"properties": {"a": {"type": "string", "maxLength": 5}}}, "tightened"),
        ({"required": []}, "no longer"),
        (
            {
                "properties": {**BASE["properties"], "b": {"type": "string"}},
                "required": ["a", "b"],
            },
            "newly required",
        ),
    ],
)
def test_breaking_changes_are_seen(change, problem):
    assert any(problem in line for line in breaks(BASE, {**BASE, **change}))


def test_an_optional_field_and_a_looser_bound_break_nothing():
    wider = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "maxLength": 20},
            "b": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]},
        },
        "required": ["a", "b"],
    }
    assert breaks(BASE, wider) == []


def test_every_class_is_in_a_story():
    def below(cls: type[Message]) -> set[type[Message]]:
        return {cls, *(x for sub in cls.__subclasses__() for x in below(sub))}

    assert {cls for cls in below(Message) if cls.address} == set(MESSAGES)
