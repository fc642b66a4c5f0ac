"""Reserves before a call, settles after it, and knows the steps down of a budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.v1.models import GenerateReply
from llm_router import metrics
from llm_router.budget_store import BudgetStore, Wish
from llm_router.budget_warnings import BudgetWarnings
from llm_router.budgets import Rule, rounded_up, tokens_at_most_of, with_cheaper
from llm_router.domain import (
    BUILTIN,
    NEVER_BILLED,
    Answered,
    ChatCall,
    Model,
    ModelFailed,
    Spend,
    estimated_tokens,
    prompt_tokens,
)
from llm_router.prices import LOCAL_PROVIDERS, Prices
from llm_router.purse import Reservation
from observe import get_logger
from postgres import Database, DatabaseAway, Transaction

OVER_BUDGET = "over_budget"
BUDGET_UNKNOWN = "budget_unknown"
_SETTLE_SECONDS = 30.0
"""How long after its deadline a call may be settled before it counts as lost."""
_RESERVE_SECONDS = 3.0

_log = get_logger("llm-router")


@dataclass(frozen=True, slots=True)
class Payer:
    """For whom and for what a call is made."""

    tenant_id: UUID
    correlation_id: UUID
    conversation_id: UUID | None
    purpose: str


def payer_of(request: GenerateReply) -> Payer:
    """Who pays for a reply, and what the ledger says that it is for."""
    purpose = request.spent_for or request.purpose
    return Payer(request.tenant_id, request.correlation_id, request.conversation_id, purpose)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call took, and what it cost; `usd` is None where the price is unknown."""

    input_tokens: int
    output_tokens: int
    usd: Decimal | None
    outcome: str = "answered"
    estimated: bool = False
    milliseconds: int = 0
    cached_tokens: int = 0


NOTHING = Usage(0, 0, Decimal(0))


class Reserving:
    """Holds money of a month's budget, or says that it does not fit."""

    def __init__(self, database: Database, store: BudgetStore, warnings: BudgetWarnings) -> None:
        self._database = database
        self._store = store
        self._warnings = warnings

    async def hold(self, wish: Wish) -> Reservation | None:
        """Reserve; None where the tenant has no budget any more.

        Raises ModelFailed `over_budget`, or `budget_unknown` while Postgres is away: a budget that
        cannot be asked is not spent.
        """
        try:
            async with asyncio.timeout(_RESERVE_SECONDS):
                month, refusal = await self._reserve(wish)
        except (DatabaseAway, TimeoutError) as error:
            raise ModelFailed(BUDGET_UNKNOWN, f"the budget cannot be asked: {error}") from error
        if month is not None:
            return Reservation(wish.reservation_id, month, wish.usd)
        if refusal is not None:
            provider, name = metrics.labels_of(Model.named(wish.model))
            metrics.OVER_BUDGET.labels(provider, f"{provider}/{name}").inc()
            raise ModelFailed(OVER_BUDGET, refusal)
        return None

    async def _reserve(self, wish: Wish) -> tuple[date | None, str | None]:
        """The month of which money is held, or why it is not; neither where there is no budget."""
        async with self._database.transaction(wish.tenant_id) as tx:
            month = await self._store.reserve(tx, wish)
            return month, None if month is not None else await self._refusal(tx, wish)

    async def _refusal(self, tx: Transaction, wish: Wish) -> str | None:
        """Why it does not fit; notes that nothing fits if even an idle budget would refuse it."""
        rule = await self._store.find_rule(tx, wish.tenant_id)
        if rule is None or rule.monthly_usd is None:
            return None
        standing = await self._store.standing(tx, wish.tenant_id)
        spent = standing.spent_usd + wish.usd > rule.monthly_usd
        if spent and not standing.exhausted and not wish.is_dear:
            standing = await self._store.open_month(tx, wish.tenant_id)
            await self._store.note_exhausted(tx, wish.tenant_id, standing.month, exhausted=True)
            standing = replace(standing, exhausted=True)
            await self._warnings.say(tx, wish.tenant_id, rule, standing)
        return (
            f"up to {wish.usd:.6f} USD for this call, and of {rule.monthly_usd:.2f} a month "
            f"{standing.spent_usd:.6f} are spent and {standing.reserved_usd:.6f} held"
        )


class Purses:
    """Makes the purse of each request."""

    def __init__(
        self,
        reserving: Reserving | None,
        rules: Callable[[UUID], Rule | None],
        prices: Prices,
        note: Callable[[Spend], None],
    ) -> None:
        self.reserving, self.prices, self.note = reserving, prices, note
        self._rules = rules

    def of(self, payer: Payer) -> RequestPurse:
        """The purse of one request."""
        return RequestPurse(self, payer, self._rules(payer.tenant_id))


class RequestPurse:
    """The money of one request; see `purse.Purse`. Without a budget it asks nobody."""

    def __init__(self, purses: Purses, payer: Payer, rule: Rule | None) -> None:
        self._purses = purses
        self._payer = payer
        self._rule = rule
        self._short = False
        self._failed_otherwise = False

    @property
    def has_budget(self) -> bool:
        """Whether anything has to be held at all."""
        return self._rule is not None and self._rule.monthly_usd is not None

    @property
    def hands_over(self) -> bool:
        """Whether people answer: what is left is too little, and nothing else went wrong."""
        person = self._rule is not None and self._rule.when_spent == "person"
        return person and self._short and not self._failed_otherwise

    def chain(self, chain: Sequence[Model]) -> tuple[Model, ...]:
        """The models to try, with the cheaper one before the builtin answerer."""
        return tuple(with_cheaper(chain, self._rule))

    def step(self, model: Model) -> Literal["full", "cheaper", "builtin"] | None:
        """How far the budget had stepped down when this model answered; None without a budget."""
        if not self.has_budget:
            return None
        if not self._short:
            return "full"
        return "builtin" if model.provider == BUILTIN else "cheaper"

    async def reserve(self, call: ChatCall) -> Reservation | None:
        """Hold what a chat may cost at most; see `purse.Purse`."""
        if self._rule is None:
            return None
        if call.model.provider == BUILTIN and self.hands_over:
            raise ModelFailed(OVER_BUDGET, "the budget is spent, and people answer then")
        read, written = tokens_at_most_of(call)
        usd = self._purses.prices.at_most_usd(call.model, read, written)
        is_dear = self._rule.cheaper not in (None, call.model)
        return await self.hold(call.model, usd, call.timeout_seconds, is_dear=is_dear)

    async def hold(
        self,
        model: Model,
        usd: Decimal | None,
        timeout_seconds: float,
        *,
        is_dear: bool = False,
    ) -> Reservation | None:
        """Hold this much (None: nobody knows) for a call; None where nothing has to be held.

        `is_dear`: a cheaper model stands in for this one when money gets short.
        """
        rule, reserving = self._rule, self._purses.reserving
        if rule is None or rule.monthly_usd is None or reserving is None:
            return None
        if model.provider in LOCAL_PROVIDERS or usd == 0:
            return None
        unknown = usd is None and model != rule.cheaper
        if self._short and (is_dear or unknown):
            why = "its price is unknown" if unknown else "the cheaper model answers from here on"
            raise ModelFailed(OVER_BUDGET, why)
        likely = rule.unknown_price_usd if usd is None else usd
        if not likely:
            return None
        wish = Wish(
            reservation_id=uuid7(),
            tenant_id=self._payer.tenant_id,
            usd=rounded_up(likely),
            correlation_id=self._payer.correlation_id,
            conversation_id=self._payer.conversation_id,
            purpose=self._payer.purpose,
            model=str(model)[:512],
            seconds=timeout_seconds + _SETTLE_SECONDS,
            is_dear=is_dear,
            priced=usd is not None,
        )
        try:
            return await self._held(reserving, wish, model)
        except ModelFailed as failure:
            self._short = self._short or failure.code == OVER_BUDGET
            self._failed_otherwise = self._failed_otherwise or failure.code != OVER_BUDGET
            raise

    async def _held(self, reserving: Reserving, wish: Wish, model: Model) -> Reservation | None:
        """Reserve; who is cancelled meanwhile gives back what was held all the same."""
        task = asyncio.create_task(reserving.hold(wish))

        def give_back(done: asyncio.Task[Reservation | None]) -> None:
            if done.cancelled() or done.exception() is not None:
                return
            if (held := done.result()) is not None:
                self._purses.note(self.spend(model, Usage(0, 0, Decimal(0), "abandoned"), held))

        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(give_back)
            raise

    def failed(
        self,
        call: ChatCall,
        held: Reservation | None,
        code: str,
        written: str | None,
        billed: tuple[int, int] | None = None,
    ) -> None:
        """Give back what was held, or keep what the provider is likely to bill; never waits."""
        self._failed_otherwise = self._failed_otherwise or code != "abandoned"
        likely = self._likely(call, code, written, billed)
        self._purses.note(self.spend(call.model, likely, held))

    def dropped(
        self,
        model: Model,
        held: Reservation | None,
        code: str,
        billed: tuple[int, int] | None = None,
    ) -> None:
        """A call that reads only failed: what is billed for sure if it was refused, else all held.

        Without anything held that is what is billed for sure.
        """
        read, written = billed or (0, 0)
        usd = self._purses.prices.cost_usd(model, read, written)
        if held is not None and code not in NEVER_BILLED:
            usd = held.usd
        usage = Usage(read, written, usd, code, estimated=True)
        self._purses.note(self.spend(model, usage, held))

    def _likely(
        self, call: ChatCall, code: str, written: str | None, billed: tuple[int, int] | None
    ) -> Usage:
        """What a call without an answer took: nothing if it was refused, else our estimate.

        Of an answer that was not streamed nobody knows how far it came: it counts as the longest.
        """
        if code in NEVER_BILLED and billed is None:
            return Usage(0, 0, Decimal(0), code, estimated=True)
        read, output = billed or (prompt_tokens(call), call.reply_tokens_max)
        if written is not None and billed is None:
            output = min(output, estimated_tokens(written))
        usd = self._purses.prices.cost_usd(call.model, read, output)
        return Usage(read, output, usd, code, estimated=True)

    def spend_of(self, answered: Answered) -> Spend:
        """The ledger row of an answer, which also gives back what was held for it."""
        outcome = answered.outcome
        usage = Usage(
            input_tokens=answered.input_tokens,
            output_tokens=answered.output_tokens,
            usd=answered.cost_usd,
            estimated=outcome.estimated or outcome.output_tokens is None,
            milliseconds=answered.milliseconds,
            cached_tokens=outcome.cached_tokens,
        )
        return self.spend(answered.model, usage, answered.held)

    def spend(self, model: Model, usage: Usage, held: Reservation | None) -> Spend:
        """The ledger row of a call."""
        if held is not None and usage.usd is not None and usage.usd > held.usd:
            provider, name = metrics.labels_of(model)
            metrics.HELD_TOO_LITTLE.labels(provider, f"{provider}/{name}").inc()
            _log.warning("a call cost more than was held for it", model=str(model))
        return Spend(
            tenant_id=self._payer.tenant_id,
            correlation_id=self._payer.correlation_id,
            conversation_id=self._payer.conversation_id,
            purpose=self._payer.purpose,
            model=model,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            estimated=usage.estimated,
            cost_usd=usage.usd,
            milliseconds=usage.milliseconds,
            outcome=usage.outcome,
            occurred_at=datetime.now(UTC),
            spend_id=uuid7() if held is None else held.reservation_id,
            month=None if held is None else held.month,
            counted_usd=self._counted(usage),
            cached_tokens=usage.cached_tokens,
        )

    def _counted(self, usage: Usage) -> Decimal | None:
        """What an unpriced call takes of the budget; None: its cost, or nothing."""
        if usage.usd is not None or self._rule is None:
            return None
        return self._rule.unknown_price_usd
