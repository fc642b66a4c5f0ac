"""Messages of a conversation: read by everybody, said by people and integrators."""

import hashlib
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from contracts.v1.conversations import GetConversation, ListMessages, MessagesListed, PostMessage
from contracts.v1.shapes import OutgoingMedia, RecordedMessage
from gateway.api.guarded_route import GuardedRoute
from gateway.api.message_shapes import NewMessage
from gateway.api.parts import Caller, PageLimit, Parts, With
from gateway.api.shown_messages import MessageShown, shown_message
from gateway.door import Principal
from gateway.problems import Problem, not_found
from gateway.repeats import new_id

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/conversations/{conversation_id}/messages",
    tags=["conversations"],
    route_class=GuardedRoute,
)

_SEQ_MAX: Final = 2**31 - 1
_PAGE: Final = 200
_LOOKED_BACK_MAX: Final = 2_000


class MessagesShown(BaseModel):
    """Messages in their order."""

    items: list[MessageShown]
    last_seq: int = Field(description="Place of the conversation's last message.")
    more: bool = Field(description="Whether messages follow.")


@router.get("", response_model=MessagesShown)
async def list_messages(
    tenant_id: UUID,
    conversation_id: UUID,
    parts: With,
    after_seq: Annotated[
        int, Query(ge=0, le=_SEQ_MAX, description="Messages with a higher place.")
    ] = 0,
    limit: PageLimit = 50,
) -> dict[str, Any]:
    """The conversation's messages in their order."""
    answer = await _page(parts, tenant_id, conversation_id, after_seq, limit)
    items = [shown_message(parts.links, tenant_id, message) for message in answer.messages]
    return {"items": items, "last_seq": answer.last_seq, "more": answer.more}


@router.post("", status_code=201, response_model=MessageShown)
async def post_message(
    tenant_id: UUID,
    conversation_id: UUID,
    body: NewMessage,
    request: Request,
    parts: With,
    who: Caller,
) -> dict[str, Any]:
    """Say something to the customer; whoever does owns the conversation from then on."""
    files = await _files(parts, tenant_id, body.every_media_id)
    about = body.reaction.message_id if body.reaction else None
    refs = await _refs(parts, tenant_id, conversation_id, {about, body.reply_to} - {None})
    answer = await parts.ask(
        PostMessage.make(
            tenant_id=tenant_id,
            conversation_id=conversation_id,
            idempotency_key=await _key(request, who),
            author=body.author,
            text=body.text,
            extras=body.extras(files, refs.get(about)),
            reply_to=refs.get(body.reply_to),
            canned_reply_id=body.canned_reply_id,
            expected_ownership_number=body.expected_ownership_number,
            expected_last_seq=body.expected_last_seq,
        )
    )
    return shown_message(parts.links, tenant_id, answer.message)


async def _key(request: Request, who: Principal) -> str:
    """Orchestrator's key of what is said: another for each key holder, and for other content.

    It keeps messages for good, while we forget an Idempotency-Key after a day: the same key may
    then come with other words, and those must be said.
    """
    content = hashlib.sha256(await request.body()).hexdigest()
    return str(new_id(request, who, f"message\0{content}"))


async def _page(
    parts: Parts, tenant_id: UUID, conversation_id: UUID, after_seq: int, limit: int
) -> MessagesListed:
    return await parts.ask(
        ListMessages.make(
            tenant_id=tenant_id,
            conversation_id=conversation_id,
            after_seq=after_seq,
            limit=limit,
        )
    )


async def _files(parts: Parts, tenant_id: UUID, media_ids: list[UUID]) -> dict[UUID, OutgoingMedia]:
    if not media_ids:
        return {}
    async with parts.database.transaction(tenant_id) as tx:
        found = await parts.media.of_tenant(tx, tenant_id, media_ids)
    if set(media_ids) - set(found):
        raise Problem(404, "not_found", "A file with this media_id is not there.")
    return {media_id: media.outgoing() for media_id, media in found.items()}


async def _refs(
    parts: Parts, tenant_id: UUID, conversation_id: UUID, message_ids: set[UUID | None]
) -> dict[UUID | None, str]:
    """The ids by which the channel knows these messages, sought from the newest on."""
    refs: dict[UUID | None, str] = {}
    if not message_ids:
        return refs
    end = (await _page(parts, tenant_id, conversation_id, _SEQ_MAX, 1)).last_seq
    oldest = max(0, end - _LOOKED_BACK_MAX)
    while end > oldest and message_ids - set(refs):
        start = max(0, end - _PAGE)
        answer = await _page(parts, tenant_id, conversation_id, start, _PAGE)
        for message in answer.messages:
            if message.recorded_message_id in message_ids:
                refs[message.recorded_message_id] = await _ref(
                    parts, tenant_id, conversation_id, message
                )
        end = start
    if message_ids - set(refs):
        raise not_found()
    return refs


async def _ref(
    parts: Parts, tenant_id: UUID, conversation_id: UUID, message: RecordedMessage
) -> str:
    if message.role == "customer":
        known = message.provider_message_id or message.client_message_id
    elif await _is_webchat(parts, tenant_id, conversation_id):
        return str(message.recorded_message_id)
    else:
        known = message.provider_message_id
    if known is None:
        raise Problem(409, "not_sent_yet", "The channel has not taken the message yet.")
    return known


async def _is_webchat(parts: Parts, tenant_id: UUID, conversation_id: UUID) -> bool:
    request = GetConversation.make(tenant_id=tenant_id, conversation_id=conversation_id)
    return (await parts.ask(request)).conversation.channel_type == "webchat"
