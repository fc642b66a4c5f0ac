"""The smallest call of a model that shows whether it answers; it stands in the ledger too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from contracts.v1.models import ChatMessage
from llm_router.domain import Access, ChatAdapter, ChatCall, Model, ModelFailed, Spend
from llm_router.domain import estimated_tokens as tokens_of
from llm_router.prices import Prices

_WORDS = "Say: ok"
_REPLY_TOKENS_MAX = 16
_ALIVE = frozenset({"empty_answer", "bad_request", "context_too_long"})


class TinyCalls:
    """Asks models for one word."""

    def __init__(
        self,
        adapter_of: Callable[[Model, Access], ChatAdapter],
        prices: Prices,
        note: Callable[[Spend], None],
    ) -> None:
        self._adapter_of = adapter_of
        self._prices = prices
        self._note = note

    async def say(
        self, tenant_id: UUID, model: Model, access: Access, purpose: str, seconds: float
    ) -> None:
        """Ask; ModelFailed with the provider's words if it does not work.

        A model that thinks for longer than the few tokens it got works all the same.
        """
        call = ChatCall(
            tenant_id=tenant_id,
            model=model,
            access=access,
            purpose="answer",
            messages=[ChatMessage(role="user", content=_WORDS, tool_calls=[], tool_call_id=None)],
            tools=[],
            passages=[],
            reply_tokens_max=_REPLY_TOKENS_MAX,
            timeout_seconds=seconds,
        )
        read, written = tokens_of(_WORDS), 1
        try:
            outcome = await self._adapter_of(model, access).chat(call, None)
        except ModelFailed as failure:
            if failure.code != "empty_answer":
                raise failure.without(access.key) from None
        else:
            read = read if outcome.input_tokens is None else outcome.input_tokens
            written = written if outcome.output_tokens is None else outcome.output_tokens
        self._note(
            Spend(
                tenant_id=tenant_id,
                correlation_id=tenant_id,
                conversation_id=None,
                purpose=purpose,
                model=model,
                input_tokens=read,
                output_tokens=written,
                estimated=True,
                cost_usd=self._prices.cost_usd(model, read, written),
                milliseconds=0,
                outcome="answered",
                occurred_at=datetime.now(UTC),
            )
        )


def shows_life(failure: ModelFailed) -> bool:
    """Whether the provider answered, though not with what was wanted."""
    return failure.code in _ALIVE
