"""Ranking models of providers (Cohere, Jina, Voyage …) through litellm."""

from __future__ import annotations

import asyncio
from typing import Any

from llm_router.domain import ModelFailed, estimated_tokens
from llm_router.litellm_failures import failure_from
from llm_router.ranking import RankCall, Ranked
from llm_router.through_litellm import LitellmAdapter


class LitellmRanker:
    """Calls the rerank endpoint of any provider that litellm knows."""

    def __init__(self, litellm: LitellmAdapter) -> None:
        self._litellm = litellm

    async def rank(self, call: RankCall) -> Ranked:
        """One score a text, in order. Raises ModelFailed."""
        litellm = await self._litellm.load()
        try:
            async with asyncio.timeout(call.timeout_seconds):
                answer = await litellm.arerank(
                    model=str(call.model),
                    query=call.question,
                    documents=list(call.texts),
                    top_n=len(call.texts),
                    return_documents=False,
                    api_base=call.access.url,
                    api_key=call.access.key,
                    timeout=call.timeout_seconds,
                    num_retries=0,
                    max_retries=0,
                )
        except TimeoutError:
            raise ModelFailed("timeout", f"{call.model}: not ranked in time") from None
        except Exception as error:
            raise failure_from(error) from error
        return read_ranked(answer, call)


def read_ranked(answer: Any, call: RankCall) -> Ranked:
    """Scores in the order of the texts; what a provider left out stands below all it gave."""
    try:
        given = {int(one["index"]): float(one["relevance_score"]) for one in answer.results or ()}
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFailed("bad_response", f"no scores in the answer: {error!r}") from error
    if not given or not all(0 <= place < len(call.texts) for place in given):
        raise ModelFailed("bad_response", f"{len(given)} scores for {len(call.texts)} texts")
    lowest = min(given.values())
    scores = tuple(given.get(place, lowest - 1.0) for place in range(len(call.texts)))
    meta = answer.meta or {}
    billed = (meta.get("billed_units") or {}).get("search_units") or 0
    tokens = (meta.get("billed_units") or {}).get("total_tokens") or (
        (meta.get("tokens") or {}).get("input_tokens")
    )
    if tokens is None:
        tokens = estimated_tokens(call.question) * len(call.texts)
        tokens += sum(map(estimated_tokens, call.texts))
    return Ranked(scores, int(tokens), int(billed) or 1)
