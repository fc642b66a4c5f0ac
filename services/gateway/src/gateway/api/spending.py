"""Budgets and what was spent: llm-router owns both, here they are read and (admin key) changed."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StringConstraints

from contracts.v1.model_routes import ListModelCalls, ModelCallStep
from contracts.v1.spending import (
    BudgetRule,
    BudgetStanding,
    GetBudget,
    GetSpend,
    KeepBudget,
    SpendFound,
    SpendLine,
)
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, Parts, Shape, With
from gateway.problems import Problem, not_found

router = APIRouter(prefix="/api/tenants/{tenant_id}", tags=["spending"], route_class=GuardedRoute)

ModelName = Annotated[str, StringConstraints(min_length=3, max_length=512, pattern="^[^/]+/.+$")]
Percent = Annotated[int, Field(ge=1, le=100)]
Usd = Annotated[float, Field(ge=0, le=10_000_000, allow_inf_nan=False)]
_FIRST_DAY = date(2000, 1, 1)
_LINES_MAX = 366


class BudgetChange(Shape):
    """The whole rule; what is left out is as its default."""

    monthly_usd: Usd | None = Field(
        None, description="US dollars in a calendar month, UTC; null: no budget."
    )
    warn_percent: Annotated[list[Percent], Field(max_length=8)] = Field(
        default_factory=lambda: [80, 100], description="`budget.warned` is said at these shares."
    )
    cheaper_percent: Percent | None = Field(
        None, description="From this share on the cheaper model answers; null: never."
    )
    cheaper_model: ModelName | None = Field(None, description="`provider/name`.")
    when_spent: Literal["builtin", "person"] = Field(
        "builtin", description="Who answers when nothing is left."
    )
    unknown_price_usd: Usd | None = Field(
        None, description="Counted for a call whose price nobody knows; null: nothing."
    )


class SpendShown(BaseModel):
    """What was spent, by group."""

    since: date
    until: date = Field(description="The last day, included; UTC.")
    group_by: Literal["day", "model", "purpose", "conversation"]
    lines: list[SpendLine]
    total: SpendLine = Field(description="All of the time asked for, also what has no line.")


class ConversationSpend(BaseModel):
    """What a conversation cost."""

    models: list[SpendLine] = Field(description="By model, the dearest first.")
    purposes: list[SpendLine] = Field(description="By purpose, the dearest first.")
    total: SpendLine
    calls: list[ModelCallStep] = Field(description="The newest 200, the oldest of them first.")


@router.get("/budget")
async def get_budget(tenant_id: UUID, parts: With) -> BudgetStanding:
    """The rule, what is spent and held this month, and who answers now."""
    await _known(parts, tenant_id)
    return (await parts.ask(GetBudget.make(tenant_id=tenant_id))).budget


@router.put("/budget")
async def put_budget(
    tenant_id: UUID, body: BudgetChange, parts: With, who: Caller
) -> BudgetStanding:
    """Change the rule (admin key); it counts from this moment on."""
    if who.kind != "admin":
        raise Problem(403, "admin_only", "Only the admin key changes the budget of a tenant.")
    await _known(parts, tenant_id)
    rule = BudgetRule(**body.model_dump())
    kept = await parts.ask(KeepBudget.make(tenant_id=tenant_id, rule=rule))
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(
            tx, tenant_id, who, "budget.changed", tenant_id, **body.model_dump(mode="json")
        )
    return kept.budget


@router.get("/spend")
async def get_spend(
    tenant_id: UUID,
    parts: With,
    since: Annotated[date | None, Query(description="UTC; this month's first day.")] = None,
    until: Annotated[date | None, Query(description="UTC, included; today.")] = None,
    group_by: Literal["day", "model", "purpose", "conversation"] = "day",
    limit: Annotated[int, Query(ge=1, le=_LINES_MAX, description="Most lines.")] = 100,
) -> SpendShown:
    """The ledger in sums: days in order, other groups the dearest first."""
    today = datetime.now(UTC).date()
    last = until or today
    first = since or min(last, today).replace(day=1)
    if first > last:
        raise Problem(422, "invalid", "`until` is before `since`.")
    await _known(parts, tenant_id)
    found = await parts.ask(
        GetSpend.make(
            tenant_id=tenant_id,
            since=first,
            until=last,
            group_by=group_by,
            conversation_id=None,
            limit=limit,
        )
    )
    return SpendShown(
        since=first, until=last, group_by=group_by, lines=found.lines, total=found.total
    )


@router.get("/conversations/{conversation_id}/spend")
async def get_conversation_spend(
    tenant_id: UUID, conversation_id: UUID, parts: With
) -> ConversationSpend:
    """What a conversation cost, by model and purpose, and its model calls."""
    models = await _of_conversation(parts, tenant_id, conversation_id, "model")
    purposes = await _of_conversation(parts, tenant_id, conversation_id, "purpose")
    listed = await parts.ask(
        ListModelCalls.make(tenant_id=tenant_id, turn_id=None, conversation_id=conversation_id)
    )
    return ConversationSpend(
        models=models.lines, purposes=purposes.lines, total=models.total, calls=listed.calls
    )


async def _of_conversation(
    parts: Parts, tenant_id: UUID, conversation_id: UUID, group_by: Literal["model", "purpose"]
) -> SpendFound:
    return await parts.ask(
        GetSpend.make(
            tenant_id=tenant_id,
            since=_FIRST_DAY,
            until=datetime.now(UTC).date(),
            group_by=group_by,
            conversation_id=conversation_id,
            limit=_LINES_MAX,
        )
    )


async def _known(parts: Parts, tenant_id: UUID) -> None:
    async with parts.database.transaction(tenant_id) as tx:
        if await parts.tenants.find(tx, tenant_id) is None:
            raise not_found()
