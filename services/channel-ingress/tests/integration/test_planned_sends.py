"""Sends as the policy table plans them: windows, templates, tags, pace, order, parked channels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from channel_ingress.domain import conversation_identity
from channel_ingress.metrics import TYPING
from contracts.v1.sending import MessageDelayed, MessageFailed, MessageSent, TypingShown
from contracts.v1.shapes import TemplateCall, TemplateParameter
from contracts.v1.tenants import ChannelChoices
from simulators.meta import messenger_bodies, whatsapp_bodies
from simulators.meta.send_log import Send
from testkit import eventually_async

from .world import CUSTOMER, PAGE, PHONE, World

TEMPLATE = TemplateCall(
    name="come_back",
    language="en",
    parameters=[
        TemplateParameter(component="body", index=0, name=None, text="{{text}}", media=None)
    ],
)


def sends(world: World) -> list[Send]:
    return list(world.meta.sends.after(0))


def choices(template: TemplateCall | None = None, human_agent_tag: bool = False) -> ChannelChoices:
    return ChannelChoices(
        business_account_id=None,
        app_id=None,
        platform=None,
        reengagement_template=template,
        human_agent_tag=human_agent_tag,
        messages_per_second=None,
        silence_alarm_hours=None,
    )


async def wrote(world: World, hours_ago: float, channel_type: str = "whatsapp") -> None:
    """A customer's message of some hours ago; waits until it is known."""
    at = datetime.now(UTC) - timedelta(hours=hours_ago)
    if channel_type == "whatsapp":
        message = whatsapp_bodies.text_message(CUSTOMER, "Hi", message_id=f"wamid.{hours_ago}")
        message["timestamp"] = str(int(at.timestamp()))
        body = whatsapp_bodies.body_of([whatsapp_bodies.messages_change(PHONE, [message])])
    else:
        item = messenger_bodies.text_message(PAGE, CUSTOMER, "Hi")
        item["timestamp"] = int(at.timestamp() * 1000)
        body = messenger_bodies.body_of(PAGE, [item])
    await world.post(body, channel_type=channel_type)
    await world.until("select true from contact_windows")


def conversation(world: World, contact: str = CUSTOMER) -> UUID:
    return conversation_identity(world.channels["whatsapp"], contact)


async def test_a_dead_token_parks_the_channel_and_a_new_one_loses_nothing(world: World) -> None:
    channel_id = await world.configure()
    world.meta.faults.add({"kind": "error_code", "code": 190})
    await world.neighbours.say(world.command("first", seq=2))
    (delayed,) = await world.neighbours.wait_for(MessageDelayed)
    assert (delayed.code, delayed.until) == ("token_invalid", None)
    assert "access token" in delayed.detail
    # The fault is used up: whatever were called now would be accepted.
    await world.neighbours.say(world.command("second", seq=4), world.command("other", contact="2"))
    delays = await world.neighbours.wait_for(MessageDelayed, 3)
    assert {one.code for one in delays} == {"token_invalid"}
    assert sends(world) == []
    assert await world.value("select count(*) from sends where state = 'planned'") == 3
    await world.configure(channel_id=channel_id, revision=2)
    await world.neighbours.wait_for(MessageSent, 3)
    mine = [send.text for send in sends(world) if send.recipient == CUSTOMER]
    assert mine == ["first", "second"]
    assert await world.value("select count(*) from channel_parks") == 0
    assert len(world.neighbours.of(MessageDelayed)) == 3


async def test_a_quiet_bot_lets_people_write(world: World) -> None:
    await world.configure()
    world.meta.faults.add({"kind": "error_code", "code": 131048})
    await world.neighbours.say(world.command("bot", seq=2))
    (delayed,) = await world.neighbours.wait_for(MessageDelayed)
    assert delayed.code == "spam_limited"
    assert delayed.until is not None
    await world.neighbours.say(world.command("a person", seq=4, author="agent"))
    await world.neighbours.wait_for(MessageSent)
    assert [send.text for send in sends(world)] == ["a person"]
    await world.value("update channel_parks set until = now() returning true")
    await world.neighbours.wait_for(MessageSent, 2)
    assert [send.text for send in sends(world)] == ["a person", "bot"]


async def test_outside_the_window_the_template_goes_out_by_itself(world: World) -> None:
    await world.configure(choices=choices(TEMPLATE))
    await wrote(world, hours_ago=25)
    await world.neighbours.say(world.command("Your *order*\nis here"))
    (sent,) = await world.neighbours.wait_for(MessageSent)
    (send,) = sends(world)
    assert send.kind == "template"
    assert "Your order is here" in str(send.body["template"])
    assert sent.plan is not None
    assert (sent.plan.rule, sent.plan.template) == ("reengagement_template", "come_back")
    assert sent.text == "Your *order*\nis here"


async def test_outside_the_window_without_template_it_is_refused(world: World) -> None:
    await world.configure()
    await wrote(world, hours_ago=25)
    await world.neighbours.say(world.command())
    (failed,) = await world.neighbours.wait_for(MessageFailed)
    assert (failed.code, failed.provider_code) == ("window_closed", None)
    assert failed.plan is not None
    assert failed.plan.decision == "refuse"
    await wrote(world, hours_ago=1)
    await world.until("select last_customer_at > now() - interval '2 hours' from contact_windows")
    assert sends(world) == []
    await world.neighbours.say(world.command("open again", seq=4))
    (sent,) = await world.neighbours.wait_for(MessageSent)
    assert sent.plan is not None
    assert sent.plan.rule == "window_open"


async def test_meta_says_the_window_is_closed_and_the_template_goes_once(world: World) -> None:
    await world.configure(choices=choices(TEMPLATE))
    world.meta.faults.add({"kind": "error_code", "code": 131047})
    await world.neighbours.say(world.command("Hi", contact="1"))
    await world.neighbours.wait_for(MessageSent)
    assert [send.kind for send in sends(world)] == ["template"]
    world.meta.faults.add({"kind": "error_code", "code": 131047, "count": 2, "recipient": "2"})
    await world.neighbours.say(world.command("Hi", contact="2"))
    (failed,) = await world.neighbours.wait_for(MessageFailed)
    assert (failed.code, failed.provider_code) == ("window_closed", 131047)
    assert len(sends(world)) == 1


async def test_the_human_agent_tag_is_for_people_only(world: World) -> None:
    await world.configure("messenger", PAGE, choices=choices(human_agent_tag=True))
    await wrote(world, hours_ago=25, channel_type="messenger")
    await world.neighbours.say(
        world.command("from a bot", seq=2, channel_type="messenger", author="bot"),
        world.command("from a person", seq=4, channel_type="messenger", author="agent"),
    )
    (failed,) = await world.neighbours.wait_for(MessageFailed)
    assert failed.code == "window_closed"
    (sent,) = await world.neighbours.wait_for(MessageSent)
    (send,) = sends(world)
    assert (send.text, send.body["messaging_type"]) == ("from a person", "MESSAGE_TAG")
    assert send.body["tag"] == "HUMAN_AGENT"
    assert sent.plan is not None
    assert sent.plan.message_tag == "HUMAN_AGENT"


async def test_a_person_who_got_too_much_waits_and_nobody_else(world: World) -> None:
    await world.configure()
    await world.neighbours.say(world.command("1", seq=2))
    await world.neighbours.wait_for(MessageSent)
    paced = (
        "update conversations set paced_until = now() + make_interval(secs => $2::float8)"
        " where conversation_id = $1 returning true"
    )
    await world.value(paced, conversation(world), 300.0)
    await world.neighbours.say(world.command("2", seq=4), world.command("3", seq=6))
    await world.neighbours.say(world.command("another's", contact="2"))
    (delayed, *_) = await world.neighbours.wait_for(MessageDelayed)
    assert delayed.code == "pair_rate_limited"
    assert delayed.until is not None
    assert 20 < (delayed.until - datetime.now(UTC)).total_seconds() < 40
    await world.neighbours.wait_for(MessageSent, 2)
    assert [send.text for send in sends(world)] == ["1", "another's"]
    await world.value(paced, conversation(world), 0.0)
    await world.value(
        "update sends set next_attempt_at = now() where state = 'planned' returning true"
    )
    await world.neighbours.wait_for(MessageSent, 4)
    assert [send.text for send in sends(world)] == ["1", "another's", "2", "3"]


async def test_a_send_waits_for_the_one_before_it_that_has_not_come(world: World) -> None:
    await world.configure()
    early = world.command("second", seq=5, previous_seq=3)
    await world.neighbours.say(early)
    await world.until_state(early.send_id, "planned")
    await world.neighbours.say(world.command("first", seq=3))
    await world.neighbours.wait_for(MessageSent, 2)
    assert [send.text for send in sends(world)] == ["first", "second"]
    alone = world.command("alone", seq=9, previous_seq=7)
    await world.neighbours.say(alone)
    await world.until_state(alone.send_id, "planned")
    await world.value(
        "update sends set planned_at = now() - interval '31 seconds' where seq = 9 returning true"
    )
    await world.neighbours.wait_for(MessageSent, 3)


async def test_who_stopped_marketing_messages_is_marked(world: World) -> None:
    await world.configure()
    world.meta.faults.add({"kind": "error_code", "code": 131050})
    await world.neighbours.say(world.command())
    (failed,) = await world.neighbours.wait_for(MessageFailed)
    assert failed.code == "opted_out"
    await world.until("select not wants_marketing from channel_contacts")


async def test_typing_is_shown_but_not_by_a_parked_channel(world: World) -> None:
    channel_id = await world.configure()
    shown = TypingShown.make(
        tenant_id=world.tenant_id,
        conversation_id=conversation(world),
        channel_id=channel_id,
        channel_type="whatsapp",
        contact_external_id=CUSTOMER,
        provider_message_id="wamid.1",
    )
    actions = world.meta.messages.actions
    await world.neighbours.buses["orchestrator"].stream(shown)
    await eventually_async(lambda: len(actions) == 1, "a read mark")
    assert actions[0]["typing_indicator"] == {"type": "text"}
    world.meta.faults.add({"kind": "error_code", "code": 190})
    await world.neighbours.say(world.command())
    await world.neighbours.wait_for(MessageDelayed)
    before = skipped()
    await world.neighbours.buses["orchestrator"].stream(shown)
    await eventually_async(lambda: skipped() > before, "a skipped mark")
    assert len(actions) == 1


def skipped() -> float:
    return TYPING.labels("whatsapp", "skipped")._value.get()


async def test_a_person_under_an_older_key_has_one_window(world: World) -> None:
    channel_id = await world.configure()
    await wrote(world, hours_ago=25)
    async with world.database.system() as tx:
        younger = conversation_identity(channel_id, "US.1")
        await tx.execute(
            "insert into channel_contacts (channel_id, external_id, tenant_id, contact_id,"
            " conversation_id, moved_to) select channel_id, 'US.1', tenant_id, contact_id, $1,"
            " external_id from channel_contacts",
            younger,
        )
        await tx.execute(
            "insert into contact_windows (conversation_id, tenant_id, last_customer_at)"
            " select $1, tenant_id, last_customer_at from contact_windows",
            younger,
        )
    await wrote(world, hours_ago=1)
    await world.until("select max(last_customer_at) > now() - interval '2 h' from contact_windows")
    await world.neighbours.say(world.command(contact="US.1"))
    await world.neighbours.wait_for(MessageSent)
    assert [send.recipient for send in sends(world)] == [CUSTOMER]
