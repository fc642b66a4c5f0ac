"""Books over a real Postgres: several replicas of everything that handles money."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from contracts.message import Message
from contracts.v1.models import ChatMessage
from contracts.v1.spending import BudgetRule, KeepBudget
from llm_router.config import Settings
from llm_router.domain import Access, ChatCall, Model, Spend
from llm_router.money import Money, money
from llm_router.purse import Reservation
from llm_router.purses import Payer, RequestPurse, Usage
from postgres import Database

# Where only this service is installed there is no database: those tests run in the whole tree.
_ON_REAL_SERVERS = ("budget_properties", "budget_races", "budget_steps", "ledger_books")
collect_ignore = [] if find_spec("testkit") else [f"test_{name}.py" for name in _ON_REAL_SERVERS]

CENT_A_TOKEN = {"input": 10_000, "output": 10_000}
PRICES = {"openai/main": CENT_A_TOKEN, "openai/cheap": {"input": 1_000, "output": 1_000}}
MAIN = Model("openai", "main")


class KeptOutbox:
    """Keeps what is said, once its transaction was committed."""

    def __init__(self) -> None:
        self.said: list[Message] = []

    async def say(self, tx: Any, *messages: Message) -> None:
        tx.after_commit.append(lambda: self.said.extend(messages))


class Books:
    """One tenant, and one `Money` for each replica."""

    def __init__(self, database: Any, prices: Path) -> None:
        self.tenant_id = uuid4()
        self.outbox = KeptOutbox()
        self.replicas: list[Money] = []
        self._database = database
        self._prices = prices
        self._opened: list[Database] = []

    async def open(self, replicas: int = 2) -> None:
        for number in range(replicas):
            database = await Database.connect(self._database.url, name=f"r{number}", size_max=6)
            self._opened.append(database)
            settings: Any = Settings.model_construct(
                prices_file=str(self._prices), ledger_days=400, unusual_floor_usd=1.0
            )
            outbox: Any = self.outbox
            books = money(settings, database, outbox)
            books.ledger.start()
            self.replicas.append(books)

    async def close(self) -> None:
        for books in self.replicas:
            await books.ledger.close()
        for database in self._opened:
            await database.close()

    async def keep(self, monthly_usd: float | None, **others: Any) -> Any:
        """Change the budget at the first replica; the others look it up."""
        fields = {
            "monthly_usd": monthly_usd,
            "warn_percent": [],
            "cheaper_percent": None,
            "cheaper_model": None,
            "when_spent": "builtin",
            "unknown_price_usd": None,
        }
        wish = KeepBudget.make(tenant_id=self.tenant_id, rule=BudgetRule(**(fields | others)))
        kept = await self.replicas[0].requests.keep_budget(wish)
        for books in self.replicas[1:]:
            await books.rules.refresh()
        return kept.budget

    def purse(self, replica: int = 0, **others: Any) -> RequestPurse:
        """The purse of a new request."""
        fields = {"conversation_id": None, "purpose": "answer", "correlation_id": uuid4()}
        payer = Payer(tenant_id=self.tenant_id, **(fields | others))
        return self.replicas[replica].purses.of(payer)

    async def hold(self, cents: float, replica: int = 0) -> tuple[RequestPurse, Reservation | None]:
        """Hold money for a call."""
        purse = self.purse(replica)
        return purse, await purse.hold(MAIN, Decimal(str(cents)) / 100, 5.0)

    async def settle(
        self, purse: RequestPurse, held: Reservation | None, cents: float, replica: int = 0
    ) -> Spend:
        """Put a call into the ledger, and wait for its commit."""
        spend = purse.spend(MAIN, Usage(10, 5, Decimal(str(cents)) / 100), held)
        await self.replicas[replica].ledger.record(spend)
        return spend

    async def sql(self, text: str, *values: object) -> list[asyncpg.Record]:
        """Look or change as the superuser, whom no policy binds."""
        connection = await asyncpg.connect(self._database.admin_url)
        try:
            return await connection.fetch(text, *values)
        finally:
            await connection.close()

    async def month(self) -> tuple[Decimal, Decimal]:
        """Spent and held this month."""
        found = await self.sql(
            "select sum(spent_usd), sum(reserved_usd) from spend_months where tenant_id = $1",
            self.tenant_id,
        )
        return found[0][0] or Decimal(0), found[0][1] or Decimal(0)

    async def adds_up(self) -> bool:
        """Whether the sums are what rows and reservations add up to."""
        [row] = await self.sql(
            "select coalesce((select sum(coalesce(counted_usd, cost_usd, 0)) from spends), 0),"
            " coalesce((select sum(usd) from reservations), 0),"
            " coalesce((select sum(spent_usd) from spend_months), 0),"
            " coalesce((select sum(reserved_usd) from spend_months), 0)"
        )
        return bool(row[0] == row[2] and row[1] == row[3])

    def said(self, kind: type[Message]) -> list[Any]:
        """What was said of one kind."""
        return [message for message in self.outbox.said if isinstance(message, kind)]


@pytest.fixture
def prices_file(tmp_path: Path) -> Path:
    """Prices at which cents can be counted."""
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(PRICES))
    return file


@pytest.fixture
async def books(service_database: Callable[..., Any], prices_file: Path) -> AsyncIterator[Books]:
    """Two replicas over one database."""
    opened = Books(service_database("llm_router"), prices_file)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def dated_books(
    service_database: Callable[..., Any], prices_file: Path
) -> AsyncIterator[tuple[Books, Callable[[str], Awaitable[None]]]]:
    """Books whose database believes what time it is told."""
    database = service_database("llm_router", fresh=True)
    connection = await asyncpg.connect(database.admin_url)
    await connection.execute(
        "create schema clock; grant usage on schema clock to public;"
        "create table clock.moment (at timestamptz not null);"
        "insert into clock.moment values ('2026-01-31T23:59:50Z');"
        "grant select on clock.moment to public;"
        "create function clock.now() returns timestamptz language sql stable"
        " as 'select at from clock.moment';"
        f'alter database "{database.name}" set search_path = clock, pg_catalog, public'
    )

    async def turn_to(moment: str) -> None:
        await connection.execute(f"update clock.moment set at = '{moment}'")

    opened = Books(database, prices_file)
    await opened.open()
    yield opened, turn_to
    await opened.close()
    await connection.close()


@pytest.fixture
def chat() -> Callable[..., ChatCall]:
    """`chat("openai/main", words=10, reply=5)` makes a call."""

    def make(model: str = "openai/main", text: str = "Hi", reply: int = 5) -> ChatCall:
        said = ChatMessage(role="user", content=text, tool_calls=[], tool_call_id=None)
        return ChatCall(
            tenant_id=UUID(int=1),
            model=Model.named(model),
            access=Access(None, None),
            purpose="answer",
            messages=[said],
            tools=[],
            passages=[],
            reply_tokens_max=reply,
            timeout_seconds=5.0,
        )

    return make
