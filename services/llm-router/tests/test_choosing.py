"""Which models are tried for what: defaults, canary, fallbacks, and routes that make no sense."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.v1.model_routes import ModelRoute
from llm_router.choosing import (
    Choices,
    KeptRoutes,
    TenantRoute,
    complaint,
    unknown_models,
    variant_of,
)
from llm_router.known_providers import known_providers
from llm_router.own_providers import key_ending, without_key

PLATFORM = Choices("openai/platform", ("openai/spare",), "builtin/minilm")


def route(purpose: Any = "answer", **others: Any) -> ModelRoute:
    fields: dict[str, Any] = {
        "purpose": purpose,
        "model": None,
        "canary_model": None,
        "canary_percent": 0,
        "fallbacks": None,
        "hedge_after_milliseconds": None,
        "deadline_seconds": None,
    }
    return ModelRoute(**(fields | others))


def chain(kept: KeptRoutes, purpose: Any = "answer", asked: str | None = None) -> list[str]:
    found = kept.plan(purpose, PLATFORM, asked, "conversation")
    return [str(model) for model in found.chain]


def test_without_routes_everything_is_as_the_tenants_settings_say() -> None:
    tenant = TenantRoute("openai/mine", ("openai/second",))
    choices = tenant.choices(PLATFORM)
    for purpose in ("answer", "rewrite", "summary", "judge"):
        plan = KeptRoutes().plan(purpose, choices, None, "seed")
        assert [str(model) for model in plan.chain] == [
            "openai/mine",
            "openai/second",
            "builtin/extractive",
        ]
        assert (plan.variant, plan.hedge_after_seconds) == ("primary", None)
    assert chain(KeptRoutes()) == ["openai/platform", "openai/spare", "builtin/extractive"]


def test_a_route_names_its_models_and_other_purposes_follow_the_answers() -> None:
    kept = KeptRoutes().changed(
        [
            route(
                model="openai/big",
                fallbacks=["anthropic/b", "openai/c", "anthropic/a"],
                deadline_seconds=7,
            ),
            route("summary", model="openai/small"),
        ]
    )
    rest = ["anthropic/b", "openai/c", "anthropic/a", "builtin/extractive"]
    assert chain(kept) == ["openai/big", *rest]
    assert chain(kept, "rewrite") == ["openai/big", *rest]
    assert chain(kept, "summary") == ["openai/small", *rest]
    assert kept.plan("answer", PLATFORM, None, "x").call_seconds_max == 7
    assert kept.plan("rewrite", PLATFORM, None, "x").call_seconds_max is None
    assert chain(kept, asked="openai/asked")[0] == "openai/asked"
    assert kept.plan("answer", PLATFORM, "openai/asked", "x").variant is None


def test_empty_fallbacks_are_none_and_null_ones_the_settings() -> None:
    assert chain(KeptRoutes({"answer": route(fallbacks=[])})) == [
        "openai/platform",
        "builtin/extractive",
    ]


def test_a_canary_that_fails_falls_back_to_the_first_choice() -> None:
    kept = KeptRoutes(
        {"answer": route(model="openai/old", canary_model="openai/new", canary_percent=100)}
    )
    assert chain(kept)[:2] == ["openai/new", "openai/old"]
    assert kept.plan("answer", PLATFORM, None, "x").variant == "canary"


def test_the_canary_gets_its_share_and_a_conversation_stays_on_its_side() -> None:
    ten = route(canary_model="openai/new", canary_percent=10)
    thirty = route(canary_model="openai/new", canary_percent=30)
    seeds = [str(uuid4()) for _ in range(4_000)]
    on_ten = {seed for seed in seeds if variant_of(ten, seed) == "canary"}
    on_thirty = {seed for seed in seeds if variant_of(thirty, seed) == "canary"}
    assert 0.08 < len(on_ten) / len(seeds) < 0.12
    assert 0.27 < len(on_thirty) / len(seeds) < 0.33
    assert on_ten <= on_thirty, "a larger share moved somebody back"
    assert on_ten == {seed for seed in seeds if variant_of(ten, seed) == "canary"}


@given(st.floats(0, 100), st.text(max_size=20))
def test_nobody_is_a_canary_at_nought_and_everybody_at_a_hundred(share: float, seed: str) -> None:
    assert variant_of(route(canary_model="openai/n", canary_percent=100), seed) == "canary"
    assert variant_of(route(canary_model="openai/n", canary_percent=0), seed) == "primary"
    assert variant_of(route(canary_percent=share), seed) == "primary"


def test_vectors_have_one_model() -> None:
    filled = KeptRoutes({"embed": route("embed", model="openai/e")}).filled("embed", PLATFORM)
    assert (filled.model, filled.fallbacks) == ("openai/e", [])
    assert KeptRoutes().filled("embed", PLATFORM).model == "builtin/minilm"
    assert KeptRoutes().filled("transcribe", PLATFORM).model is None


@pytest.mark.parametrize(
    "wrong",
    [
        route(canary_percent=5),
        route("embed", fallbacks=["openai/b"]),
        route("embed", canary_model="openai/b"),
        route("embed", hedge_after_milliseconds=100),
        route("transcribe", hedge_after_milliseconds=100),
        route("transcribe", canary_model="openai/b"),
    ],
)
def test_routes_that_make_no_sense(wrong: ModelRoute) -> None:
    assert complaint(wrong)


def test_models_that_nobody_has() -> None:
    names = ["nowhere/x", "huggingface/https://169.254.169.254/", "builtin/other", "openai/"]
    for name in names:
        assert unknown_models([route(model=name)], known_providers()), name
    fine = route(model="gpt-5", fallbacks=["mistral/large", "builtin/extractive"])
    assert not unknown_models([fine], known_providers())


def test_only_the_end_of_a_long_key_is_shown() -> None:
    assert key_ending("sk-1234567890abcd") == "abcd"
    assert key_ending("short") == ""
    assert without_key("wrong key sk-1234567890abcd!", "sk-1234567890abcd") == "wrong key …abcd!"
