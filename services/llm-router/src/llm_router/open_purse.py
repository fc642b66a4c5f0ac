"""A purse without a bottom: nothing is held, and what failed is noted in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.v1.models import GenerateReply
from llm_router.domain import ChatCall, Spend, estimated_tokens, prompt_tokens
from llm_router.prices import Prices
from llm_router.purse import Reservation
from llm_router.spending import Ledger

_READ = frozenset({"abandoned", "truncated", "timeout", "empty_answer", "bad_response"})


class OpenPurse:
    """The money of one request of a tenant without a budget."""

    def __init__(self, request: GenerateReply, ledger: Ledger, prices: Prices) -> None:
        self._request = request
        self._ledger = ledger
        self._prices = prices

    async def reserve(self, call: ChatCall) -> Reservation | None:
        """Nothing has to be held."""
        del call
        return None

    def failed(
        self, call: ChatCall, held: Reservation | None, code: str, written: str | None
    ) -> None:
        """Note what a call without a useful answer cost: what was read and written is guessed."""
        del held
        request = self._request
        read = prompt_tokens(call) if code in _READ else 0
        wrote = estimated_tokens(written or "")
        cost = self._prices.cost_usd(call.model, read, wrote) if read or wrote else None
        self._ledger.note(
            Spend(
                tenant_id=request.tenant_id,
                correlation_id=request.correlation_id,
                conversation_id=request.conversation_id,
                purpose=request.spent_for or request.purpose,
                model=call.model,
                input_tokens=read,
                output_tokens=wrote,
                estimated=True,
                cost_usd=cost,
                milliseconds=0,
                outcome=code,
                occurred_at=datetime.now(UTC),
            )
        )
