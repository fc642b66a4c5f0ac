"""One conversation as a state machine: whatever happens to it, in whatever order, on real Postgres.

Two processes work on it. The model answers when a rule says so, so runs stay open while customers
write, people take over, leases run out and workers that lost theirs try to commit.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bus import AskFailed, Refused
from contracts.v1.models import GenerateReply, ReplyGenerated
from contracts.v1.tenants import TenantSettings
from postgres import Database
from testkit import RecordingBus, eventually_async

from .desk import Desk, reply
from .takeovers import TAKEOVERS

ENDED = ("resolved", "closed")
SAID = ("answered", "handed_off", "failed_politely")
PROCESSES = st.integers(0, 1)
BY_PEOPLE = sorted(way for way in TAKEOVERS if way != "keyword")


class Model:
    """A model whose every call waits for a rule."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[Any]] = []

    async def __call__(self, _request: GenerateReply) -> ReplyGenerated:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.waiting.append(answer)
        try:
            said: ReplyGenerated = await answer
            return said
        finally:
            self.waiting.remove(answer)


class ConversationMachine(RuleBasedStateMachine):
    """Rules are what happens; invariants are what must be true after each of them."""

    def __init__(self, url: str, settings: TenantSettings) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.model = Model()
        self.written = 0
        self.bots_at_takeover: int | None = None
        self.before: dict[str, int] = {}
        self.desk = self.do(self.open(url, settings))

    def do(self, work: Any) -> Any:
        return self.runner.run(work)

    async def open(self, url: str, settings: TenantSettings) -> Desk:
        self.database = await Database.connect(url, name="orchestrator-model", size_max=8)
        desk = Desk(self.database, RecordingBus(), settings, lease_seconds=600.0)
        await desk.configure()
        desk.model_says(self.model)
        self.processes = [desk.parts, desk.another_process()]
        return desk

    @initialize()
    def first_message(self) -> None:
        self.do(self.write(0))

    async def write(self, process: int, count: int = 1) -> None:
        for _ in range(count):
            self.written += 1
            await self.desk.hear(
                self.desk.message(f"Word {self.written}", provider_id=f"m{self.written}"),
                parts=self.processes[process],
            )
        row = await self.desk.conversation()
        if row["owner_kind"] == "bot":
            self.bots_at_takeover = None  # an ended conversation begins anew with the bot
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until every run is at the model's door or over."""

        async def look() -> bool:
            working = sum(parts.runner.in_progress for parts in self.processes)
            return working == len(self.model.waiting)

        await eventually_async(look, "runs are over or at the model")

    @rule(process=PROCESSES, count=st.integers(1, 4))
    def a_customer_writes(self, process: int, count: int) -> None:
        self.do(self.write(process, count))

    @rule(process=PROCESSES)
    def a_message_comes_again(self, process: int) -> None:
        again = self.desk.message("again", provider_id=f"m{self.written}")
        self.do(self.desk.hear(again, parts=self.processes[process]))
        self.do(self.quiet())

    @rule(which=st.integers(0, 3), fails=st.booleans())
    def the_model_answers(self, which: int, fails: bool) -> None:
        async def answer() -> None:
            if not self.model.waiting:
                return  # no precondition: which runs are open is a matter of moments
            waiting = self.model.waiting[which % len(self.model.waiting)]
            if fails:
                waiting.set_exception(AskFailed("no_model", "None answered."))
            else:
                waiting.set_result(reply("An answer [1]."))
            await asyncio.sleep(0)
            await self.quiet()

        self.do(answer())

    @rule(way=st.sampled_from(BY_PEOPLE), process=PROCESSES)
    def somebody_takes_over(self, way: str, process: int) -> None:
        async def take() -> None:
            try:
                await TAKEOVERS[way](self.desk, "visitor-1", self.processes[process])
            except Refused:
                return  # the conversation does not stand so that this follows
            if (await self.desk.conversation())["owner_kind"] != "bot":
                self.bots_at_takeover = await self.bots()
            await self.quiet()

        self.do(take())

    @rule(process=PROCESSES)
    def it_is_handed_back(self, process: int) -> None:
        self.do(self.change(process, owner_kind="bot", status="active", assignee=None))

    @rule(process=PROCESSES, status=st.sampled_from(["resolved", "closed", "waiting", "active"]))
    def its_status_is_changed(self, process: int, status: str) -> None:
        self.do(self.change(process, owner_kind=None, status=status, assignee=None))

    @rule(process=PROCESSES)
    def it_is_put_to_sleep(self, process: int) -> None:
        until = datetime.now(UTC) + timedelta(days=1)
        self.do(self.change(process, owner_kind=None, assignee=None, snooze_until=until))

    async def change(self, process: int, **change: Any) -> None:
        parts, self.desk.parts = self.desk.parts, self.processes[process]
        try:
            await self.desk.take_over(**change)
        except Refused:
            return
        finally:
            self.desk.parts = parts
        row = await self.desk.conversation()
        self.bots_at_takeover = None if row["owner_kind"] == "bot" else await self.bots()
        await self.quiet()

    @rule(process=PROCESSES)
    def a_lease_runs_out_and_another_sweeps(self, process: int) -> None:
        async def lose() -> None:
            async with self.database.system() as tx:
                await tx.execute("update conversations set lease_until = clock_timestamp()")
            await self.processes[process].runner.sweep_once()
            await asyncio.sleep(0)
            await self.quiet()

        self.do(lose())

    @rule(process=PROCESSES)
    def time_passes(self, process: int) -> None:
        async def pass_on() -> None:
            async with self.database.system() as tx:
                await tx.execute(
                    "update conversations set turn_due_at = clock_timestamp()"
                    " where turn_due_at is not null"
                )
            await self.processes[process].runner.sweep_once()
            await self.processes[process].watch.look_once()
            await asyncio.sleep(0)
            await self.quiet()

        self.do(pass_on())

    @rule(supersede=st.booleans(), coalesce=st.sampled_from([0, 0, 30]))
    def the_tenant_changes_its_mind(self, supersede: bool, coalesce: int) -> None:
        self.do(self.desk.configure(supersede=supersede, coalesce_milliseconds=coalesce))

    async def bots(self) -> int:
        return len([1 for _, role, _ in await self.desk.messages() if role == "bot"])

    @invariant()
    def places_have_no_hole_and_every_message_is_there(self) -> None:
        messages = self.do(self.desk.messages())
        assert [seq for seq, _, _ in messages] == list(range(1, len(messages) + 1))
        assert sum(role == "customer" for _, role, _ in messages) == self.written

    @invariant()
    def nobody_is_answered_twice(self) -> None:
        turns = self.do(
            self.desk.rows(
                "select first_seq, last_seq, outcome from turns where tenant_id = $1"
                " and outcome = any($2) order by first_seq",
                self.desk.tenant_id,
                list(SAID),
            )
        )
        for turn, following in pairwise(turns):
            assert turn["last_seq"] < following["first_seq"]
        assert self.do(self.bots()) == len(turns)

    @invariant()
    def the_bot_is_silent_where_it_does_not_own(self) -> None:
        if self.bots_at_takeover is not None:
            assert self.do(self.bots()) == self.bots_at_takeover

    @invariant()
    def numbers_only_rise(self) -> None:
        row = self.do(self.desk.conversation())
        for name in ("last_seq", "last_answered_seq", "lease_epoch", "ownership_number"):
            assert row[name] >= self.before.get(name, 0), name
            self.before[name] = row[name]

    @invariant()
    def what_waits_has_its_time_or_its_owner(self) -> None:
        row = self.do(self.desk.conversation())
        waits = row["last_customer_seq"] > row["last_answered_seq"]
        if waits and row["owner_kind"] == "bot" and row["status"] not in ENDED:
            assert row["turn_due_at"] is not None

    def teardown(self) -> None:
        try:
            self.do(self.everything_is_answered())
        finally:
            self.do(self.close())
            self.runner.close()

    async def everything_is_answered(self) -> None:
        """In the end the bot gets it back, the model answers, and nothing is left."""
        if self.desk is None:
            return
        row = await self.desk.conversation()
        if row["owner_kind"] != "bot" or row["status"] in ENDED:
            await self.desk.take_over(owner_kind="bot", status="active", assignee=None)

        async def look() -> bool:
            for waiting in list(self.model.waiting):
                if not waiting.done():
                    waiting.set_result(reply("The last answer [1]."))
            await self.processes[0].runner.sweep_once()
            row = await self.desk.conversation()
            return bool(row["last_answered_seq"] >= row["last_customer_seq"])

        await eventually_async(look, "everything is answered")

    async def close(self) -> None:
        for parts in self.processes:
            await parts.runner.stop(grace_seconds=0.0)
        await self.database.close()
