"""From a request and a step to the plan of an answer, the same for every wire format."""

from __future__ import annotations

import math
import re
import zlib
from dataclasses import dataclass
from typing import Any

import orjson

from simulators.providers.script import Step

_MARKED = re.compile(r'<passage number="1"[^>]*>\n(?P<text>.*?)\n</passage>', re.DOTALL)
_BRACKETED = re.compile(
    r"^\[1\][ \t]*(?P<title>[^\n]*)\n?(?P<text>.*?)(?=^\[\d+\]|\Z)", re.MULTILINE | re.DOTALL
)
_WORDS = re.compile(r"\S+\s*")
_ENDLESS = "onwards "
_ACCENTED = "Le café est ouvert aujourd'hui."


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks for, read from any of the wire formats."""

    provider: str
    model: str
    stream: bool
    include_usage: bool
    prompt: str
    last_user_text: str
    tools: tuple[str, ...]
    has_tool_result: bool
    schema: dict[str, Any] | None = None
    forced_tool: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer to give: text chunks or one tool call, and how it ends."""

    chunks: tuple[str, ...]
    tool: str | None
    tool_arguments: str
    finish: str
    prompt_tokens: int
    completion_tokens: int
    usage: bool
    model: str
    call_id: str
    tool_count: int = 1
    refusal_field: bool = False
    cached_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def text(self) -> str:
        """The whole answer text."""
        return "".join(self.chunks)


def plan_answer(asked: Asked, step: Step, call_number: int) -> Plan:
    """Decide text, tool call and finish reason of one call."""
    tool, arguments = _tool_call(asked, step)
    text = "" if tool else _text(asked, step)
    chunks = tuple(cut_words(text, step.chunk_words))
    finish = step.finish_reason or ("tool_calls" if tool else _finish(step))
    return Plan(
        chunks=chunks,
        tool=tool,
        tool_arguments=arguments,
        finish=finish,
        prompt_tokens=max(1, len(asked.prompt) // 4),
        completion_tokens=max(1, len(text or arguments) // 4),
        usage=step.usage and (asked.include_usage or not asked.stream),
        model=asked.model,
        call_id=f"sim-{call_number}",
        tool_count=step.tool_count,
        refusal_field=step.kind == "refusal" and step.refusal_field,
        cached_tokens=step.cached_tokens,
        cache_write_tokens=step.cache_write_tokens,
    )


def _finish(step: Step) -> str:
    refused = step.kind == "refusal" and not step.refusal_field
    return "content_filter" if refused else "stop"


def _tool_call(asked: Asked, step: Step) -> tuple[str | None, str]:
    if asked.forced_tool is not None and step.kind == "answer":
        return asked.forced_tool, _json_text(asked, step)
    if step.kind not in ("tool_call", "invalid_tool_json"):
        return None, ""
    name = step.tool or (asked.tools[0] if asked.tools else "search_knowledge_base")
    if step.kind == "invalid_tool_json":
        return name, '{"query": "half an argum'
    if step.arguments is not None:
        return name, _dumps(step.arguments)
    return name, _dumps({"query": asked.last_user_text})


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


def _text(asked: Asked, step: Step) -> str:
    if step.kind == "empty":
        return ""
    if step.text is not None:
        return step.text
    if step.kind == "refusal":
        return "I cannot help with that."
    if step.kind == "endless":
        return _ENDLESS
    if step.kind == "wrong_encoding":
        return _ACCENTED
    if asked.schema is not None:
        return _json_text(asked, step)
    return quote_first_passage(asked)


def _json_text(asked: Asked, step: Step) -> str:
    return step.text if step.text is not None else _dumps(example_of(asked.schema or {}))


def example_of(schema: dict[str, Any]) -> Any:
    """The smallest value of a JSON schema, as far as simple schemas go."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: example_of(properties.get(name, {})) for name in schema.get("required") or ()}
    plain: dict[Any, Any] = {"array": [], "integer": 0, "number": 0, "boolean": True, "null": None}
    return plain.get(kind, "text")


def quote_first_passage(asked: Asked) -> str:
    """The default answer: the first sentence of passage 1, cited; else an echo."""
    found = _MARKED.search(asked.prompt) or _BRACKETED.search(asked.prompt)
    if found is None:
        return f"You said: {asked.last_user_text[:200]}"
    body = found["text"].strip() or found.groupdict().get("title", "").strip()
    sentence = re.split(r"(?<=[.!?])\s", body, maxsplit=1)[0]
    return f"According to the documents: {sentence[:400]} [1]"


def cut_words(text: str, words: int) -> list[str]:
    """Cut a text into pieces of `words` words that join to the same text."""
    parts = _WORDS.findall(text)
    if parts and not text.startswith(parts[0]):
        parts[0] = text[: text.index(parts[0])] + parts[0]
    return ["".join(parts[i : i + words]) for i in range(0, len(parts), words)]


def embed(text: str, dimensions: int) -> list[float]:
    """A deterministic unit vector; texts that share words lie near each other."""
    vector = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()):
        code = zlib.crc32(word.encode())
        vector[code % dimensions] += 1.0 if code & 0x10000 else -1.0
    norm = math.sqrt(sum(x * x for x in vector))
    if norm == 0.0:
        vector[0], norm = 1.0, 1.0
    return [x / norm for x in vector]
