"""Answers in JSON fit their schema on every road, or there is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_router.answer_schemas import is_strict
from llm_router.builtin import BuiltinAdapter
from llm_router.domain import ModelFailed

SCHEMA = {
    "type": "object",
    "properties": {
        "grounded": {"type": "boolean"},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "required": ["grounded", "score"],
    "additionalProperties": False,
}
WISH = {"answer_schema": json.dumps(SCHEMA)}
GOOD = '{"grounded": true, "score": 0.5}'
WRONG = '{"grounded": true, "score": 7}'


async def test_the_answer_fits_its_schema(road: Any) -> None:
    outcome = await road.chat(**WISH)
    assert set(json.loads(outcome.text)) == {"grounded", "score"}
    assert outcome.finish_reason == "stop"
    assert outcome.tool_calls == ()
    assert road.words == [], "JSON is nothing to be shown while it is written"
    [call] = await road.provider.calls()
    assert "additionalProperties" in json.dumps(call["body"]), "the provider was told the schema"


async def test_a_wrong_answer_is_repaired_once_and_both_are_counted(road: Any) -> None:
    await road.provider.script({"text": WRONG}, {"text": GOOD})
    outcome = await road.chat(**WISH)
    assert json.loads(outcome.text) == json.loads(GOOD)
    first, second = await road.provider.calls()
    assert "maximum" in json.dumps(second["body"]["messages"])
    assert len(second["body"]["messages"]) > len(first["body"]["messages"])
    alone = await road.chat()
    assert outcome.input_tokens > 2 * alone.input_tokens


async def test_an_answer_that_stays_wrong_is_none(road: Any) -> None:
    failure = await road.failing({"text": WRONG}, {"text": "{}"}, {"text": GOOD}, **WISH)
    assert failure.code == "bad_response"
    assert len(await road.provider.calls()) == 2


@pytest.mark.parametrize(
    "text", ["Here you are: {}", f"```json\n{GOOD}\n```", f"\n {GOOD} \n"], ids=["no", "f", "blank"]
)
async def test_fences_and_blanks_are_passed_over_and_chatter_is_not(road: Any, text: str) -> None:
    if road.model.startswith("anthropic"):
        pytest.skip("arguments of a tool have no fences")
    await road.provider.script({"text": text}, {"text": "[]"})
    if text.startswith("Here"):
        with pytest.raises(ModelFailed):
            await road.chat(**WISH)
        return
    assert json.loads((await road.chat(**WISH)).text) == json.loads(GOOD)


@pytest.mark.parametrize("schema", ["{", "[]", '{"type": "nonsense"}'])
async def test_a_schema_that_is_none_is_a_bad_request(road: Any, schema: str) -> None:
    with pytest.raises(ModelFailed) as caught:
        await road.chat(answer_schema=schema)
    assert caught.value.code == "bad_request"
    assert await road.provider.calls() == []


async def test_a_schema_fetches_nothing(road: Any) -> None:
    pointing = {"type": "object", "properties": {"a": {"$ref": f"{road.provider.url}/schema"}}}
    await road.provider.script({"text": '{"a": 1}'})
    with pytest.raises(ModelFailed) as caught:
        await road.chat(answer_schema=json.dumps(pointing))
    assert caught.value.code == "bad_request"


async def test_the_builtin_writes_no_json(chat_call: Any) -> None:
    with pytest.raises(ModelFailed) as caught:
        await BuiltinAdapter(None).chat(chat_call("builtin/extractive", **WISH), None)
    assert caught.value.code == "bad_request"


def test_only_closed_and_complete_schemas_are_strict() -> None:
    assert is_strict(SCHEMA)
    assert not is_strict({**SCHEMA, "required": ["score"]})
    assert not is_strict({**SCHEMA, "additionalProperties": True})
    open_inside = {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}
    closed = {"additionalProperties": False, "required": ["a"]}
    assert not is_strict({"type": "object", "properties": {"a": open_inside}, **closed})
