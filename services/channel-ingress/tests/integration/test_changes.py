"""Reactions, edits, revokes and statuses in any order, through Intake on a real database."""

from __future__ import annotations

import random
from datetime import timedelta
from uuid import uuid4

from channel_ingress.domain import conversation_identity
from channel_ingress.items import Change, Echo, Payload, Person, Prices, Status, StatusName
from contracts.v1.channels import MessageChanged, UpdateReceived
from contracts.v1.sending import MessageStatusChanged
from contracts.v1.shapes import MessageContent

from .hearing import START, Hearing, message

ANA = Person("16505551234", "Ana", phone="16505551234")
SHUFFLES = 6


def change(about: str, what: str, second: int, words: str = "", by: str = "customer") -> Change:
    return Change(
        about=about,
        what=what,  # type: ignore[arg-type]  # the test's own words
        by=by,  # type: ignore[arg-type]  # the test's own words
        at=START + timedelta(seconds=second),
        person=ANA,
        text=words if what == "edit" else None,
        emoji=words if what == "reaction" else None,
    )


def status(about: str, name: StatusName, second: int = 0, price: Prices | None = None) -> Status:
    code = 131026 if name == "failed" else None
    detail = "Not on WhatsApp." if name == "failed" else ""
    at = START + timedelta(seconds=second)
    return Status(about, name, at, provider_code=code, detail=detail, price=price)


def last(hearing: Hearing, about: str) -> MessageChanged:
    said = [one for one in hearing.of(MessageChanged) if one.provider_message_id == about]
    return max(said, key=lambda one: one.revision)


async def test_a_change_before_its_message_waits_and_is_said_with_it(hearing: Hearing) -> None:
    await hearing.hear(change("m1", "reaction", 1, "A"), change("m1", "edit", 2, "new words"))
    await hearing.sweep()
    assert hearing.of(MessageChanged) == []
    await hearing.hear(message(ANA, "m1"))
    (said,) = hearing.of(MessageChanged)
    channel_id = hearing.channels["whatsapp"]
    assert said.conversation_id == conversation_identity(channel_id, ANA.external_id)
    assert (said.orphaned, said.recorded_message_id) == (False, None)
    assert said.changes.edited_text == "new words"
    assert [(one.by, one.emoji) for one in said.changes.reactions] == [("customer", "A")]
    await hearing.sweep()
    assert len(hearing.of(MessageChanged)) == 1


async def test_a_change_after_its_message_is_said_once_and_older_ones_change_nothing(
    hearing: Hearing,
) -> None:
    await hearing.hear(message(ANA, "m1"))
    await hearing.hear(change("m1", "edit", 5, "newest"))
    await hearing.hear(change("m1", "edit", 5, "newest"))
    await hearing.hear(change("m1", "edit", 3, "older"))
    (said,) = hearing.of(MessageChanged)
    assert (said.changes.edited_text, said.revision) == ("newest", 1)
    await hearing.hear(change("m1", "revoke", 9))
    final = last(hearing, "m1")
    assert (final.changes.edited_text, final.revision) == (None, 2)
    assert final.changes.revoked_at == START + timedelta(seconds=9)


async def test_a_change_of_our_own_message_names_it(hearing: Hearing) -> None:
    await hearing.hear(change("wamid.ours", "reaction", 1, "A"))
    command = await hearing.sent("wamid.ours")
    await hearing.execute("update message_states set next_look_at = now()")
    await hearing.sweep()
    (said,) = hearing.of(MessageChanged)
    assert said.recorded_message_id == command.recorded_message_id
    assert said.conversation_id == command.conversation_id


async def test_an_echo_is_a_message_too(hearing: Hearing) -> None:
    await hearing.hear(change("m.echo", "revoke", 1, by="business"))
    content = MessageContent(kind="text", text="Hi", media=None, data=None)
    await hearing.hear(Echo(ANA, "m.echo", START, content, "phone_app"))
    (said,) = hearing.of(MessageChanged)
    assert said.changes.revoked_at is not None


async def test_a_change_whose_message_never_comes_is_said_alone_once(hearing: Hearing) -> None:
    await hearing.hear(change("never", "reaction", 1, "A"))
    await hearing.execute(
        "update message_states set first_heard_at = now() - interval '2 hours',"
        " next_look_at = now()"
    )
    await hearing.sweep()
    await hearing.execute("update message_states set next_look_at = now()")
    await hearing.sweep()
    await hearing.execute(
        "update message_states set first_heard_at = now() - interval '8 days', next_look_at = now()"
    )
    await hearing.sweep()
    assert await hearing.value("select next_look_at = 'infinity' from message_states")
    (orphan,) = hearing.of(MessageChanged)
    assert (orphan.orphaned, orphan.revision) == (True, 1 + 1)
    await hearing.hear(message(ANA, "never"))
    joined = last(hearing, "never")
    assert (joined.orphaned, joined.revision, joined.changes) == (False, 3, orphan.changes)
    assert joined.message_id != orphan.message_id


async def test_two_processes_that_miss_each_other_are_joined_by_the_sweep(
    hearing: Hearing,
) -> None:
    """The change parks while the message is not committed, which sees no parked change."""
    await hearing.hear(message(ANA, "m1"))
    await hearing.hear(change("m1", "reaction", 1, "A"))
    hearing.said.said.clear()
    await hearing.execute("update message_states set is_known = false, revision = 1")
    await hearing.sweep()
    assert last(hearing, "m1").orphaned is False


async def test_every_order_ends_in_the_same_state(hearing: Hearing) -> None:
    """A body an item, shuffled and with repeats: what was said last is what is true."""
    price = Prices("utility", "PMP", "regular", billable=True)
    chance = random.Random(20261122)
    finals = set()
    for number in range(SHUFFLES):
        about, sent = f"m{number}", f"wamid.{number}"
        command = await hearing.sent(sent)
        payloads: list[Payload] = [
            message(ANA, about),
            change(about, "reaction", 1, "A"),
            change(about, "reaction", 3, "B"),
            change(about, "reaction", 2, ""),
            change(about, "reaction", 2, "C", by="business"),
            change(about, "edit", 4, "words"),
            change(about, "edit", 5, "newest"),
            *([change(about, "revoke", 2)] if number % 2 else []),
            status(sent, "sent", 1, price),
            status(sent, "failed", 2),
            status(sent, "delivered", 3),
            status(sent, "read", 4),
        ]
        payloads += chance.sample(payloads[1:], 4)
        chance.shuffle(payloads)
        for payload in payloads:
            await hearing.hear(payload)
        statuses = [
            one for one in hearing.of(MessageStatusChanged) if one.send_id == command.send_id
        ]
        ranks = [("failed", "delivered", "read").index(one.status) for one in statuses]
        assert ranks == sorted(ranks)
        assert statuses[-1].price is not None
        final = last(hearing, about)
        assert final.orphaned is False
        state = final.changes.model_dump_json(exclude={"edited_text", "edited_at", "revoked_at"})
        words = final.changes.edited_text, final.changes.revoked_at is not None
        assert words == ((None, True) if number % 2 else ("newest", False))
        finals.add((state, statuses[-1].status))
    assert len(finals) == 1


async def test_a_failure_says_why_and_a_price_that_comes_late_is_said_too(
    hearing: Hearing,
) -> None:
    command = await hearing.sent("wamid.1")
    await hearing.hear(status("wamid.1", "failed", 1))
    await hearing.hear(status("wamid.1", "read", 2))
    price = Prices("marketing", "PMP", "regular", billable=True)
    await hearing.hear(status("wamid.1", "delivered", 2, price))
    await hearing.hear(status("wamid.1", "delivered", 2, price))
    said = hearing.of(MessageStatusChanged)
    assert [one.status for one in said] == ["failed", "read", "read"]
    assert (said[0].provider_code, said[0].detail) == (131026, "Not on WhatsApp.")
    assert (said[1].provider_code, said[1].detail, said[1].price) == (None, None, None)
    assert said[2].price is not None
    assert said[2].price.category == "marketing"
    assert len({one.message_id for one in said}) == 3
    assert await hearing.value("select price from sends where send_id = $1", command.send_id)


async def test_a_status_whose_send_never_comes_is_shown_once_and_joined_if_it_does(
    hearing: Hearing,
) -> None:
    await hearing.hear(status("wamid.lost", "sent"), status("wamid.lost", "delivered", 1))
    await hearing.sweep()
    assert hearing.of(UpdateReceived) == []
    await hearing.execute("update delivery_statuses set received_at = now() - interval '2 hours'")
    await hearing.sweep()
    await hearing.hear(status("wamid.lost", "read", 2))
    await hearing.execute("update delivery_statuses set received_at = now() - interval '2 hours'")
    await hearing.sweep()
    (shown,) = hearing.of(UpdateReceived)
    assert (shown.update_kind, shown.provider_message_id) == ("status_orphaned", "wamid.lost")
    assert '"delivered"' in shown.data
    await hearing.sent("wamid.lost")
    async with hearing.database.system() as tx:
        await hearing.joins.settle(tx, ["wamid.lost"])
    assert [one.status for one in hearing.of(MessageStatusChanged)] == ["read"]


async def test_statuses_of_an_echo_are_no_orphans(hearing: Hearing) -> None:
    await hearing.hear(status("wamid.app", "delivered"))
    content = MessageContent(kind="text", text="Hi", media=None, data=None)
    await hearing.hear(Echo(ANA, "wamid.app", START, content, "phone_app"))
    await hearing.execute("update inbound_items set provider_key = 'wamid.app'")
    await hearing.execute("update delivery_statuses set received_at = now() - interval '2 hours'")
    hearing.said.said.clear()
    await hearing.sweep()
    assert hearing.of(UpdateReceived) == []


async def test_other_tenants_see_no_changes(hearing: Hearing) -> None:
    await hearing.hear(change("m1", "reaction", 1, "A"))
    async with hearing.database.transaction(hearing.tenant_id) as tx:
        assert await tx.fetchval("select count(*) from message_changes") == 1
    async with hearing.database.transaction(uuid4()) as tx:
        assert await tx.fetchval("select count(*) from message_changes") == 0
        assert await tx.fetchval("select count(*) from message_states") == 0
