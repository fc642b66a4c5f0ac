"""Bugs that break a promise, each with the test of the whole platform that must turn red.

`scripts/plant-bugs` plants them one at a time in a clean work tree, runs the test and takes them
out again. The texts must occur exactly once; `test_planted_bugs.py` keeps them true.
"""

from dataclasses import dataclass
from typing import Final

_KILLS: Final = "tests/resilience/test_kill_points.py"


@dataclass(frozen=True)
class PlantedBug:
    """One text of one file replaced by another."""

    name: str
    promise: str
    file: str
    text: str
    instead: str
    test: str
    """What pytest is given."""


BUGS: Final = (
    PlantedBug(
        "answer-before-commit",
        "what was answered 200 is never lost",
        "services/gateway/src/gateway/webhooks.py",
        "                await self._intake.keep(delivery)\n",
        "                asyncio.ensure_future(self._intake.keep(delivery))\n",
        f"{_KILLS}::test_a_kill_loses_nothing_and_doubles_nothing[gateway.before_commit@gateway]",
    ),
    PlantedBug(
        "nothing-but-memory",
        "what was committed is said, whoever dies",
        "libs/outbox/src/outbox/relay.py",
        "            await self._bus.publish(kept.message)\n",
        "            self._confirmed.append(kept.row_id)\n"
        "            self._confirmed_event.set()\n"
        "            await asyncio.sleep(0.5)\n"
        "            await self._bus.publish(kept.message)\n",
        f"{_KILLS}::test_the_broker_killed_under_load_loses_nothing",
    ),
    PlantedBug(
        "database-away-is-fine",
        "503 while nothing can be kept",
        "services/gateway/src/gateway/webhooks.py",
        'raise unavailable("It could not be kept just now. Send it again.") from None',
        "return",
        f"{_KILLS}::test_without_the_database_the_door_says_503_and_takes_the_retry_later",
    ),
    PlantedBug(
        "resend-blind",
        "an unread answer is never sent again",
        "services/channel-ingress/src/channel_ingress/domain.py",
        "        return InDoubt(result.reason)\n",
        "        result = NotSent(result.reason)\n",
        f"{_KILLS}::test_an_unread_answer_is_unknown_and_never_sent_again",
    ),
    PlantedBug(
        "no-reference",
        "a status proves a send whose answer was not read",
        "services/channel-ingress/src/channel_ingress/domain.py",
        '    return str(send_id) if part == 0 else f"{send_id}.{part}"\n',
        '    return f"part-{part}"\n',
        f"{_KILLS}::test_an_answer_that_was_accepted_unread_is_found_by_its_status",
    ),
    PlantedBug(
        "no-fencing",
        "a worker that lost its lease writes nothing",
        "services/orchestrator/src/orchestrator/queries.sql",
        "    where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid and c.lease_epoch = "
        "$3::bigint\n        and c.ownership_number = $4::bigint and c.owner_kind = 'bot'\n"
        "        and c.last_answered_seq < $8::bigint\n",
        "    where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid\n"
        "        and $3::bigint is not null and $4::bigint is not null\n",
        "services/orchestrator/tests/integration/test_leases.py",
    ),
    PlantedBug(
        "no-takeover",
        "the bot is silent from the moment a person takes over",
        "services/orchestrator/src/orchestrator/queries.sql",
        "        and c.ownership_number = $4::bigint and c.owner_kind = 'bot'\n"
        "        and c.last_answered_seq < $8::bigint\n",
        "        and $4::bigint is not null\n        and c.last_answered_seq < $8::bigint\n",
        "services/orchestrator/tests/integration/test_turns.py",
    ),
    PlantedBug(
        "repeats-are-new",
        "one message, however often it is posted",
        "services/orchestrator/src/orchestrator/domain.py",
        '    return uuid5(conversation_id, f"inbound:{provider_message_id}")\n',
        "    from uuid import uuid4\n\n    return uuid4()\n",
        "services/orchestrator/tests/integration/test_placing.py",
    ),
    PlantedBug(
        "heard-twice",
        "a message that is delivered twice has its effect once",
        "libs/outbox/src/outbox/inbox.py",
        '                if await tx.fetchval(self._queries["hear"], delivery.queue, '
        "message.message_id):\n                    await handler(message, tx)\n",
        '                await tx.fetchval(self._queries["hear"], delivery.queue, '
        "message.message_id)\n                if message:\n"
        "                    await handler(message, tx)\n",
        "libs/outbox/tests",
    ),
    PlantedBug(
        "a-batch-backwards",
        "messages of one customer keep their order",
        "services/orchestrator/src/orchestrator/handlers.py",
        "sorted(messages, key=_conversation_of)",
        "sorted(reversed(messages), key=_conversation_of)",
        "services/orchestrator/tests/integration/test_placing.py",
    ),
    PlantedBug(
        "no-signature",
        "nobody but Meta speaks for Meta",
        "services/gateway/src/gateway/signatures.py",
        '    return hmac.compare_digest(given, hmac.digest(app_secret, raw, "sha256"))\n',
        "    return bool(given)\n",
        "services/gateway/tests/integration/test_meta_webhooks.py",
    ),
    PlantedBug(
        "every-tenant-visible",
        "row-level security alone keeps tenants apart",
        "libs/postgres/src/postgres/migrations.py",
        "select row_tenant = nullif(current_setting('chat.tenant', true), '')::uuid",
        "select row_tenant is not null",
        "libs/postgres/tests/test_database.py",
    ),
)
