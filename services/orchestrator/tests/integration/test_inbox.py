"""The inbox: found by words, taken by one, told of others, replied with canned words."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from bus import Refused
from contracts.v1.conversations import (
    GetConversation,
    ListConversations,
    PostMessage,
    UpdateConversation,
)
from contracts.v1.inbox import (
    AddNote,
    KeepCannedReply,
    ListCannedReplies,
    ListNotes,
    NoteAdded,
    RemoveCannedReply,
    ShowPresence,
)
from contracts.v1.models import GenerateReply
from contracts.v1.sending import TypingShown
from contracts.v1.shapes import ContactRef
from contracts.v1.turns import ConversationUpdated

from .desk import Desk


@pytest.fixture
def ask(desk: Desk):
    def make(kind: Any, **fields: Any) -> Any:
        defaults: dict[str, Any] = {
            ListConversations: {"status": None, "channel_id": None, "cursor": None, "limit": 50},
            UpdateConversation: {"status": None, "owner_kind": None, "assignee": None},
            PostMessage: {"idempotency_key": str(uuid4()), "author": "ana", "text": ""},
            AddNote: {"idempotency_key": "1", "author": "ana", "text": "Careful: **angry**."},
            ListCannedReplies: {"query": None, "cursor": None, "limit": 50},
            KeepCannedReply: {"canned_reply_id": uuid4(), "title": "Greeting", "language": None},
        }.get(kind, {})
        if "conversation_id" in kind.model_fields:
            defaults = {"conversation_id": desk.conversation_of(), **defaults}
        return kind.make(**{"tenant_id": desk.tenant_id, **defaults, **fields})

    return make


async def code_of(answering: Any) -> str:
    with pytest.raises(Refused) as refused:
        await answering
    return refused.value.code


async def found(desk: Desk, ask: Any, **wish: Any) -> list[str]:
    """Visitors of the conversations that a list shows, read in pages of two."""
    seen: list[str] = []
    cursor = None
    while True:
        page = await desk.parts.requests.list(
            ask(ListConversations, **wish, cursor=cursor, limit=2)
        )
        seen += [one.contact.external_id for one in page.conversations]
        cursor = page.next_cursor
        if cursor is None:
            return seen


@pytest.fixture
async def busy_desk(desk: Desk, ask: Any) -> Desk:
    """Four customers: one with the bot, one waiting for anybody, one with Ana, one resolved."""
    names = {
        "visitor-1": "Ana Horvat",
        "visitor-2": "Bo Šimić",
        "visitor-3": "Cleo",
        "visitor-4": "Dan",
    }
    words = {
        "visitor-1": "My lamp A-1042 is broken", "visitor-2": "I want a human",
        "visitor-3": "The lampshade fell off", "visitor-4": "Thanks for the bulbs",
    }  # fmt: skip
    for visitor, text in words.items():
        contact = ContactRef(external_id=visitor, display_name=names[visitor], phone=None)
        await desk.hear(desk.message(text, visitor=visitor, contact=contact))
        await desk.idle()
    await update(desk, ask, "visitor-3", assignee="ana", tags=["vip", "late"])
    await update(desk, ask, "visitor-4", status="resolved")
    await desk.parts.inbox.life.keep_words()
    await desk.hear(desk.message("Hello?", visitor="visitor-2"))
    await desk.hear(desk.message("Still there?", visitor="visitor-3"))
    await desk.parts.inbox.life.keep_words()
    return desk


async def update(desk: Desk, ask: Any, visitor: str = "visitor-1", **fields: Any) -> Any:
    wish = ask(UpdateConversation, conversation_id=desk.conversation_of(visitor), **fields)
    return (await desk.parts.requests.update(wish)).conversation


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [3, 2, 4, 1]),
    ({"owner_kind": "human"}, [3, 2]),
    ({"owner_kind": "bot", "status": "active"}, [1]),
    ({"assignee": "ana"}, [3]),
    ({"assignee": "-"}, [2]),
    ({"tag": "vip"}, [3]),
    ({"tag": "vi"}, []),
    ({"waiting": True}, [3, 2]),
    ({"waiting": False}, [4, 1]),
    ({"order": "longest_waiting"}, [2, 3]),
    ({"order": "longest_waiting", "waiting": False}, []),
    ({"contact_external_id": "visitor-3"}, [3]),
    ({"contact_external_id": "visitor"}, []),
    ({"query": "lamp"}, [3, 1]),
    ({"query": "LAMP brok"}, [1]),
    ({"query": "a-1042"}, [1]),
    ({"query": "horvat"}, [1]),
    ({"query": "šimić human"}, [2]),
    ({"query": "visitor-4"}, [4]),
    ({"query": "lamp", "tag": "late"}, [3]),
    ({"query": "lamp", "tag": "late", "assignee": "-"}, []),
    ({"query": "nothing like it"}, []),
    ({"query": "?!"}, []),
    ({"query": "%"}, []),
    ({"query": "lam' or 1=1 --"}, []),
]


async def test_filters_and_words(busy_desk: Desk, ask: Any) -> None:
    for wish, visitors in FILTERS:
        shown = await found(busy_desk, ask, **wish)
        assert shown == [f"visitor-{one}" for one in visitors], wish
        assert await found(busy_desk, ask, tenant_id=uuid4(), **wish) == []


async def test_a_renamed_customer_is_found_by_both_names(desk: Desk, ask: Any) -> None:
    await desk.hear("Hello")
    await desk.parts.inbox.life.keep_words()
    renamed = ContactRef(external_id="visitor-1", display_name="Zora", phone=None)
    await desk.hear(desk.message("Hi", contact=renamed))
    await desk.parts.inbox.life.keep_words()
    assert await found(desk, ask, query="zora") == ["visitor-1"]
    assert await found(desk, ask, query="ana") == ["visitor-1"]


async def test_a_conversation_shows_what_is_kept_with_it(desk: Desk, ask: Any) -> None:
    await desk.hear("Where is my order? I am waiting for it.")
    await desk.idle()
    shown = await update(
        desk, ask, tags=[" vip ", "vip", "late"], metadata='{"order": 7}', by="mia",
    )  # fmt: skip
    assert (shown.tags, json.loads(shown.metadata)) == (["vip", "late"], {"order": 7})
    assert (shown.language, shown.last_role, shown.last_text) == (
        "en",
        "bot",
        "You have 30 days [1].",
    )
    event = desk.outbox.heard(ConversationUpdated)[-1]
    assert (event.tags, event.by) == (["vip", "late"], "mia")
    assert await found(desk, ask, tag="late") == ["visitor-1"]
    await update(desk, ask, tags=[])
    assert await found(desk, ask, tag="late") == []
    fixed = await update(desk, ask, language="hr")
    await desk.hear("Where is my order? I am still waiting for it.")
    assert (fixed.language, (await desk.conversation())["language"]) == ("hr", "hr")
    assert await code_of(update(desk, ask, metadata="[1]")) == "invalid_metadata"


async def test_the_faster_one_has_it(desk: Desk, ask: Any) -> None:
    await desk.hear("Hello")
    await desk.idle()
    seen = (await desk.parts.requests.get(ask(GetConversation))).conversation.ownership_number
    taken = await update(desk, ask, assignee="ana", expected_ownership_number=seen)
    late = update(desk, ask, assignee="bo", expected_ownership_number=seen)
    with pytest.raises(Refused) as refused:
        await late
    assert refused.value.code == "conflict"
    assert "ana has it" in refused.value.detail
    closed = update(desk, ask, status="closed", expected_ownership_number=seen)
    assert await code_of(closed) == "conflict"
    number = taken.ownership_number
    same = update(desk, ask, assignee="bo", expected_ownership_number=number)
    assert await code_of(same) == "conflict"
    passed_on = await update(
        desk, ask, assignee="bo", by="ana", expected_ownership_number=number
    )  # fmt: skip
    assert passed_on.assignee == "bo"
    freed = await update(desk, ask, unassign=True)
    assert (freed.assignee, freed.owner_kind, freed.status) == (None, "human", "assigned_human")
    nobodys = await update(desk, ask, assignee="ana", expected_ownership_number=number)
    assert nobodys.assignee == "ana"


async def test_a_reply_that_comes_too_late_is_not_said(desk: Desk, ask: Any) -> None:
    await desk.hear("Hello")
    await desk.idle()
    await desk.hear("One more thing")
    await desk.idle()
    post = desk.parts.requests.post
    with pytest.raises(Refused) as refused:
        await post(ask(PostMessage, text="Hi", expected_last_seq=2))
    assert refused.value.code == "conflict"
    assert "the bot said message 4" in refused.value.detail
    said = await post(ask(PostMessage, text="Hi", expected_last_seq=4, expected_ownership_number=1))
    assert said.message.seq == 5
    other = ask(PostMessage, text="Me too", author="bo", expected_ownership_number=2)
    assert await code_of(post(other)) == "conflict"


async def test_notes_are_for_colleagues_only(desk: Desk, ask: Any) -> None:
    inbox = desk.parts.inbox.inbox
    await desk.hear("Hello")
    await desk.idle()
    first = (await inbox.add_note(ask(AddNote))).note
    assert (await inbox.add_note(ask(AddNote))).note == first
    await inbox.add_note(ask(AddNote, idempotency_key="2", text="Calm again."))
    assert first.after_seq == 2
    texts = [note.text for note in (await inbox.notes(ask(ListNotes))).notes]
    assert texts == ["Careful: **angry**.", "Calm again."]
    assert len(desk.outbox.heard(NoteAdded)) == 2
    await desk.hear("And now?")
    await desk.idle()
    prompts = [one for one in desk.bus.asked if isinstance(one, GenerateReply)]
    assert prompts
    assert not any("angry" in one.model_dump_json() for one in prompts)
    assert "angry" not in str(await desk.messages())
    assert await found(desk, ask, query="angry") == []
    assert await code_of(inbox.notes(ask(ListNotes, tenant_id=uuid4()))) == "not_found"
    assert await code_of(inbox.add_note(ask(AddNote, tenant_id=uuid4()))) == "not_found"


async def test_canned_replies(desk: Desk, ask: Any) -> None:
    inbox, post = desk.parts.inbox.inbox, desk.parts.requests.post
    await desk.hear("Hello")
    text = "Hello {{contact.name}}, {{agent.name}} here."
    hi = (await inbox.keep_canned_reply(ask(KeepCannedReply, shortcut="hi", text=text))).reply
    mail = ask(KeepCannedReply, shortcut="mail", text="Is {{contact.email}} right?")
    mail_reply = (await inbox.keep_canned_reply(mail)).reply
    taken = ask(KeepCannedReply, shortcut="hi", text="Yo")
    assert await code_of(inbox.keep_canned_reply(taken)) == "shortcut_taken"
    await inbox.keep_canned_reply(ask(KeepCannedReply, shortcut="hi", text="Bok", language="hr"))
    unknown = ask(KeepCannedReply, shortcut="x", text="{{order.id}}")
    assert await code_of(inbox.keep_canned_reply(unknown)) == "invalid_placeholder"
    said = await post(ask(PostMessage, canned_reply_id=hi.canned_reply_id))
    assert said.message.text == "Hello Ana, ana here."
    unfilled = ask(PostMessage, canned_reply_id=mail_reply.canned_reply_id)
    assert await code_of(post(unfilled)) == "invalid_placeholder"
    own = ask(PostMessage, canned_reply_id=hi.canned_reply_id, text="Dear {{contact.name}}")
    assert (await post(own)).message.text == "Dear Ana"
    listed = (await inbox.canned_replies(ask(ListCannedReplies, limit=1))).replies
    assert [(one.shortcut, one.used) for one in listed] == [("hi", 2)]
    pages, cursor = [], None
    while True:
        page = await inbox.canned_replies(ask(ListCannedReplies, limit=1, cursor=cursor))
        pages += [one.text for one in page.replies]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(pages) == sorted([text, "Bok", "Is {{contact.email}} right?"])
    by_word = await inbox.canned_replies(ask(ListCannedReplies, query="BOK"))
    assert [one.language for one in by_word.replies] == ["hr"]
    stranger = ask(RemoveCannedReply, tenant_id=uuid4(), canned_reply_id=hi.canned_reply_id)
    assert await code_of(inbox.remove_canned_reply(stranger)) == "not_found"
    await inbox.remove_canned_reply(ask(RemoveCannedReply, canned_reply_id=hi.canned_reply_id))
    gone = ask(PostMessage, canned_reply_id=hi.canned_reply_id)
    assert await code_of(post(gone)) == "not_found"


async def test_colleagues_see_each_other_for_half_a_minute(desk: Desk, ask: Any) -> None:
    presence = desk.parts.inbox.inbox.presence
    await desk.hear("Hello")
    await desk.idle()
    alone = await presence(ask(ShowPresence, author="ana", state="typing"))
    assert (alone.others, alone.ownership_number, alone.last_seq) == ([], 1, 2)
    both = await presence(ask(ShowPresence, author="bo", state="viewing"))
    assert [(one.author, one.state) for one in both.others] == [("ana", "typing")]
    lasts = both.others[0].until - datetime.now(UTC)
    assert timedelta(seconds=25) < lasts <= timedelta(seconds=31)
    streamed = [one for one in desk.bus.streamed if isinstance(one, TypingShown)]
    assert [one.contact_external_id for one in streamed] == ["visitor-1"]
    await presence(ask(ShowPresence, author="ana", state="left"))
    await presence(ask(ShowPresence, author="ana", state="left"))
    streamed = [one for one in desk.bus.streamed if isinstance(one, TypingShown)]
    assert [one.ended for one in streamed] == [None, True]
    assert (await presence(ask(ShowPresence, author="bo", state="viewing"))).others == []
    async with desk.database.system() as tx:
        await tx.execute("update presences set until = now() - interval '2 minutes'")
    assert (await presence(ask(ShowPresence, author="ana", state="viewing"))).others == []
    await desk.parts.inbox.life.sweep_once()
    assert len(await desk.rows("select 1 from presences")) == 1
    stranger = ask(ShowPresence, tenant_id=uuid4(), author="eve", state="viewing")
    assert await code_of(presence(stranger)) == "not_found"
