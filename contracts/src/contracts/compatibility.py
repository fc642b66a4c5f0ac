"""What may change within a version: optional fields may come, nothing may go or tighten."""

from collections.abc import Iterator
from typing import Any

_UPPER = ("maxLength", "maxItems", "maximum")
_LOWER = ("minLength", "minItems", "minimum")


def breaks(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Why a listener or speaker of `old` could stumble over `new`; empty when it cannot."""
    return list(_compare(old, new, old, new, "$", set()))


def _compare(
    old: Any, new: Any, old_root: Any, new_root: Any, at: str, seen: set[tuple[str, str]]
) -> Iterator[str]:
    pair = (str(old.get("$ref", "")), str(new.get("$ref", "")))
    if pair[0] and pair in seen:
        return
    seen = seen | {pair}
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    if "anyOf" in old or "anyOf" in new:
        yield from _compare_alternatives(old, new, old_root, new_root, at, seen)
        return
    if old.get("type") != new.get("type"):
        yield f"{at}: type {old.get('type')} became {new.get('type')}"
        return
    if gone := set(old.get("enum", [])) - set(new.get("enum", [])):
        yield f"{at}: values {sorted(map(str, gone))} are gone"
    yield from _limits(old, new, at)
    yield from _fields(old, new, old_root, new_root, at, seen)
    if "items" in old and "items" in new:
        yield from _compare(old["items"], new["items"], old_root, new_root, f"{at}[]", seen)


def _fields(
    old: Any, new: Any, old_root: Any, new_root: Any, at: str, seen: set[tuple[str, str]]
) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in before:
        if name not in after:
            yield f"{at}.{name}: removed"
        else:
            yield from _compare(before[name], after[name], old_root, new_root, f"{at}.{name}", seen)
    for name in sorted(set(new.get("required", [])) - set(old.get("required", []))):
        if name in before or not _nullable(_resolved(after[name], new_root)):
            yield f"{at}.{name}: newly required"
    for name in sorted(set(old.get("required", [])) - set(new.get("required", []))):
        if name in after:
            yield f"{at}.{name}: no longer always there"


def _compare_alternatives(
    old: Any, new: Any, old_root: Any, new_root: Any, at: str, seen: set[tuple[str, str]]
) -> Iterator[str]:
    before, after = old.get("anyOf", [old]), new.get("anyOf", [new])
    for option in before:
        problems = [list(_compare(option, other, old_root, new_root, at, seen)) for other in after]
        if all(problems):
            yield min(problems, key=len)[0]


def _limits(old: Any, new: Any, at: str) -> Iterator[str]:
    for name in _UPPER:
        if name in new and new[name] < old.get(name, float("inf")):
            yield f"{at}: {name} tightened to {new[name]}"
    for name in _LOWER:
        if name in new and new[name] > old.get(name, float("-inf")):
            yield f"{at}: {name} tightened to {new[name]}"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield f"{at}: pattern changed"


def _resolved(schema: Any, root: Any) -> Any:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _nullable(schema: Any) -> bool:
    return any(option.get("type") == "null" for option in schema.get("anyOf", []))
