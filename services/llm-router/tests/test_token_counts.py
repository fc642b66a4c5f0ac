"""Tokens are counted as the provider counts them where it does not say."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from contracts.v1.models import ToolDefinition
from llm_router.domain import Model, estimated_tokens
from llm_router.lean import LeanAdapter
from llm_router.token_counts import count, prompt_count, vocabulary_of

GERMAN = "Donaudampfschifffahrtsgesellschaftskapitän, wie geht es Ihnen heute?"
JAPANESE = "返品は三十日以内にお願いします。"


@pytest.mark.parametrize(
    ("name", "text", "tokens"),
    [
        ("openai/gpt-4o", "Hello world, wie geht es dir?", 8),
        ("openai/gpt-4", "Hello world, wie geht es dir?", 8),
        ("openai/gpt-4o", JAPANESE, 9),
        ("openai/gpt-4", JAPANESE, 16),
        ("openai/gpt-4o", "<|endoftext|>", 7),
    ],
)
async def test_counts_are_those_of_the_models_own_vocabulary(
    name: str, text: str, tokens: int
) -> None:
    assert await count(Model.named(name), [text]) == tokens


async def test_many_texts_are_counted_together() -> None:
    model = Model.named("openai/gpt-4o")
    alone = [await count(model, [text]) for text in (GERMAN, JAPANESE)]
    assert await count(model, [GERMAN, JAPANESE]) == sum(alone)
    assert alone[1] > 2 * estimated_tokens(JAPANESE), "characters / 4 is no count of Japanese"


def test_families_have_their_vocabulary() -> None:
    names = ("openai/gpt-3.5-turbo", "openai/gpt-4-turbo", "openai/text-embedding-3-small")
    assert {vocabulary_of(Model.named(name)) for name in names} == {"cl100k_base"}
    newest = ("openai/gpt-4o-mini", "openai/gpt-4.1", "openai/o4-mini", "anthropic/claude")
    assert {vocabulary_of(Model.named(name)) for name in newest} == {"o200k_base"}
    assert vocabulary_of(Model.named("builtin/extractive")) is None


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_without_counts_is_counted_and_says_so(
    provider: Any,
    session: aiohttp.ClientSession,
    chat_call: Any,
    search_tool: ToolDefinition,
    *,
    stream: bool,
) -> None:
    await provider.script({"text": JAPANESE, "usage": False})
    call = chat_call("openai/gpt-4o", provider.url, tools=[search_tool])
    lean = LeanAdapter(session, 1.0)
    outcome = await lean.chat(call, (lambda _: None) if stream else None)
    assert outcome.estimated
    assert outcome.output_tokens == 9
    assert outcome.input_tokens == await prompt_count(call)
    told = await lean.chat(call, None)
    assert not told.estimated
