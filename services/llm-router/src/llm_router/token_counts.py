"""Tokens counted as the provider counts them, for answers that came without their counts.

The vocabularies are the ones that litellm ships as files, read without importing it; nothing is
fetched. One takes 0.2 s and some 40 to 80 MB, so it is read when it is first needed, in a thread.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from llm_router.domain import (
    BUILTIN,
    ChatCall,
    ChatOutcome,
    Model,
    estimated_tokens,
    prompt_tokens,
)

if TYPE_CHECKING:
    from tiktoken import Encoding

_MESSAGE_TOKENS = 4
_NEWEST = "o200k_base"
_FILES = {
    "cl100k_base": "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    _NEWEST: "fb374d419588a4632f3f557e76b4b70aebbca790",
}
"""The files' names: what tiktoken's loader makes of the addresses that it would fetch them from."""


async def with_counts(outcome: ChatOutcome, call: ChatCall) -> ChatOutcome:
    """The outcome with both counts; what the provider did not count is counted here."""
    if outcome.input_tokens is not None and outcome.output_tokens is not None:
        return outcome
    if call.model.provider == BUILTIN:
        return outcome
    read, written = outcome.input_tokens, outcome.output_tokens
    if read is None:
        read = await prompt_count(call)
    if written is None:
        arguments = [wish.name + wish.arguments for wish in outcome.tool_calls]
        written = await count(call.model, [outcome.text, *arguments])
    return replace(outcome, input_tokens=read, output_tokens=written, estimated=True)


async def prompt_count(call: ChatCall) -> int:
    """Tokens that a model reads of this call."""
    if vocabulary_of(call.model) is None:
        return prompt_tokens(call)
    texts = [message.content for message in call.messages]
    texts += [tool.name + tool.description + tool.parameters for tool in call.tools]
    texts += [wish.arguments for message in call.messages for wish in message.tool_calls]
    return await count(call.model, texts) + _MESSAGE_TOKENS * len(call.messages)


async def count(model: Model, texts: Sequence[str]) -> int:
    """Tokens of these texts for this model."""
    name = vocabulary_of(model)
    if name is None:
        return sum(map(estimated_tokens, texts))
    return await asyncio.to_thread(_count, name, texts)


def vocabulary_of(model: Model) -> str | None:
    """Which vocabulary a model has; other makers' are nearest to the newest one.

    None where there is nothing to read it from.
    """
    if model.provider == BUILTIN or not _folder():
        return None
    older = model.name.startswith(("gpt-4-", "gpt-3.5", "gpt-35")) or model.name == "gpt-4"
    embeds = model.name.startswith("text-embedding")
    return "cl100k_base" if older or embeds else _NEWEST


def _count(name: str, texts: Sequence[str]) -> int:
    encoding = _encoding(name)
    return sum(len(encoding.encode_ordinary(text)) for text in texts)


@cache
def _encoding(name: str) -> Encoding:
    import tiktoken

    os.environ.setdefault("TIKTOKEN_CACHE_DIR", _folder())
    return tiktoken.get_encoding(name)


@cache
def _folder() -> str:
    """Where litellm keeps the vocabularies; empty unless both are there."""
    found = find_spec("litellm")
    for place in list(found.submodule_search_locations or []) if found else []:
        folder = Path(place) / "litellm_core_utils" / "tokenizers"
        if all((folder / file).is_file() for file in _FILES.values()):
            return str(folder)
    return ""
