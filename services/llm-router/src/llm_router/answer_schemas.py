"""Answers in JSON: asked for in the provider's own way, checked here, repaired once."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from contracts.v1.models import ChatMessage
from llm_router.domain import (
    NEVER_BILLED,
    ChatCall,
    ChatOutcome,
    ModelFailed,
    estimated_tokens,
    prompt_tokens,
)

Ask = Callable[[ChatCall], Awaitable[ChatOutcome]]

_FENCE = "```"
_PROBLEM_CHARACTERS_MAX = 400
_SMALLEST_TRY_SECONDS = 0.2


async def fitting(ask: Ask, call: ChatCall) -> ChatOutcome:
    """An answer that fits `call.answer_schema`. Raises ModelFailed."""
    schema = schema_of(call)
    started = time.monotonic()
    first = await ask(call)
    found, problem = _checked(schema, first)
    if problem is None:
        return found
    left = call.timeout_seconds - (time.monotonic() - started)
    taken = _taken(call, first)
    if first.finish_reason == "content_filter" or left < _SMALLEST_TRY_SECONDS:
        raise _unfit(problem, taken)
    again = _repair(call, first, problem, left)
    try:
        second = await ask(again)
    except ModelFailed as failure:
        if failure.code not in NEVER_BILLED:
            taken = _more(taken, (prompt_tokens(again), again.reply_tokens_max))
        failure.billed = taken
        raise
    found, problem = _checked(schema, second)
    if problem is not None:
        raise _unfit(problem, _more(taken, _taken(again, second)))
    return _both(first, found)


def _unfit(problem: str, taken: tuple[int, int]) -> ModelFailed:
    detail = f"the answer does not fit its schema: {problem}"
    return ModelFailed("bad_response", detail, billed=taken)


def _taken(call: ChatCall, outcome: ChatOutcome) -> tuple[int, int]:
    """Tokens read and written for an answer, which are paid whatever comes of it."""
    read, written = outcome.input_tokens, outcome.output_tokens
    return (
        prompt_tokens(call) if read is None else read,
        estimated_tokens(outcome.text) if written is None else written,
    )


def _more(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    return one[0] + two[0], one[1] + two[1]


def schema_of(call: ChatCall) -> Mapping[str, Any]:
    """The schema as an object; bad_request if it is none."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        schema = orjson.loads(call.answer_schema or "")
        Draft202012Validator.check_schema(schema)
    except (orjson.JSONDecodeError, SchemaError) as error:
        message = getattr(error, "message", str(error))
        raise ModelFailed("bad_request", f"the answer's schema: {message}") from error
    if not isinstance(schema, dict):
        raise ModelFailed("bad_request", "the answer's schema is no object")
    return schema


def is_strict(schema: Any) -> bool:
    """Whether OpenAI can hold a model to the schema: every object is closed, all is required."""
    if isinstance(schema, list):
        return all(map(is_strict, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        names = set(schema.get("properties") or {})
        closed = schema.get("additionalProperties") is False
        if not closed or set(schema.get("required") or ()) != names:
            return False
    return all(map(is_strict, schema.values()))


def _checked(schema: Mapping[str, Any], outcome: ChatOutcome) -> tuple[ChatOutcome, str | None]:
    """The outcome with nothing but JSON in its text, and what is wrong with it."""
    if outcome.tool_calls:
        return outcome, None
    text = unfenced(outcome.text)
    return replace(outcome, text=text), _problem(schema, text)


def unfenced(text: str) -> str:
    """What stands between a fence's marks, without a regular expression that may take minutes."""
    text = text.strip()
    if not (text.startswith(_FENCE) and text.endswith(_FENCE)):
        return text
    mark, newline, inside = text.partition("\n")
    if not newline or mark[len(_FENCE) :].strip().lower() not in ("", "json"):
        return text
    return inside[: -len(_FENCE)].strip()


def _problem(schema: Mapping[str, Any], text: str) -> str | None:
    from jsonschema import Draft202012Validator
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return f"not JSON: {error}"
    # With a registry of its own it fetches nothing that a schema points to.
    validator = Draft202012Validator(schema, registry=Registry())
    try:
        wrong = next(iter(validator.iter_errors(value)), None)
    except Unresolvable as error:
        raise ModelFailed("bad_request", f"the answer's schema: {error}") from error
    if wrong is None:
        return None
    place = "/".join(map(str, wrong.absolute_path)) or "the whole"
    return f"{place}: {wrong.message}"[:_PROBLEM_CHARACTERS_MAX]


def _repair(call: ChatCall, first: ChatOutcome, problem: str, seconds: float) -> ChatCall:
    """The same call with the wrong answer and what is wrong with it."""
    order = (
        f"That answer does not fit: {problem}\nAnswer again with nothing but JSON that fits this "
        f"JSON Schema:\n{call.answer_schema}"
    )
    more = [_message("user", order)]
    if first.text.strip():
        more.insert(0, _message("assistant", first.text))
    return replace(call, messages=[*call.messages, *more], timeout_seconds=seconds)


def _message(role: Any, text: str) -> ChatMessage:
    return ChatMessage(role=role, content=text[:100_000], tool_calls=[], tool_call_id=None)


def _both(first: ChatOutcome, second: ChatOutcome) -> ChatOutcome:
    """The second answer with what both have cost."""
    return replace(
        second,
        input_tokens=_sum(first.input_tokens, second.input_tokens),
        output_tokens=_sum(first.output_tokens, second.output_tokens),
        cached_tokens=first.cached_tokens + second.cached_tokens,
        cache_write_tokens=first.cache_write_tokens + second.cache_write_tokens,
        estimated=first.estimated or second.estimated,
    )


def _sum(one: int | None, two: int | None) -> int | None:
    return None if one is None or two is None else one + two
