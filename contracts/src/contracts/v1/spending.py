"""Money: budgets that are asked before a call, and a ledger that adds up.

Before a model is called its likely cost is reserved, after it the real cost is settled; what is
reserved and spent together never passes the budget. On the way there the tenant steps down: main
model, cheaper model, builtin answerer, person.
"""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Event, Part, Request, ShortText

Usd = Annotated[float, Field(ge=0, le=10_000_000)]
Month = Annotated[str, Field(max_length=7, pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]


class BudgetRule(Part):
    """What a tenant may spend in a calendar month (UTC), and what happens on the way."""

    monthly_usd: Usd | None = Field(description="Null: no budget.")
    warn_percent: Annotated[list[Annotated[int, Field(ge=1, le=100)]], Field(max_length=8)] = Field(
        description="Say `budget-warned` when spending passes these."
    )
    cheaper_percent: int | None = Field(
        ge=1, le=100, description="From here on the cheaper model answers; null: never."
    )
    cheaper_model: ShortText | None = Field(description="`provider/name`.")
    when_spent: Literal["builtin", "person"] = Field(
        description="Who answers when nothing is left: the builtin answerer, or people."
    )
    unknown_price_usd: Usd | None = Field(
        description="Counted for a call whose price nobody knows; null: such calls count nothing."
    )


class BudgetStanding(Part):
    """Where a tenant stands this month."""

    month: Month = Field(description="UTC, `2026-11`.")
    rule: BudgetRule = Field(description="The rule.")
    spent_usd: float = Field(ge=0, description="Settled.")
    reserved_usd: float = Field(ge=0, description="Of calls that are under way.")
    unpriced_calls: int = Field(ge=0, description="Calls whose price nobody knows.")
    step: Literal["full", "cheaper", "builtin", "person"] = Field(description="Who answers now.")


class BudgetFound(Answer):
    """A tenant's budget this month."""

    budget: BudgetStanding = Field(description="Rule and standing.")


class GetBudget(Request[BudgetFound], owner="llm-router", asked_by=("gateway",), version=1):
    """What may the tenant spend, and what did it spend this month?"""


class KeepBudget(Request[BudgetFound], owner="llm-router", asked_by=("gateway",), version=1):
    """Change the rule; it counts from this moment on."""

    rule: BudgetRule = Field(description="All of it.")


class SpendLine(Part):
    """A sum of the ledger."""

    group: ShortText = Field(description="The day, model, purpose or conversation.")
    calls: int = Field(ge=0, description="Model calls.")
    input_tokens: int = Field(ge=0, description="Tokens read.")
    output_tokens: int = Field(ge=0, description="Tokens written.")
    cost_usd: float = Field(ge=0, description="Of the calls whose price is known.")
    unpriced_calls: int = Field(ge=0, description="Calls whose price nobody knows.")


class SpendFound(Answer):
    """What was spent, by group, the dearest first (days in order)."""

    lines: Annotated[list[SpendLine], Field(max_length=366)] = Field(description="The groups.")
    total: SpendLine = Field(description="All of the time asked for, also what has no line.")


class GetSpend(Request[SpendFound], owner="llm-router", asked_by=("gateway",), version=1):
    """What was spent, when and for what?"""

    since: date = Field(description="First day, UTC.")
    until: date = Field(description="Last day, UTC, included.")
    group_by: Literal["day", "model", "purpose", "conversation"] = Field(description="The groups.")
    conversation_id: UUID | None = Field(description="Only of this conversation.")
    limit: Annotated[int, Field(ge=1, le=366)] = Field(description="Most lines.")


class BudgetWarned(Event, owner="llm-router", heard_by=(), version=1, public="budget.warned"):
    """Spending passed a share of the month's budget."""

    month: Month = Field(description="UTC.")
    percent: int = Field(ge=1, le=100, description="The share that was passed.")
    spent_usd: float = Field(ge=0, description="Settled so far.")
    monthly_usd: float = Field(ge=0, description="The budget.")
    step: Literal["full", "cheaper", "builtin", "person"] = Field(description="Who answers now.")


class SpendUnusual(
    Event, owner="llm-router", heard_by=(), version=1, public="budget.unusual-spend"
):
    """A tenant spends much more than it usually does at this time."""

    hour: AwareDatetime = Field(description="Begin of the hour, UTC.")
    spent_usd: float = Field(ge=0, description="In this hour.")
    usual_usd: float = Field(ge=0, description="Median of the same hours before.")
    model: ShortText = Field(description="The model that cost most.")
    conversation_id: UUID | None = Field(description="The conversation that cost most.")
