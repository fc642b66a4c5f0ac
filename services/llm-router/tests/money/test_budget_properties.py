"""Any order of holding, settling, losing and saving again keeps the promise and adds up."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_router.domain import Model, ModelFailed, Spend
from llm_router.purse import Reservation
from llm_router.purses import OVER_BUDGET, RequestPurse

BUDGET = Decimal(1)
MAIN = Model("openai", "main")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["hold", "hold", "settle", "lose", "late", "again"]),
        st.integers(1, 45),
        st.integers(0, 1),
    ),
    min_size=5,
    max_size=16,
)


@dataclass
class Expected:
    """What the books have to say, computed the simple way."""

    open: list[tuple[RequestPurse, Reservation]] = field(default_factory=list)
    lost: list[tuple[RequestPurse, Reservation]] = field(default_factory=list)
    settled: list[Spend] = field(default_factory=list)
    spent: Decimal = Decimal(0)

    def held(self) -> Decimal:
        return sum((held.usd for _, held in self.open), Decimal(0))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
async def test_any_order_adds_up(books: Any, steps: list[tuple[str, int, int]]) -> None:
    books.tenant_id = uuid4()
    await books.keep(float(BUDGET))
    expected = Expected()
    for name, cents, replica in steps:
        await STEP[name](books, expected, cents, replica)
        spent, held = await books.month()
        assert (spent, held) == (expected.spent, expected.held())
        assert spent + held <= BUDGET
    assert await books.adds_up()


async def hold(books: Any, expected: Expected, cents: int, replica: int) -> None:
    wanted = Decimal(cents) / 100
    fits = expected.spent + expected.held() + wanted <= BUDGET
    purse = books.purse(replica)
    try:
        held = await purse.hold(MAIN, wanted, 5.0)
    except ModelFailed as failure:
        refused = failure.code
    else:
        refused = ""
        expected.open.append((purse, held))
    assert refused == ("" if fits else OVER_BUDGET)


async def settle(books: Any, expected: Expected, cents: int, replica: int) -> None:
    if not expected.open:
        return
    purse, held = expected.open.pop(cents % len(expected.open))
    cost = min(Decimal(cents) / 100, held.usd)
    expected.settled.append(await books.settle(purse, held, float(cost * 100), replica))
    expected.spent += cost


async def lose(books: Any, expected: Expected, cents: int, replica: int) -> None:
    """The process of a call died: all that was held counts as spent."""
    if not expected.open:
        return
    purse, held = expected.open.pop(cents % len(expected.open))
    await books.sql(
        "update reservations set expires_at = now() - interval '1 s' where reservation_id = $1",
        held.reservation_id,
    )
    await books.replicas[replica].bookkeeping.expire()
    expected.lost.append((purse, held))
    expected.spent += held.usd


async def late(books: Any, expected: Expected, cents: int, replica: int) -> None:
    """It had not died, it stood still: the truth takes the place of the guess."""
    if not expected.lost:
        return
    purse, held = expected.lost.pop(cents % len(expected.lost))
    cost = min(Decimal(cents) / 100, held.usd)
    expected.settled.append(await books.settle(purse, held, float(cost * 100), replica))
    expected.spent += cost - held.usd


async def again(books: Any, expected: Expected, cents: int, replica: int) -> None:
    """Nobody heard that the commit had worked, so the row is saved once more."""
    if expected.settled:
        spend = expected.settled[cents % len(expected.settled)]
        await books.replicas[replica].ledger.record(spend)


STEP = {"hold": hold, "settle": settle, "lose": lose, "late": late, "again": again}
