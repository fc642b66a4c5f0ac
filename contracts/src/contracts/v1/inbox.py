"""What people do with conversations beside answering: notes, canned replies, signs, ratings.

Lists, assignment, tags, snoozing and closing are in story `conversations`.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Code, Event, Part, Request, ShortText
from contracts.v1.shapes import ChannelType, Cursor, Limit, MessageText

Shortcut = Annotated[str, Field(max_length=32, pattern=r"^[a-z0-9][a-z0-9_-]*$")]


class Note(Part):
    """Words for colleagues: never sent, never shown to the customer or the model."""

    note_id: UUID = Field(description="The note.")
    conversation_id: UUID = Field(description="Its conversation.")
    after_seq: int = Field(ge=0, description="Place of the message that it was written after.")
    author: ShortText = Field(description="Who wrote it.")
    text: Annotated[str, Field(max_length=16_384)] = Field(description="Markdown.")
    created_at: AwareDatetime = Field(description="When, UTC.")


class NoteSaved(Answer):
    """A note as it is kept."""

    note: Note = Field(description="The note.")


class NotesListed(Answer):
    """A conversation's notes, the oldest first."""

    notes: Annotated[list[Note], Field(max_length=200)] = Field(description="The newest 200.")


class AddNote(Request[NoteSaved], owner="orchestrator", asked_by=("gateway",), version=1):
    """Write a note; refused with `not_found`. Repeats with the same key write it once."""

    conversation_id: UUID = Field(description="Which conversation.")
    idempotency_key: ShortText = Field(description="Makes a repeat harmless.")
    author: ShortText = Field(description="Who writes it.")
    text: Annotated[str, Field(min_length=1, max_length=16_384)] = Field(description="Markdown.")


class ListNotes(Request[NotesListed], owner="orchestrator", asked_by=("gateway",), version=1):
    """Which notes does a conversation have? Refused with `not_found`."""

    conversation_id: UUID = Field(description="Which conversation.")


class NoteAdded(
    Event, owner="orchestrator", heard_by=(), version=1, public="conversation.note-added"
):
    """Somebody wrote a note."""

    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    note: Note = Field(description="The note.")


class CannedReply(Part):
    """Words that people use often; `{{contact.name}}` and the like are filled in when they go."""

    canned_reply_id: UUID = Field(description="The reply.")
    shortcut: Shortcut = Field(description="What is typed to find it.")
    title: ShortText = Field(description="What it is for.")
    text: MessageText = Field(description="Markdown.")
    language: Annotated[str, Field(max_length=16)] | None = Field(description="BCP 47.")
    used: int = Field(ge=0, description="How often it was sent.")
    updated_at: AwareDatetime = Field(description="When it was last changed, UTC.")


class CannedReplySaved(Answer):
    """A canned reply as it is kept."""

    reply: CannedReply = Field(description="The reply.")


class CannedRepliesListed(Answer):
    """Canned replies, the most used first."""

    replies: Annotated[list[CannedReply], Field(max_length=200)] = Field(description="The page.")
    next_cursor: Cursor | None = Field(description="Where the next page begins; null at the end.")


class CannedReplyRemoved(Answer):
    """It is gone."""

    canned_reply_id: UUID = Field(description="Which.")


class ListCannedReplies(
    Request[CannedRepliesListed], owner="orchestrator", asked_by=("gateway",), version=1
):
    """Which canned replies does the tenant have?"""

    query: ShortText | None = Field(description="Only those with this in shortcut, title or text.")
    cursor: Cursor | None = Field(description="Where the page begins.")
    limit: Limit = Field(description="Size of the page.")


class KeepCannedReply(
    Request[CannedReplySaved], owner="orchestrator", asked_by=("gateway",), version=1
):
    """Make or change a canned reply; refused with `shortcut_taken` or `too_many`."""

    canned_reply_id: UUID = Field(description="Which; a new id makes a new one.")
    shortcut: Shortcut = Field(description="What is typed to find it.")
    title: ShortText = Field(description="What it is for.")
    text: MessageText = Field(description="Markdown.")
    language: Annotated[str, Field(max_length=16)] | None = Field(description="BCP 47.")


class RemoveCannedReply(
    Request[CannedReplyRemoved], owner="orchestrator", asked_by=("gateway",), version=1
):
    """Delete a canned reply; refused with `not_found`."""

    canned_reply_id: UUID = Field(description="Which.")


class Presence(Part):
    """A colleague who has a conversation open."""

    author: ShortText = Field(description="Who.")
    state: Literal["viewing", "typing"] = Field(description="What they do there.")
    until: AwareDatetime = Field(description="When the sign runs out, UTC.")


class PresenceFound(Answer):
    """Who else has the conversation open: a collision warning."""

    others: Annotated[list[Presence], Field(max_length=32)] = Field(
        description="Without the asker."
    )
    ownership_number: int = Field(ge=1, description="The conversation's fencing number now.")
    last_seq: int = Field(ge=0, description="Place of its last message now.")


class ShowPresence(Request[PresenceFound], owner="orchestrator", asked_by=("gateway",), version=1):
    """I look at, type in, or leave a conversation; typing is shown to the customer where the
    channel can. A sign runs out after 30 s. Refused with `not_found`.
    """

    conversation_id: UUID = Field(description="Which.")
    author: ShortText = Field(description="Who.")
    state: Literal["viewing", "typing", "left"] = Field(description="What they do.")


class ConversationRated(
    Event, owner="orchestrator", heard_by=(), version=1, public="conversation.rated"
):
    """A customer said how content they are."""

    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    score: int = Field(ge=1, le=5, description="1 to 5.")
    comment: MessageText | None = Field(description="Their words, if any.")
    assignee: ShortText | None = Field(description="The person who answered last, if one did.")


class ConversationUnanswered(
    Event, owner="orchestrator", heard_by=(), version=1, public="conversation.unanswered"
):
    """A customer has had no answer for too long, whatever the cause."""

    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    waiting_since: AwareDatetime = Field(description="When the first unanswered message came, UTC.")
    first_seq: int = Field(ge=1, description="That message.")
    cause: Code = Field(
        description="Best guess: no_person, person_silent, turn_failing, turn_stuck, not_delivered."
    )
    detail: ShortText = Field(description="One sentence for a person.")
