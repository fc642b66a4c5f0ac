"""What people do beside answering: notes, and who else has a conversation open."""

import hashlib
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, StringConstraints

from contracts.v1.inbox import AddNote, ListNotes, Note, PresenceFound, ShowPresence
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, Shape, With
from gateway.repeats import new_id
from gateway.words import Name

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/conversations/{conversation_id}",
    tags=["inbox"],
    route_class=GuardedRoute,
)

NoteText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=16_384)]


class NotesShown(BaseModel):
    """A conversation's newest notes, the oldest of them first."""

    items: list[Note]


class NewNote(Shape):
    """Words for colleagues."""

    text: NoteText = Field(description="Markdown; never sent, never shown to the model.")
    author: Name = Field("agent", description="Who writes it.")


class Sign(Shape):
    """What somebody does in a conversation; the sign runs out after 30 s."""

    author: Name = Field("agent", description="Who.")
    state: Literal["viewing", "typing", "left"] = Field(
        description="`typing` is shown to the customer where their channel can."
    )


@router.get("/notes")
async def list_notes(tenant_id: UUID, conversation_id: UUID, parts: With) -> NotesShown:
    """A conversation's notes, the newest 200."""
    request = ListNotes.make(tenant_id=tenant_id, conversation_id=conversation_id)
    return NotesShown(items=(await parts.ask(request)).notes)


@router.post("/notes", status_code=201)
async def add_note(
    tenant_id: UUID,
    conversation_id: UUID,
    body: NewNote,
    request: Request,
    parts: With,
    who: Caller,
) -> Note:
    """Write a note."""
    content = hashlib.sha256(await request.body()).hexdigest()
    wish = AddNote.make(
        tenant_id=tenant_id,
        conversation_id=conversation_id,
        idempotency_key=str(new_id(request, who, f"note\0{content}")),
        author=body.author,
        text=body.text,
    )
    note = (await parts.ask(wish)).note
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(
            tx, tenant_id, who, "note.added", conversation_id, note_id=note.note_id, by=body.author
        )
    return note


@router.put("/presence")
async def show_presence(
    tenant_id: UUID, conversation_id: UUID, body: Sign, parts: With
) -> PresenceFound:
    """Say that you look, type, or left; see who else is there."""
    request = ShowPresence.make(
        tenant_id=tenant_id,
        conversation_id=conversation_id,
        author=body.author,
        state=body.state,
    )
    return await parts.ask(request)
