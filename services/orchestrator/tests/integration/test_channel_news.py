"""What channels tell beside customers' messages, in whatever order it comes."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from bus import Refused
from contracts.v1.channels import EchoReceived, MediaStored, MessageChanged, ThreadControlChanged
from contracts.v1.conversations import GetConversation, ListMessages, PostMessage
from contracts.v1.sending import (
    MessageDelayed,
    MessageFailed,
    MessageSent,
    MessageStatusChanged,
    SendMessage,
    TypingShown,
)
from contracts.v1.shapes import (
    Choice,
    Choices,
    ChoiceSection,
    ContactRef,
    MediaRef,
    MessageChanges,
    MessageContent,
    MessageExtras,
    OutgoingReaction,
    Price,
    Reaction,
    SendPlan,
)
from contracts.v1.turns import ConversationUpdated, MessageRecorded
from orchestrator.domain import Standing, somebody_else_speaks, thread_held_by
from testkit import eventually_async

AT = datetime(2026, 1, 2, 12, tzinfo=UTC)
PHOTO = MediaRef(
    provider_media_id="1",
    mime_type="image/jpeg",
    file_name=None,
    sha256=None,
    size_bytes=None,
    media_id=UUID(int=7),
    state="pending",
)


def about(desk, **fields):
    """What every event about the desk's conversation carries."""
    return {
        "tenant_id": desk.tenant_id,
        "channel_id": desk.channel_id,
        "channel_type": "webchat",
        "conversation_id": desk.conversation_of(),
        **fields,
    }


def echo(desk, text="I'll look into it.", *, imported=None, provider_id="echo-1"):
    return EchoReceived.make(
        **about(desk),
        contact=ContactRef(external_id="visitor-1", display_name=None, phone=None),
        provider_message_id=provider_id,
        sent_at=AT,
        content=MessageContent(kind="text", text=text, media=None, data=None),
        source="phone_app",
        app_id=None,
        imported=imported,
    )


def thread(desk, holder, at=AT):
    return ThreadControlChanged.make(
        **about(desk),
        contact=ContactRef(external_id="visitor-1", display_name=None, phone=None),
        holder=holder,
        app_id=None,
        at=at,
    )


async def hear(desk, handle, *events):
    for event in events:
        async with desk.database.transaction(desk.tenant_id) as tx:
            await handle(event, tx)


async def shown(desk):
    """The conversation's messages as the API shows them."""
    found = await desk.parts.requests.messages(
        ListMessages.make(
            tenant_id=desk.tenant_id,
            conversation_id=desk.conversation_of(),
            after_seq=0,
            limit=100,
        )
    )
    return found.messages


async def test_an_echo_silences_the_bot_even_while_it_writes(desk, gate):
    desk.model_says(gate)
    await desk.hear("Where is my order?")
    await gate.next_question()
    await hear(desk, desk.parts.news.on_echo, echo(desk), echo(desk))
    gate.open("It is on its way.")
    await desk.idle()
    assert await desk.messages() == [
        (1, "customer", "Where is my order?"),
        (2, "agent", "I'll look into it."),
    ]
    assert desk.outbox.heard(SendMessage) == []
    updated = desk.outbox.heard(ConversationUpdated)
    assert [(one.owner_kind, one.ownership_number) for one in updated] == [("human", 2)]
    assert desk.outbox.heard(MessageRecorded)[-1].message.author == "WhatsApp Business app"
    await desk.hear("Hello?")
    await desk.idle()
    assert desk.outbox.heard(SendMessage) == []


async def test_an_echo_may_begin_a_conversation(desk):
    await hear(desk, desk.parts.news.on_echo, echo(desk))
    assert (await desk.conversation())["owner_kind"] == "human"
    assert [one.role for one in await shown(desk)] == ["agent"]


async def test_history_is_shown_and_never_answered(desk):
    old = desk.message("From last month", provider_id="old", imported=True)
    await desk.hear(old)
    await hear(desk, desk.parts.news.on_echo, echo(desk, "Answered then.", imported=True))
    await desk.settled()
    conversation = await desk.conversation()
    assert (conversation["owner_kind"], conversation["turn_due_at"]) == ("bot", None)
    assert desk.outbox.heard(SendMessage) == []
    await desk.hear("And today?")
    await desk.settled()
    (send,) = desk.outbox.heard(SendMessage)
    assert send.seq == 4
    _, evidence = (await desk.evidence())[0]
    assert "From last month" not in str(evidence.get("question", ""))


async def test_what_nobody_can_read_is_shown_and_not_answered(desk):
    content = MessageContent(kind="unsupported", text=None, media=None, data='{"errors":[]}')
    await desk.hear(desk.message("", content=content))
    await desk.settled()
    assert [one.content.kind for one in await shown(desk)] == ["unsupported"]
    assert desk.outbox.heard(SendMessage) == []


def unreadable(desk):
    content = MessageContent(kind="unsupported", text=None, media=None, data='{"errors":[]}')
    return desk.message("", content=content)


async def test_what_nobody_can_read_takes_no_answer_from_what_was_asked(desk):
    await desk.configure(coalesce_milliseconds=200)
    await desk.hear("How long may I return it?")
    await desk.hear(unreadable(desk))
    await desk.settled()
    assert len(desk.outbox.heard(SendMessage)) == 1
    await desk.configure(coalesce_milliseconds=0)
    await desk.hear(desk.message("And who pays?"), unreadable(desk))
    await desk.settled()
    assert len(desk.outbox.heard(SendMessage)) == 2


async def test_history_and_the_unreadable_are_not_answered_while_the_bot_writes(desk, gate):
    desk.model_says(gate)
    await desk.hear("Where is my order?")
    await gate.next_question()
    await desk.hear(desk.message("From last month", imported=True), unreadable(desk))
    gate.open("On its way.")
    await desk.settled()
    assert len(desk.outbox.heard(SendMessage)) == 1
    await desk.hear("Where is my invoice?")
    question = await gate.next_question()
    gate.open("Attached.")
    await desk.settled()
    assert question.messages[-1].content == "Where is my invoice?"
    assert len(desk.outbox.heard(SendMessage)) == 2


async def test_a_file_without_words_is_thanked_for_and_not_searched_for(desk):
    await desk.configure(language="hr-HR")
    file = MessageContent(kind="image", text=None, media=PHOTO, data=None)
    place = MessageContent(kind="location", text="Ilica 1", media=None, data='{"latitude":1}')
    await desk.hear(desk.message("", content=file), desk.message("Ilica 1", content=place))
    await desk.settled()
    (send,) = desk.outbox.heard(SendMessage)
    assert send.body.text == "Hvala, primili smo. Što biste željeli znati?"
    ((outcome, evidence),) = await desk.evidence()
    assert (outcome, evidence["decision"], evidence["searches"]) == (
        "answered", "asked_for_words", [],
    )  # fmt: skip
    await desk.hear("May I return this lamp?")
    await desk.settled()
    assert len(desk.outbox.heard(SendMessage)) == 2
    assert (await desk.evidence())[1][1]["searches"]


async def test_late_news_of_a_thread_changes_nothing(desk):
    newer, older = thread(desk, "other_app"), thread(desk, "us", AT - timedelta(seconds=5))
    await desk.hear("Hello")
    await hear(desk, desk.parts.news.on_thread_control, newer, older)
    await desk.hear("Are you there?")
    await desk.settled()
    assert (await desk.conversation())["owner_kind"] == "human"
    back = thread(desk, "us", AT + timedelta(seconds=5))
    await hear(desk, desk.parts.news.on_thread_control, back, newer)
    assert (await desk.conversation())["owner_kind"] == "bot"


async def test_a_thread_taken_and_given_back(desk):
    await desk.hear("Hello")
    await desk.settled()
    await hear(desk, desk.parts.news.on_thread_control, thread(desk, "page_inbox"))
    await desk.hear("Are you there?")
    await desk.settled()
    assert len(desk.outbox.heard(SendMessage)) == 1
    await hear(desk, desk.parts.news.on_thread_control, thread(desk, "us"))
    await desk.settled()
    assert len(desk.outbox.heard(SendMessage)) == 2


def test_a_thread_that_comes_back_leaves_a_person_alone():
    taken = Standing("assigned_human", "human", "ana", 4)
    assert thread_held_by(taken, "us") == taken
    assert thread_held_by(taken, "other_app") == taken
    assert somebody_else_speaks(Standing("active", "bot", None, 1)).ownership_number == 2


def changed(desk, revision, *, text=None, emoji=None, provider_id="wamid.1"):
    reactions = [] if emoji is None else [Reaction(by="customer", emoji=emoji, at=AT)]
    return MessageChanged.make(
        **about(desk),
        provider_message_id=provider_id,
        recorded_message_id=None,
        revision=revision,
        changes=MessageChanges(
            edited_text=text, edited_at=AT if text else None, revoked_at=None, reactions=reactions
        ),
        orphaned=False,
    )


@pytest.mark.parametrize("early", [True, False])
async def test_changes_come_before_or_after_their_message(desk, early):
    changes = [changed(desk, 2, text="40 days?", emoji="👍"), changed(desk, 1, text="39 days?")]
    message = desk.message("30 days?", provider_id="wamid.1")
    if early:
        await hear(desk, desk.parts.news.on_changed, *changes)
    await desk.hear(message)
    if not early:
        await hear(desk, desk.parts.news.on_changed, *changes)
    first = (await shown(desk))[0]
    assert (first.text, first.changes.edited_text) == ("30 days?", "40 days?")
    assert [one.emoji for one in first.changes.reactions] == ["👍"]


@pytest.mark.parametrize("early", [True, False])
async def test_a_file_is_shown_as_soon_as_it_is_stored(desk, early):
    stored = PHOTO.model_copy(update={"state": "stored", "sha256": "a" * 64, "size_bytes": 3})
    event = MediaStored.make(**about(desk), provider_message_id="wamid.1", media=stored)
    content = MessageContent(kind="image", text="Broken", media=PHOTO, data=None)
    message = desk.message("", provider_id="wamid.1", content=content)
    if early:
        await hear(desk, desk.parts.news.on_media_stored, event)
    await desk.hear(message)
    if not early:
        assert (await shown(desk))[0].content.media.state == "pending"
        await hear(desk, desk.parts.news.on_media_stored, event)
    assert (await shown(desk))[0].content.media == stored


async def test_another_tenant_sees_neither_changes_nor_files(desk):
    await hear(desk, desk.parts.news.on_changed, changed(desk, 1, text="secret"))
    async with desk.database.transaction(uuid4()) as tx:
        assert await tx.fetch("select 1 from message_changes") == []
        assert await tx.fetch("select 1 from message_media") == []


async def test_what_is_told_beside_the_outcome_is_shown(desk):
    await desk.hear("Hello")
    await desk.settled()
    (send,) = desk.outbox.heard(SendMessage)
    ids = {**about(desk), "send_id": send.send_id, "recorded_message_id": send.recorded_message_id}
    delayed = MessageDelayed.make(
        **ids, code="token_invalid", detail="Replace the token.", until=None
    )
    await hear(desk, desk.parts.news.on_delayed, delayed)
    waiting = (await shown(desk))[1]
    assert (waiting.delivery, waiting.delivery_code) == ("planned", "token_invalid")
    plan = SendPlan(
        decision="free_form",
        rule="window_open",
        detail="The customer wrote 1 minute ago.",
        policy="2026-11-22",
        message_tag=None,
        template=None,
    )
    sent = MessageSent.make(**ids, provider_message_ids=["wamid.out"], text="", plan=plan)
    price = Price(category="service", pricing_model="PMP", type=None, billable=False)
    read = MessageStatusChanged.make(**ids, status="read", provider_code=None, at=AT, price=price)
    late = MessageStatusChanged.make(**ids, status="delivered", provider_code=None, at=AT)
    async with desk.database.system() as tx:
        await desk.parts.handlers.on_sent([sent], tx)
        await desk.parts.handlers.on_status([read, late], tx)
    await hear(desk, desk.parts.news.on_delayed, delayed)
    message = (await shown(desk))[1]
    assert (message.delivery, message.delivery_code) == ("read", None)
    assert (message.plan, message.price) == (plan, price)
    assert message.provider_message_id == "wamid.out"


async def test_why_it_failed_is_shown(desk):
    await desk.hear("Hello")
    await desk.settled()
    (send,) = desk.outbox.heard(SendMessage)
    failed = MessageFailed.make(
        **about(desk),
        send_id=send.send_id,
        recorded_message_id=send.recorded_message_id,
        code="window_closed",
        provider_code=131047,
        detail="More than 24 hours.",
    )
    async with desk.database.system() as tx:
        await desk.parts.handlers.on_failed([failed], tx)
    message = (await shown(desk))[1]
    assert (message.delivery, message.delivery_detail) == ("failed", "More than 24 hours.")


def post(desk, text="", **fields):
    return PostMessage.make(
        tenant_id=desk.tenant_id,
        conversation_id=desk.conversation_of(),
        idempotency_key=str(uuid4()),
        author="ana",
        text=text,
        **fields,
    )


def extras(**fields):
    empty = dict.fromkeys(("header", "footer", "choices", "template", "location", "reaction"))
    return MessageExtras(**{**empty, "media": [], **fields})


async def test_choices_go_out_with_the_words_and_sends_know_the_one_before(desk):
    await desk.hear("Hello")
    await desk.settled()
    yes = Choice(payload="yes", title="Yes", description=None, url=None)
    choices = Choices(
        style="buttons", label=None, sections=[ChoiceSection(title=None, choices=[yes])]
    )
    asked = extras(choices=choices)
    await desk.parts.requests.post(post(desk, "Shall we?", extras=asked, reply_to="wamid.1"))
    await desk.parts.requests.post(
        post(desk, extras=extras(reaction=OutgoingReaction(about="wamid.1", emoji="👍")))
    )
    sends = desk.outbox.heard(SendMessage)
    assert [(one.seq, one.previous_seq) for one in sends] == [(2, None), (3, 2), (4, 3)]
    assert (sends[1].body.extras, sends[1].reply_to) == (asked, "wamid.1")
    assert (await shown(desk))[2].extras == asked
    with pytest.raises(Refused, match="needs text"):
        await desk.parts.requests.post(post(desk, " ", extras=asked))


async def test_the_customer_sees_us_type_only_while_we_do(desk, gate):
    desk.model_says(gate)
    await desk.hear(desk.message("Hi", channel_type="whatsapp", provider_id="wamid.1"))
    await gate.next_question()
    await eventually_async(lambda: desk.bus.streamed, "a sign that we type")
    gate.open("Hello.")
    await desk.idle()
    (sign,) = desk.bus.streamed
    assert isinstance(sign, TypingShown)
    assert (sign.provider_message_id, sign.contact_external_id) == ("wamid.1", "visitor-1")


async def test_a_conversation_says_who_its_customer_is_over_all_channels(desk, gate):
    desk.model_says(gate)
    ana = ContactRef(external_id="visitor-1", display_name="Ana", phone=None, contact_id=uuid4())
    await desk.hear(desk.message("Hello", contact=ana))
    named = ana.model_copy(update={"user_id": "HR.1349", "email": "ana@example.com"})
    await desk.hear(desk.message("It's me", contact=named), desk.message("Again", contact=ana))
    found = await desk.parts.requests.get(
        GetConversation.make(tenant_id=desk.tenant_id, conversation_id=desk.conversation_of())
    )
    assert found.conversation.contact == named
