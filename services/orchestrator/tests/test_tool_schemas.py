"""Schemas that tenants write: nothing is fetched, nothing runs for ever, wrong ones are named."""

from __future__ import annotations

import json
from contextlib import suppress
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.tool_schemas import ArgumentCheck, InvalidSchema, read_schema


def schema(**properties: Any) -> str:
    return json.dumps({"type": "object", "properties": properties})


def deep(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"properties": {"a": value}}
    return value


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        "{}",
        '{"type": "string"}',
        '{"type": "object", "properties": 7}',
        '{"type": "object", "required": "a"}',
        '{"type": "object", "minProperties": NaN}',
        '{"type": "object", "$schema": "http://json-schema.org/draft-04/schema#"}',
        '{"type": "object", "$id": "https://x.example/"}',
        schema(a={"$ref": "https://x.example/schema"}),
        schema(a={"$ref": "file:///etc/passwd"}),
        schema(a={"$ref": "other.json#/a"}),
        schema(a={"$dynamicRef": "#a"}),
        schema(a={"type": "string", "pattern": "(?=x)"}),
        schema(a={"type": "string", "pattern": "(a)\\1"}),
        schema(a={"type": "string", "pattern": "("}),
        '{"type": "object", "patternProperties": {"^a": {}}}',
        json.dumps({"type": "object", **deep(40)}),
        schema(**{f"a{number}": {"type": "string"} for number in range(600)}),
        schema(a={"description": "x" * 20_000}),
        "[" * 20_000,
    ],
)
def test_what_cannot_be_a_schema_is_refused_with_a_reason(text):
    with pytest.raises(InvalidSchema) as caught:
        read_schema(text)
    assert 0 < len(str(caught.value)) <= 520


def test_properties_may_be_called_like_keywords():
    names = ["$ref", "$id", "pattern", "patternProperties", "$schema", "properties"]
    text = schema(**{name: {"type": "string"} for name in names if name != "patternProperties"})
    assert ArgumentCheck(read_schema(text)).read('{"$ref": "x", "pattern": "("}')


@pytest.mark.parametrize(
    ("properties", "arguments"),
    [
        ({"a": {"type": "string", "pattern": "^(a+)+$"}}, {"a": "a" * 30_000 + "!"}),
        ({"a": {"type": "string", "pattern": "(.*a){20}"}}, {"a": "a" * 10_000 + "!"}),
        ({"a": {"type": "array", "uniqueItems": True}}, {"a": [{"b": n} for n in range(600)]}),
        ({"a": {"$ref": "#"}}, {"a": {"a": {"a": {}}}}),
    ],
)
def test_a_check_ends_soon(properties, arguments):
    check = ArgumentCheck(read_schema(schema(**properties)))
    started = perf_counter()
    with suppress(ValueError):
        check.read(json.dumps(arguments))
    assert perf_counter() - started < 2


def test_alternatives_of_alternatives_end_as_too_complicated():
    twice = {"anyOf": [{"properties": {"a": {"$ref": "#"}}, "required": ["a"]}] * 2}
    check = ArgumentCheck(read_schema(json.dumps({"type": "object", **twice, "minProperties": 1})))
    arguments: Any = {}
    for _ in range(25):
        arguments = {"a": arguments}
    started = perf_counter()
    with pytest.raises(ValueError, match="too complicated"):
        check.read(json.dumps(arguments))
    assert perf_counter() - started < 2


@pytest.mark.parametrize(
    "arguments",
    ['{"a": "x"} x', "7", "[]", '{"a": 1}', '{"a": "\\ud83d"}', '{"a": Infinity}', "[" * 9_000,
     json.dumps({"b": list(range(3_000))}), json.dumps({"b": deep(40)})],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_refused(arguments):
    with pytest.raises(ValueError, match=r".+"):
        ArgumentCheck(read_schema(schema(a={"type": "string"}))).read(arguments)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_and_nothing_else(text):
    check = ArgumentCheck(read_schema(schema(a={"type": "string"})))
    with suppress(ValueError):
        assert isinstance(check.read(text), dict)


def test_the_equal_items_of_numbers_and_objects():
    check = ArgumentCheck(read_schema(schema(a={"type": "array", "uniqueItems": True})))
    assert check.read('{"a": [1, "1", true, {"b": 1}]}')
    with pytest.raises(ValueError, match="equal items"):
        check.read('{"a": [{"b": 1, "c": 2}, {"c": 2, "b": 1}]}')
