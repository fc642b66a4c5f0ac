"""What happens to conversations by itself: they wake, come back, end, and somebody is alarmed.

Any number of replicas sweep at once: each conversation is taken by the one that locks its row, and
looked at again under the lock. Time is the database's.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import monotonic
from typing import Any, Final

import observe
from contracts.v1.inbox import ConversationUnanswered
from orchestrator import telling
from orchestrator.alarms import Guess, WaitingFacts, guess_cause, undelivered
from orchestrator.domain import wakes
from orchestrator.farewell import Farewell
from orchestrator.life_store import Key, LifeStore
from orchestrator.metrics import ENDED_BY_SILENCE, LONGEST_WAIT_SECONDS, UNANSWERED, WOKEN
from orchestrator.running import Running
from orchestrator.store import ConversationStore
from orchestrator.telling import Envelope
from outbox import Outbox
from postgres import Database, DatabaseAway

ALARM_MINUTES: Final = 15
"""Where a tenant chose nothing."""
INACTIVITY_EVERY_SECONDS: Final = 30.0
_AT_ONCE: Final = 50
_WORDS_AT_ONCE: Final = 500
_WORDS_ROUNDS: Final = 20

_log = observe.get_logger("orchestrator.life")


class Life:
    """The sweeps over conversations."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        store: ConversationStore,
        life: LifeStore,
        farewell: Farewell,
        runner: Running,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._store = store
        self._life = life
        self._farewell = farewell
        self._runner = runner
        self._silence_looked_at = float("-inf")

    async def run(self, every_seconds: float) -> None:
        """Sweep for ever; what fails is tried again in the next round."""
        while True:
            await self.sweep_once()
            await asyncio.sleep(every_seconds)

    async def sweep_once(self) -> None:
        """Do all of it once; one part that fails keeps none of the others."""
        await self._safely("wake", self.wake_due)
        await self._safely("alarm", self.alarm)
        if monotonic() - self._silence_looked_at >= INACTIVITY_EVERY_SECONDS:
            self._silence_looked_at = monotonic()
            await self._safely("inactivity", self.end_silent)
            await self._safely("stuck sends", self.look_for_stuck_sends)
        await self._safely("words", self.keep_words)

    async def wake_due(self) -> int:
        """Wake who slept long enough, and go on where people are back."""
        async with self._database.system() as tx:
            due = await self._life.fallen_due(tx, _AT_ONCE)
        return await self._each("wake", due, self._go_on)

    async def end_silent(self) -> int:
        """Resolve conversations in which nothing was said for as long as their tenants wait."""
        async with self._database.system() as tx:
            found = await self._life.inactive(tx, _AT_ONCE)
        return await self._each("inactivity", found, self._end)

    async def look_for_stuck_sends(self) -> None:
        """Find messages that nothing was heard of; the next alarm tells of them."""
        async with self._database.system() as tx:
            await self._life.note_stuck_sends(tx, _AT_ONCE, ALARM_MINUTES)

    async def alarm(self) -> int:
        """Tell of every customer who has had no answer for too long, whatever the cause."""
        async with self._database.system() as tx:
            waiting = await self._life.claim_alarms(tx, _AT_ONCE, ALARM_MINUTES)
            missed = await self._life.claim_undelivered(tx, _AT_ONCE, ALARM_MINUTES)
            said = [
                *(_alarm(row, guess_cause(_facts_of(row))) for row in waiting),
                *(
                    _alarm(row, undelivered(row["delivery"], row["delivery_code"]))
                    for row in missed
                ),
            ]
            if said:
                await self._outbox.say(tx, *said)
            LONGEST_WAIT_SECONDS.set(await self._life.longest_wait_seconds(tx))
        for event in said:
            UNANSWERED.labels(event.cause).inc()
            _log.warning(
                "a customer has had no answer",
                tenant_id=str(event.tenant_id),
                conversation_id=str(event.conversation_id),
                cause=event.cause,
                detail=event.detail,
            )
        return len(said)

    async def keep_words(self) -> None:
        """Let conversations be found by what was said lately."""
        for _ in range(_WORDS_ROUNDS):
            async with self._database.system() as tx:
                taken = await self._life.keep_words(tx, _WORDS_AT_ONCE)
            if taken < _WORDS_AT_ONCE:
                break
        async with self._database.system() as tx:
            await self._life.forget_presences(tx)

    async def _go_on(self, key: Key) -> bool:
        async with self._outbox.transaction(key[0]) as tx:
            why = await self._life.hold_fallen_due(tx, key)
            conversation = await self._store.lock(tx, *key) if why else None
            if why is None or conversation is None:
                return False
            due = False
            if why.wakes and conversation.standing.status == "snoozed":
                standing = conversation.standing = wakes(conversation.standing)
                due = await self._store.save_standing(tx, *key, standing)
                envelope = Envelope.by_itself(conversation)
                await self._outbox.say(tx, telling.conversation_updated(envelope, standing))
                WOKEN.labels("sleep").inc()
            if why.people_are_back:
                due = await self._life.come_back(tx, key) or due
                WOKEN.labels("absence").inc()
            if due:
                tx.after_commit.append(lambda: self._runner.wake(*key))
        return True

    async def _end(self, key: Key) -> bool:
        async with self._outbox.transaction(key[0]) as tx:
            conversation = None
            if await self._life.hold_inactive(tx, key):
                conversation = await self._store.lock(tx, *key)
            if conversation is None:
                return False
            standing = conversation.standing = replace(conversation.standing, status="resolved")
            await self._store.save_standing(tx, *key, standing)
            envelope = Envelope.by_itself(conversation)
            asked = await self._farewell.ask(tx, conversation, envelope)
            await self._outbox.say(tx, telling.conversation_updated(envelope, standing), *asked)
        ENDED_BY_SILENCE.inc()
        return True

    async def _each(
        self, name: str, keys: list[Key], work: Callable[[Key], Awaitable[bool]]
    ) -> int:
        """Work on each by itself: one that cannot be worked on holds no other up."""
        done = 0
        for key in dict.fromkeys(keys):
            try:
                done += await work(key)
            except DatabaseAway:
                raise
            except Exception:  # noqa: BLE001 - logged; it is found again in the next round
                _log.exception("a conversation cannot go on", work=name, conversation=str(key[1]))
        return done

    async def _safely(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except DatabaseAway as error:
            _log.info("waiting for the database", work=name, reason=str(error))
        except Exception:  # noqa: BLE001 - the next round may do better, the log has this one
            _log.exception("a round failed", work=name)


def _facts_of(row: Any) -> WaitingFacts:
    return WaitingFacts(
        owner_kind=row["owner_kind"],
        assignee=row["assignee"],
        is_served=row["is_served"],
        turn_due_at=row["turn_due_at"],
        is_leased=row["is_leased"],
        turn_attempts=row["turn_attempts"],
        last_failure=row["last_failure"],
    )


def _alarm(row: Any, guess: Guess) -> ConversationUnanswered:
    return ConversationUnanswered.make(
        tenant_id=row["tenant_id"],
        correlation_id=row["conversation_id"],
        conversation_id=row["conversation_id"],
        channel_id=row["channel_id"],
        channel_type=row["channel_type"],
        waiting_since=row["waiting_since"],
        first_seq=row["first_seq"] or 1,
        cause=guess.cause,
        detail=guess.detail[:512],
    )
