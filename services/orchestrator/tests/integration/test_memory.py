"""What a conversation is remembered by: facts, summaries, misses in a row, briefs for people."""

from typing import Any

from bus import AskFailed
from contracts.v1.conversations import UpdateConversation
from contracts.v1.models import EmbedTexts, GenerateReply
from contracts.v1.turns import ConversationUpdated, HandoffRequested, TurnCompleted

MISS = "I could not find this in the documents."


async def asked(desk, text: str) -> TurnCompleted:
    await desk.hear(text)
    await desk.idle()
    return desk.outbox.heard(TurnCompleted)[-1]


async def upkeep(desk) -> None:
    desk.bus.answers[EmbedTexts] = AskFailed("no_responder", "nobody embeds here")
    await desk.parts.answers.upkeep.once(desk.parts.answers.unanswered, desk.parts.answers.writing)


def prompts(desk, purpose: str = "answer") -> list[str]:
    requests = [one for one in desk.bus.asked if isinstance(one, GenerateReply)]
    return [
        "\n".join(message.content for message in one.messages)
        for one in requests
        if one.purpose == purpose
    ]


async def test_the_prompt_tells_facts_and_the_evidence_its_sections(desk):
    await desk.configure(instructions="Offer a voucher.")
    await asked(desk, "How long can I return it?")
    (prompt,) = prompts(desk)
    assert "Customer's name: Ana" in prompt
    assert "Channel: webchat" in prompt
    assert "(UTC)" in prompt
    assert prompt.index("Offer a voucher.") < prompt.index("Rules:") < prompt.index("<passage ")
    assert prompt.index("<passage ") < prompt.index("<facts>")
    ((_, evidence),) = await desk.evidence()
    named = {one["section"]: one for one in evidence["prompt_sections"]}
    assert named["passages"] == {**named["passages"], "of": 1, "kept": 1}


async def test_what_no_longer_fits_is_summed_up_in_the_background(desk, say_reply):
    await desk.configure(history_messages_max=2)
    written: list[GenerateReply] = []

    async def model(request: GenerateReply) -> Any:
        if request.purpose == "summary":
            written.append(request)
            return say_reply("Ana bought the lamp Aurora.", model="openai/small")
        return say_reply("Answered [1].")

    desk.model_says(model)
    for number in range(6):
        await asked(desk, f"Message {number} about the lamp Aurora, please")
        if number < 4:
            assert not written, "nobody waits for a summary while little is missing"
    await upkeep(desk)
    assert len(written) == 1
    assert "Message 0 about" in written[0].messages[1].content
    (row,) = await desk.rows("select text, through_seq, written_by from conversation_summaries")
    assert (row["text"], row["written_by"]) == ("Ana bought the lamp Aurora.", "openai/small")
    await asked(desk, "And where is my lamp now?")
    assert "<summary>\nAna bought the lamp Aurora.\n</summary>" in prompts(desk)[-1]
    assert not await desk.rows("select 1 from writing_due where due_at <= clock_timestamp()")


async def test_rules_sum_up_where_only_the_builtin_model_is_and_notes_never_do(desk):
    await desk.configure(history_messages_max=0)
    for number in range(4):
        await asked(desk, f"My lamp number {number} is broken. Please help!")
    await desk.rows(
        "insert into notes (note_id, tenant_id, conversation_id, after_seq, author, text) "
        "select gen_random_uuid(), tenant_id, conversation_id, 1, 'leo', 'SECRET' "
        "from conversations"
    )
    await upkeep(desk)
    (row,) = await desk.rows("select text, written_by from conversation_summaries")
    assert row["written_by"] == "rules"
    assert "Customer: My lamp number 0 is broken." in row["text"]
    assert "SECRET" not in row["text"]
    assert not any("SECRET" in prompt for prompt in prompts(desk, "summary"))


async def test_a_tenant_may_want_no_summaries(desk):
    await desk.configure(history_messages_max=0, summarise_history=False)
    for number in range(4):
        await asked(desk, f"My lamp number {number} is broken")
    assert not await desk.rows("select 1 from writing_due")


async def test_misses_in_a_row_bring_a_person(desk):
    await desk.configure(handoff_after_misses=2)
    desk.model_says(MISS)
    assert (await asked(desk, "Do you rent tents?")).outcome == "answered"
    desk.model_says("Items may be returned within 30 days [1].")
    assert (await asked(desk, "How long can I return it?")).outcome == "answered"
    desk.model_says(MISS)
    assert (await asked(desk, "Is it blue?")).outcome == "answered"
    desk.model_says("Hello! How can I help you?")
    assert (await asked(desk, "Hello")).outcome == "answered"
    desk.model_says(MISS)
    completed = await asked(desk, "Is it green?")
    assert (completed.outcome, completed.decision) == ("handed_off", "low_confidence")
    (request,) = desk.outbox.heard(HandoffRequested)
    assert request.reason == "low_confidence"
    assert request.detail.startswith("2 answers in a row")


async def test_a_person_gets_a_brief_at_once_and_a_better_one_later(desk, say_reply):
    async def model(request: GenerateReply) -> Any:
        if request.purpose == "summary":
            text = "WISH: Ana wants to rent a tent.\nSUMMARY: The bot found nothing."
            return say_reply(text, model="openai/small")
        return say_reply(MISS)

    desk.model_says(model)
    await asked(desk, "Do you rent tents?")
    await desk.hear("human please")
    await desk.idle()
    (request,) = desk.outbox.heard(HandoffRequested)
    assert request.brief is not None
    assert (request.brief.wish, request.brief.written_by) == ("Do you rent tents?", "rules")
    assert request.brief.sources == ["Returns"]
    assert any("Searched" in step for step in request.brief.tried)
    await upkeep(desk)
    updated = desk.outbox.heard(ConversationUpdated)[-1]
    assert updated.brief is not None
    assert (updated.brief.wish, updated.brief.written_by) == (
        "Ana wants to rent a tent.",
        "openai/small",
    )
    assert (updated.owner_kind, updated.ownership_number) == ("human", 2)


async def test_the_api_and_the_bot_hand_over_with_a_brief_too(desk):
    await desk.configure(low_confidence="hand_over")
    desk.model_says("We won 7 prizes.")
    await asked(desk, "Did you win prizes?")
    request = desk.outbox.heard(HandoffRequested)[-1]
    assert request.brief is not None
    assert "Ended with low_confidence, confidence 0.00" in request.brief.tried
    back = UpdateConversation.make(
        tenant_id=desk.tenant_id,
        conversation_id=desk.conversation_of(),
        status="active",
        owner_kind="bot",
        assignee=None,
    )
    await desk.parts.requests.update(back)
    await desk.take_over(assignee=None)
    request = desk.outbox.heard(HandoffRequested)[-1]
    assert request.reason == "api"
    assert request.brief is not None
    assert request.brief.wish == "Did you win prizes?"


async def test_a_wish_for_a_person_in_words_is_heard(desk):
    await desk.hear("Can I talk to somebody real please?", "Kann ich mit einer Person reden?")
    await desk.idle()
    (request,) = desk.outbox.heard(HandoffRequested)
    assert (request.reason, request.detail) == ("keyword", "a wish for a person, in words")
