"""The inbox over HTTP: filters and changes reach their owner whole, and refusals come back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from bus import Refused
from contracts.v1.conversations import (
    Conversation,
    ConversationFound,
    ConversationsListed,
    ListConversations,
    MessagePosted,
    PostMessage,
    UpdateConversation,
)
from contracts.v1.inbox import (
    AddNote,
    CannedReply,
    CannedReplySaved,
    KeepCannedReply,
    Note,
    NoteSaved,
    Presence,
    PresenceFound,
    ShowPresence,
)
from contracts.v1.shapes import ContactRef, RecordedMessage

from .conftest import Owners, Running

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


class Desk:
    """An orchestrator that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.conversation_id = uuid4()
        self.refusal: Refused | None = None

    @property
    def conversation(self) -> Conversation:
        return Conversation(
            conversation_id=self.conversation_id,
            channel_id=uuid4(),
            channel_type="whatsapp",
            contact=ContactRef(external_id="49151", display_name="Ana", phone=None),
            status="assigned_human",
            owner_kind="human",
            assignee="mia",
            ownership_number=4,
            last_seq=7,
            created_at=NOW,
            last_message_at=NOW,
            metadata='{"order": [7]}',
            tags=["vip"],
        )

    def answering(self, answer: Any) -> Any:
        async def handle(request: Any) -> Any:
            self.asked.append(request)
            if self.refusal is not None:
                raise self.refusal
            return answer(request) if callable(answer) else answer

        return handle

    def listen(self, owners: Owners) -> None:
        bus = owners.of("orchestrator")
        found = self.answering(lambda _: ConversationFound(conversation=self.conversation))
        bus.answer(UpdateConversation, found)
        page = ConversationsListed(conversations=[self.conversation], next_cursor="further")
        bus.answer(ListConversations, self.answering(page))
        bus.answer(PostMessage, self.answering(lambda r: MessagePosted(message=message(r))))
        bus.answer(AddNote, self.answering(lambda r: NoteSaved(note=note(r))))
        bus.answer(ShowPresence, self.answering(presence()))
        bus.answer(KeepCannedReply, self.answering(lambda r: CannedReplySaved(reply=canned(r))))


def message(request: PostMessage) -> RecordedMessage:
    return RecordedMessage(
        recorded_message_id=uuid4(), seq=8, role="agent", text=request.text, content=None,
        citations=[], created_at=NOW, client_message_id=None, turn_id=None, delivery="planned",
        delivery_code=None, author=request.author,
    )  # fmt: skip


def note(request: AddNote) -> Note:
    return Note(
        note_id=uuid4(), conversation_id=request.conversation_id, after_seq=7,
        author=request.author, text=request.text, created_at=NOW,
    )  # fmt: skip


def canned(request: KeepCannedReply) -> CannedReply:
    return CannedReply(
        canned_reply_id=request.canned_reply_id, shortcut=request.shortcut, title=request.title,
        text=request.text, language=request.language, used=0, updated_at=NOW,
    )  # fmt: skip


def presence() -> PresenceFound:
    other = Presence(author="leo", state="typing", until=NOW)
    return PresenceFound(others=[other], ownership_number=4, last_seq=7)


@pytest.fixture
async def desk(owners: Owners) -> Desk:
    made = Desk()
    made.listen(owners)
    await owners.start()
    return made


async def test_every_filter_reaches_the_owner(running: Running, desk: Desk) -> None:
    tenant = await running.tenant()
    wish = {
        "status": "waiting", "channel_id": str(uuid4()), "owner_kind": "human", "assignee": "-",
        "tag": "vip", "query": "lamp  broken", "contact_external_id": "49151", "waiting": "true",
        "order": "longest_waiting", "limit": "7",
    }  # fmt: skip
    page = await tenant.call("GET", f"{tenant.path}/conversations", params=wish)
    assert page.status == 200, page.raw
    assert page.json["items"][0]["metadata"] == {"order": [7]}
    asked = desk.asked[0]
    heard = asked.model_dump(mode="json")
    assert {name: str(heard[name]).lower() for name in wish} == wish
    cursor = {"cursor": page.json["next_cursor"]}
    following = await tenant.call("GET", f"{tenant.path}/conversations", params={**wish, **cursor})
    assert (following.status, desk.asked[1].cursor) == (200, "further")
    other = {**wish, "tag": "other", **cursor}
    refused = await tenant.call("GET", f"{tenant.path}/conversations", params=other)
    assert (refused.status, refused.code) == (400, "invalid_cursor")


async def test_a_change_arrives_whole_and_is_noted(running: Running, desk: Desk) -> None:
    tenant = await running.tenant()
    address = f"{tenant.path}/conversations/{desk.conversation_id}"
    change = {
        "assignee": "mia", "tags": ["vip", "late"], "metadata": {"order": [7]}, "by": "mia",
        "snooze_until": "2026-11-24T08:00:00Z", "language": "hr", "expected_ownership_number": 3,
    }  # fmt: skip
    changed = await tenant.call("PUT", address, change)
    assert changed.status == 200, changed.raw
    assert changed.json["metadata"] == {"order": [7]}
    asked = desk.asked[0]
    assert (asked.metadata, asked.tags, asked.by) == ('{"order": [7]}', ["vip", "late"], "mia")
    assert (asked.language, asked.expected_ownership_number) == ("hr", 3)
    assert asked.snooze_until == datetime(2026, 11, 24, 8, tzinfo=UTC)
    log = (await tenant.call("GET", f"{tenant.path}/audit")).json["items"]
    line = next(one for one in log if one["action"] == "conversation.updated")
    assert line["subject"] == str(desk.conversation_id)
    assert line["detail"]["changed"] == [
        "assignee", "language", "metadata", "snooze_until", "tags",
    ]  # fmt: skip
    desk.refusal = Refused("conflict", "Meanwhile leo has it.")
    late = await tenant.call("PUT", address, change)
    assert (late.status, late.code) == (409, "conflict")
    assert "leo" in late.json["detail"]
    for nothing in ({}, {"by": "mia"}, {"expected_ownership_number": 3}):
        assert (await tenant.call("PUT", address, nothing)).status == 422
    large = await tenant.call("PUT", address, {"metadata": {"x": "y" * 9_000}})
    assert large.status == 422


async def test_notes_presence_and_canned_replies(running: Running, desk: Desk) -> None:
    tenant = await running.tenant()
    address = f"{tenant.path}/conversations/{desk.conversation_id}"
    key = {"Idempotency-Key": "once"}
    written = [
        await tenant.call("POST", f"{address}/notes", {"text": "Angry.", "author": "mia"},
                          headers=key)
        for _ in range(2)
    ]  # fmt: skip
    assert [one.status for one in written] == [201, 201]
    assert len([one for one in desk.asked if isinstance(one, AddNote)]) == 1
    sign = await tenant.call("PUT", f"{address}/presence", {"author": "mia", "state": "typing"})
    assert sign.json["others"][0]["author"] == "leo"
    reply = {"shortcut": "hi", "title": "Greeting", "text": "Hello {{contact.name|there}}!"}
    made = await tenant.call("POST", f"{tenant.path}/canned-replies", reply)
    assert made.status == 201, made.raw
    said = {"canned_reply_id": made.json["canned_reply_id"], "expected_last_seq": 7}
    posted = await tenant.call("POST", f"{address}/messages", said)
    assert posted.status == 201, posted.raw
    asked = desk.asked[-1]
    assert str(asked.canned_reply_id) == made.json["canned_reply_id"]
    assert (asked.text, asked.extras, asked.expected_last_seq) == ("", None, 7)
    desk.refusal = Refused("invalid_placeholder", "Nothing is known for contact.name.")
    refused = await tenant.call("POST", f"{address}/messages", said)
    assert (refused.status, refused.code) == (422, "invalid_placeholder")
