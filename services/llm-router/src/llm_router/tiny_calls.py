"""The smallest call of a model that shows whether it answers; it stands in the ledger too."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from contracts.v1.models import ChatMessage
from llm_router.domain import Access, ChatAdapter, ChatCall, ChatOutcome, Model, ModelFailed
from llm_router.domain import estimated_tokens as tokens_of
from llm_router.purses import Payer, Purses, Usage

_WORDS = "Say: ok"
_REPLY_TOKENS_MAX = 16
_ALIVE = frozenset({"empty_answer", "bad_request", "context_too_long"})


class TinyCalls:
    """Asks models for one word."""

    def __init__(
        self,
        adapter_of: Callable[[Model, Access], ChatAdapter],
        purses: Purses,
    ) -> None:
        self._adapter_of = adapter_of
        self._purses = purses

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
        purse = self._purses.of(Payer(tenant_id, tenant_id, None, purpose))
        held = await purse.reserve(call)
        code = "abandoned"
        try:
            outcome = await self._adapter_of(model, access).chat(call, None)
            code = ""
        except ModelFailed as failure:
            code = failure.code
            if code != "empty_answer":
                raise failure.without(access.key) from None
            outcome = ChatOutcome("", (), "length", None, None)
        finally:
            if code not in ("", "empty_answer") and held is not None:
                purse.failed(call, held, code, None)
        read = tokens_of(_WORDS) if outcome.input_tokens is None else outcome.input_tokens
        written = 1 if outcome.output_tokens is None else outcome.output_tokens
        cost = self._purses.prices.cost_usd(model, read, written)
        usage = Usage(read, written, cost, estimated=True)
        self._purses.note(purse.spend(model, usage, held))


def shows_life(failure: ModelFailed) -> bool:
    """Whether the provider answered, though not with what was wanted."""
    return failure.code in _ALIVE
