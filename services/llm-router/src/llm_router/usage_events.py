"""What the world hears of the ledger: one event a paid call, sums for free ones."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.v1.models import TokensSpent
from contracts.v1.shapes import PLATFORM
from llm_router.domain import Spend


def usage_events(spends: Sequence[Spend]) -> list[TokensSpent]:
    """Events of one commit's rows; nobody says a call that took nothing and gave no answer.

    The platform's own calls (probes of its keys) stand in the ledger and are no tenant's event.
    """
    groups: dict[object, list[Spend]] = {}
    for place, spend in enumerate(spends):
        silent = spend.outcome != "answered" and not spend.input_tokens
        if silent or spend.tenant_id == PLATFORM:
            continue
        free = (spend.tenant_id, spend.conversation_id, spend.purpose, spend.model)
        groups.setdefault(free if spend.cost_usd == 0 else place, []).append(spend)
    return [_event(group) for group in groups.values()]


def _event(group: Sequence[Spend]) -> TokensSpent:
    first = group[0]
    return TokensSpent.make(
        tenant_id=first.tenant_id,
        correlation_id=first.correlation_id,
        occurred_at=max(spend.occurred_at for spend in group),
        conversation_id=first.conversation_id,
        purpose=first.purpose,
        model=str(first.model)[:512],
        input_tokens=sum(spend.input_tokens for spend in group),
        output_tokens=sum(spend.output_tokens for spend in group),
        cost_usd=None if first.cost_usd is None else float(first.cost_usd),
    )
