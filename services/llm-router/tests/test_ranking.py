"""Ranking passages: late interaction in this process, providers through litellm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from llm_router.domain import Access, Model, ModelFailed
from llm_router.late_interaction import TokenVectors, late_scores, packed, token_weights
from llm_router.litellm_rank import LitellmRanker
from llm_router.minilm import MiniLM
from llm_router.prices import Prices
from llm_router.ranking import LateInteraction, RankCall, Ranker, usual_ranker
from llm_router.through_litellm import LitellmAdapter
from llm_router.token_vector_cache import TokenVectorCache

TENANT, OTHER = UUID(int=1), UUID(int=2)
QUESTION = "How long do I have to send something back?"
TEXTS = [
    "Our shop opens at nine and closes at six.",
    "Items may be returned within 30 days of delivery.",
    "We deliver to every country of the union.",
]
MAXSIM = Model("builtin", "maxsim")


def call(model: str = "builtin/maxsim", access: Access | None = None, **others: Any) -> RankCall:
    fields: dict[str, Any] = {
        "tenant_id": TENANT,
        "model": Model.named(model),
        "access": access or Access(None, None),
        "question": QUESTION,
        "texts": TEXTS,
        "weights": None,
        "timeout_seconds": 30.0,
    }
    return RankCall(**(fields | others))


@pytest.fixture(scope="module")
def minilm() -> Iterator[MiniLM]:
    model = MiniLM()
    yield model
    model.close()


def vectors(*rows: list[float]) -> TokenVectors:
    spans = [(place * 2, place * 2 + 1) for place in range(len(rows))]
    return packed(np.asarray(rows, np.float32), spans)


def test_the_nearest_token_of_a_passage_counts_for_each_of_the_question() -> None:
    question = vectors([1, 0], [0, 1])
    weights = np.asarray([0.5, 0.5], np.float32)
    both, one, opposite = vectors([0, 3], [2, 0]), vectors([1, 0]), vectors([-1, 0])
    assert late_scores(question, weights, [both, one, opposite]) == pytest.approx(
        [1.0, 0.5, 0.0], abs=0.02
    )


def test_a_nearness_that_any_two_tokens_have_says_nothing() -> None:
    question, weights = vectors([1, 0]), np.asarray([1.0], np.float32)
    at_floor, above = vectors([0.59, 0.81]), vectors([0.8, 0.6])
    assert late_scores(question, weights, [at_floor, above]) == pytest.approx([0, 0.5], abs=0.02)


def test_a_words_weight_is_that_of_each_piece_and_a_little_for_everything() -> None:
    spans = ((0, 0), (0, 4), (4, 9), (10, 13), (13, 14), (0, 0))
    tokens = TokenVectors(np.zeros((6, 2), np.int8), spans)
    weights = token_weights("embedding for?", tokens, [3.0, 0.0])
    assert weights.tolist() == pytest.approx([0, 0.4375, 0.4375, 0.0625, 0.0625, 0])


def test_without_weights_all_tokens_but_the_special_ones_are_equal() -> None:
    tokens = TokenVectors(np.zeros((4, 2), np.int8), ((0, 0), (0, 1), (1, 2), (0, 0)))
    assert token_weights("?!", tokens, None).tolist() == [0, 0.5, 0.5, 0]
    assert token_weights("?!", tokens, [9.0]).tolist() == [0, 0.5, 0.5, 0]


async def test_the_passage_that_answers_stands_first(minilm: MiniLM) -> None:
    ranked = await usual_ranker(minilm, 10_000_000, LitellmRanker(LitellmAdapter(None, 1.0))).rank(
        TENANT, MAXSIM, Access(None, None), QUESTION, TEXTS, None, 30.0
    )
    assert max(range(3), key=ranked.scores.__getitem__) == 1
    assert ranked.tokens > 20


async def test_a_repeated_candidate_is_not_computed_again(minilm: MiniLM) -> None:
    late = LateInteraction(minilm, TokenVectorCache(10_000_000))
    first, again = await late.rank(call()), await late.rank(call())
    assert again.scores == first.scores
    assert again.tokens < first.tokens / 2, "only the question is read again"
    other = await late.rank(call(tenant_id=OTHER))
    assert other.tokens == first.tokens, "another tenant's passages were known"


async def test_the_cache_is_bounded_by_bytes(minilm: MiniLM) -> None:
    cache = TokenVectorCache(20_000)
    late = LateInteraction(minilm, cache)
    await late.rank(call(texts=[f"passage number {n} of many that come and go" for n in range(30)]))
    assert 0 < cache.size_bytes <= 20_000


async def test_weights_change_what_stands_first(minilm: MiniLM) -> None:
    late = LateInteraction(minilm, TokenVectorCache(10_000_000))
    texts = ["The warranty of a bicycle.", "The colour of a lamp."]
    ask = {"question": "warranty lamp", "texts": texts}
    by_warranty = await late.rank(call(**ask, weights=[9.0, 0.1]))
    by_lamp = await late.rank(call(**ask, weights=[0.1, 9.0]))
    assert by_warranty.scores[0] > by_warranty.scores[1]
    assert by_lamp.scores[1] > by_lamp.scores[0]


async def test_other_names_and_too_little_time_have_a_code(minilm: MiniLM) -> None:
    late = LateInteraction(minilm, TokenVectorCache(10_000_000))
    with pytest.raises(ModelFailed) as unknown:
        await late.rank(call("builtin/oracle"))
    assert unknown.value.code == "unknown_model"
    with pytest.raises(ModelFailed) as late_one:
        await late.rank(call(texts=["long " * 250] * 60, timeout_seconds=0.001))
    assert late_one.value.code == "timeout"


class Short:
    """A provider that forgets a text."""

    async def rank(self, asked: RankCall) -> Any:
        from llm_router.ranking import Ranked

        return Ranked((0.5,))


async def test_a_score_too_few_is_a_bad_response() -> None:
    with pytest.raises(ModelFailed) as told:
        await Ranker({}, Short()).rank(
            TENANT, Model("x", "y"), Access(None, None), QUESTION, TEXTS, None, 1.0
        )
    assert told.value.code == "bad_response"


@pytest.fixture
async def cohere() -> AsyncIterator[LitellmRanker]:
    litellm = LitellmAdapter(None, 5.0)
    await litellm.load()
    yield LitellmRanker(litellm)
    await litellm.close()


async def test_a_provider_ranks_through_litellm(cohere: LitellmRanker, provider: Any) -> None:
    texts = ["nothing of it", "send something back in 30 days", "send"]
    access = Access(provider.url, "sk-test")
    ranked = await cohere.rank(call("cohere/rerank-v3.5", access, texts=texts))
    assert sorted(range(3), key=lambda place: -ranked.scores[place]) == [1, 2, 0]
    assert ranked.searches == 1
    [seen] = await provider.calls()
    assert seen["headers"]["authorization"] == "Bearer sk-test"
    assert seen["body"]["documents"] == texts
    assert Prices().rank_cost_usd(Model.named("cohere/rerank-v3.5"), ranked.tokens, 1) == Decimal(
        "0.002"
    )


async def test_a_providers_fault_has_a_code(cohere: LitellmRanker, provider: Any) -> None:
    access = Access(provider.url, "sk-test")
    await provider.script({"kind": "error", "status": 429, "operation": "rank", "times": 2})
    with pytest.raises(ModelFailed) as told:
        await cohere.rank(call("cohere/rerank-v3.5", access))
    assert told.value.code == "rate_limited"
    await provider.script({"delay_ms": 2_000, "operation": "rank"})
    with pytest.raises(ModelFailed) as late:
        async with asyncio.timeout(5):
            await cohere.rank(call("cohere/rerank-v3.5", access, timeout_seconds=0.2))
    assert late.value.code == "timeout"
