"""Schemas of arguments: checked before they are kept, and harmless to check against. Pure.

JSON Schema lets its writer spend our time: references to elsewhere, regular expressions that never
end, alternatives of alternatives. Here nothing is fetched, patterns run in linear time, and a check
that takes too many steps ends as an error.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import re2
from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry

SCHEMA_CHARACTERS_MAX: Final = 16_384
DEPTH_MAX: Final = 32
SCHEMA_NODES_MAX: Final = 1_000
ARGUMENT_NODES_MAX: Final = 2_000
STEPS_MAX: Final = 20_000
"""Keywords that one check may look at: some 0.2 s of the slowest of them."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFUSED: Final = frozenset(
    {"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary", "patternProperties"}
)
_MESSAGE_CHARACTERS_MAX: Final = 500


class InvalidSchema(ValueError):
    """The text cannot be a tool's schema; it says why, for a person."""


class ArgumentCheck:
    """A compiled schema: reads what a model wrote as arguments."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._steps = 0
        self._validator = _bounded(dict(schema), self._step)

    def read(self, text: str) -> dict[str, Any]:
        """Return the arguments; ValueError says what is wrong with them, for the model."""
        self._steps = 0
        try:
            arguments = json.loads(text or "{}", parse_constant=_refuse_constant)
            _measure(arguments, ARGUMENT_NODES_MAX)
            # Halves of an escaped emoji are no text: nothing could carry them.
            json.dumps(arguments, ensure_ascii=False).encode()
            error = next(self._validator.iter_errors(arguments), None)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if error is not None:
            raise ValueError(f"{error.json_path}: {error.message}"[:_MESSAGE_CHARACTERS_MAX])
        if not isinstance(arguments, dict):
            raise ValueError("$: not an object")
        return arguments

    def _step(self) -> None:
        self._steps += 1
        if self._steps > STEPS_MAX:
            raise ValueError("too complicated to check")


def read_schema(text: str) -> dict[str, Any]:
    """Parse and check a schema that a tenant wrote; InvalidSchema says what is wrong."""
    if len(text) > SCHEMA_CHARACTERS_MAX:
        raise InvalidSchema(f"longer than {SCHEMA_CHARACTERS_MAX} characters")
    try:
        schema = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidSchema(f"not JSON: {error}"[:_MESSAGE_CHARACTERS_MAX]) from None
    return checked_schema(schema)


def schema_text(schema: Mapping[str, Any]) -> str:
    """Return a schema as text; InvalidSchema if it is too long."""
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    if len(text) > SCHEMA_CHARACTERS_MAX:
        raise InvalidSchema(f"longer than {SCHEMA_CHARACTERS_MAX} characters")
    return text


def checked_schema(schema: Any) -> dict[str, Any]:
    """Return a schema that is safe to check against; InvalidSchema says what is wrong."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise InvalidSchema('it must be an object with "type": "object"')
    try:
        for node in _nodes(schema, SCHEMA_NODES_MAX):
            if isinstance(node, dict):
                _check_keywords(node)
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise InvalidSchema(f"{error.json_path}: {error.message}"[:500]) from None
    except RecursionError:
        raise InvalidSchema("nested too deeply") from None
    except ValueError as error:
        raise InvalidSchema(str(error)) from None
    return schema


def _check_keywords(node: dict[str, Any]) -> None:
    # A property may be called like a keyword: then its value is a schema, never such a value.
    if refused := next((k for k in _REFUSED & node.keys() if not _is_property(k, node[k])), None):
        raise InvalidSchema(f"{refused} is not taken here")
    dialect = node.get("$schema", _DIALECT)
    if isinstance(dialect, str) and dialect.rstrip("#") != _DIALECT:
        raise InvalidSchema("only JSON Schema draft 2020-12 is read")
    reference = node.get("$ref", "#")
    if isinstance(reference, str) and reference != "#" and not reference.startswith("#/"):
        raise InvalidSchema("$ref may only point into the schema itself: #/…")
    pattern = node.get("pattern")
    if isinstance(pattern, str):
        _compiled(pattern)


def _is_property(keyword: str, value: Any) -> bool:
    return isinstance(value, dict) and keyword != "patternProperties" and keyword != "$vocabulary"


def _nodes(value: Any, nodes_max: int) -> Iterator[Any]:
    """Go over everything in a JSON value; ValueError if it is too deep or too much."""
    waiting = [(value, 1)]
    seen = 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        if depth > DEPTH_MAX:
            raise InvalidSchema("nested too deeply")
        if seen > nodes_max:
            raise InvalidSchema(f"more than {nodes_max} values")
        yield node
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        waiting.extend((one, depth + 1) for one in inner)


def _measure(value: Any, nodes_max: int) -> None:
    for _ in _nodes(value, nodes_max):
        pass


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem, options.log_errors = 1 << 20, False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise InvalidSchema(
            "a pattern cannot be read; look-around and back-references are not taken"
        ) from None


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[Any]:
    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError(f"does not match {pattern!r}")


def _unique(_validator: Any, wanted: bool, instance: Any, _schema: Any) -> Iterator[Any]:
    if wanted and isinstance(instance, list):
        # The library compares each with each.
        seen = {json.dumps(item, sort_keys=True) for item in instance}
        if len(seen) < len(instance):
            yield ValidationError("has equal items")


Keyword = Callable[[Any, Any, Any, Any], Iterator[Any] | None]


def _bounded(schema: dict[str, Any], step: Callable[[], None]) -> Any:
    """Make a validator that fetches nothing and says each step that it takes."""

    def counted(check: Keyword) -> Keyword:
        def counting(validator: Any, value: Any, instance: Any, inner: Any) -> Any:
            step()
            return check(validator, value, instance, inner)

        return counting

    keywords = {**Draft202012Validator.VALIDATORS, "pattern": _pattern, "uniqueItems": _unique}
    counting = {name: counted(check) for name, check in keywords.items()}
    bounded = extend(Draft202012Validator, counting)  # type: ignore[no-untyped-call]
    return bounded(schema, registry=Registry())


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
