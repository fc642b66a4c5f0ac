"""Prices, rules, steps and warnings: the arithmetic of money, without a database."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.v1.models import PromptImage, ToolDefinition
from llm_router.budgets import (
    IMAGE_TOKENS_MAX,
    Rule,
    Standing,
    contradiction,
    due_warnings,
    prompt_tokens_at_most,
    shown,
    step_of,
    tokens_at_most,
    tokens_at_most_of,
    with_cheaper,
)
from llm_router.domain import ChatCall, Model
from llm_router.prices import InvalidPrices, Prices

GPT_4O = Model.named("openai/gpt-4o")
SONNET = Model.named("anthropic/claude-sonnet-4-5")
MONTH = date(2026, 11, 1)


def rule(**others: object) -> Rule:
    fields: dict[str, object] = {
        "monthly_usd": Decimal(10),
        "cheaper_percent": 80,
        "cheaper_model": "openai/gpt-5-nano",
    }
    return Rule(**(fields | others))  # type: ignore[arg-type]


def at(spent: str, *, exhausted: bool = False, warned: tuple[int, ...] = ()) -> Standing:
    return Standing(MONTH, Decimal(spent), exhausted=exhausted, warned=warned)


def test_tokens_of_a_cache_have_their_own_price() -> None:
    prices = Prices()
    whole = prices.cost_usd(GPT_4O, 1_000, 0)
    cached = prices.cost_usd(GPT_4O, 1_000, 0, cached_tokens=800)
    assert (whole, cached) == (Decimal("0.0025"), Decimal("0.0015"))
    written = prices.cost_usd(SONNET, 1_000, 10, cache_write_tokens=1_000)
    assert written == Decimal("0.0039")


def test_what_cannot_be_priced_is_none_and_not_a_part_of_a_sum() -> None:
    prices = Prices()
    unknown = Model.named("openai/never-heard-of")
    assert prices.cost_usd(unknown, 10, 10) is None
    assert prices.audio_cost_usd(GPT_4O, 60.0) is None
    assert prices.audio_cost_usd(Model.named("openai/whisper-1"), None) is None
    assert prices.audio_cost_usd(Model.named("openai/whisper-1"), 90.0) == Decimal("0.009")
    assert prices.rank_cost_usd(Model.named("cohere/rerank-v3.5"), 9, 2) == Decimal("0.004")
    assert prices.cost_usd(Model.named("ollama/llama3"), 10, 10) == 0


def test_the_operators_prices_stand_before_ours_and_null_means_unknown(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    told = {"openai/gpt-4o": {"output": 5}, "openai/gpt-5": None, "mine/*": {"input": 1.1}}
    file.write_text(json.dumps(told | {"mine/free": {"input": 0, "output": 0}}))
    prices = Prices(file)
    assert prices.cost_usd(GPT_4O, 1_000_000, 1_000_000) == Decimal("7.5")
    assert prices.cost_usd(Model.named("openai/gpt-5"), 1, 1) is None
    assert prices.cost_usd(Model.named("mine/a"), 1_000_000, 0) == Decimal("1.1")
    assert prices.cost_usd(Model.named("mine/a"), 1, 1) is None, "nobody told the output's price"
    assert prices.cost_usd(Model.named("mine/free"), 1, 1) == 0


def test_a_changed_file_is_read_again_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text('{"openai/gpt-4o": {"input": 1}}')
    prices = Prices(file)
    assert not prices.refresh()
    file.write_text('{"openai/gpt-4o": {"input": 3}}')
    os.utime(file, (1, 1))
    assert prices.refresh()
    assert prices.cost_usd(GPT_4O, 1_000_000, 0) == Decimal(3)
    for wrong in ("{", "[]", '{"gpt": {}}', '{"a/b": {"inpt": 1}}', '{"a/b": {"input": -1}}'):
        file.write_text(wrong)
        os.utime(file, (2, 2 + len(wrong)))
        with pytest.raises(InvalidPrices):
            prices.refresh()
    assert prices.cost_usd(GPT_4O, 1_000_000, 0) == Decimal(3)


@pytest.mark.parametrize(
    ("spent", "exhausted", "when_spent", "step"),
    [
        ("0", False, "builtin", "full"),
        ("7.99", False, "builtin", "full"),
        ("8", False, "builtin", "cheaper"),
        ("9.99", True, "builtin", "builtin"),
        ("10", False, "person", "person"),
    ],
)
def test_who_answers_now(spent: str, exhausted: bool, when_spent: str, step: str) -> None:
    told = rule(when_spent=when_spent)
    assert step_of(told, at(spent, exhausted=exhausted)) == step
    assert shown(told, at(spent, exhausted=exhausted)).step == step
    assert step_of(Rule(), at(spent)) == "full"


def test_warnings_are_due_once_and_the_last_one_when_nothing_fits() -> None:
    told = rule(warn_percent=(50, 80, 100))
    assert due_warnings(told, at("4.99")) == []
    assert due_warnings(told, at("8.5")) == [50, 80]
    assert due_warnings(told, at("8.5", warned=(50,))) == [80]
    assert due_warnings(told, at("9.7", exhausted=True, warned=(50, 80))) == [100]
    assert due_warnings(rule(monthly_usd=None), at("99")) == []


def test_the_cheaper_model_stands_before_the_builtin_answerer() -> None:
    chain = [GPT_4O, SONNET, Model.named("builtin/extractive")]
    cheaper = Model.named("openai/gpt-5-nano")
    assert with_cheaper(chain, rule()) == [GPT_4O, SONNET, cheaper, chain[-1]]
    assert with_cheaper(chain, None) == chain
    assert with_cheaper([cheaper, chain[-1]], rule()) == [cheaper, chain[-1]]
    assert contradiction(rule(cheaper_model=None)) is not None


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=300))
def test_no_tokenizer_makes_more_tokens_than_are_held_for(text: str) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    from llm_router.through_litellm import _prepare_environment

    _prepare_environment()
    encoding = tiktoken.get_encoding("o200k_base")
    assert len(encoding.encode_ordinary(text)) <= tokens_at_most([text])


def test_tools_and_images_are_held_for_too(chat: Callable[..., ChatCall]) -> None:
    from dataclasses import replace

    plain = chat()
    tool = ToolDefinition(name="search", description="d" * 50, parameters="{}")
    bare = prompt_tokens_at_most(plain)
    assert prompt_tokens_at_most(replace(plain, tools=[tool])) > bare + 50
    fitted = replace(plain, answer_schema="{}" * 40)
    assert prompt_tokens_at_most(fitted) > bare + 80
    assert tokens_at_most_of(plain) == (bare, 5)
    assert tokens_at_most_of(fitted)[0] > 2 * prompt_tokens_at_most(fitted), "it may be repaired"
    assert tokens_at_most_of(fitted)[1] == 10
    seen = PromptImage(sha256="0" * 64, mime_type="image/png")
    shown_one = [plain.messages[0].model_copy(update={"images": [seen]})]
    assert prompt_tokens_at_most(replace(plain, messages=shown_one)) == bare + IMAGE_TOKENS_MAX
