"""Who takes a conversation over by a request gets the answer when the bot is silent outside too.

The commit alone keeps every later word of the bot back; words that it had said just before may
still be on their way through channel-ingress. So the answer waits until channel-ingress knows the
new number and no call of the bot is under way. Where it does not answer, its own listening to
`conversation-updated` does the same a moment later.
"""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import observe
from bus import AskFailed, Bus
from contracts.v1.conversations import (
    ConversationFound,
    MessagePosted,
    PostMessage,
    UpdateConversation,
)
from contracts.v1.sending import FenceConversation
from outbox import Outbox
from postgres import Queries

FENCE_SECONDS: Final = 2.5

_log = observe.get_logger("orchestrator.takeover")


class TakeoverFence:
    """Wraps the requests by which somebody may take over."""

    def __init__(self, bus: Bus, outbox: Outbox) -> None:
        self._bus, self._outbox = bus, outbox
        self._queries = Queries("orchestrator", "queries_turns.sql")

    def updating(
        self, update: Callable[[UpdateConversation], Awaitable[ConversationFound]]
    ) -> Callable[[UpdateConversation], Awaitable[ConversationFound]]:
        """Return the update that waits where somebody else than the bot owns what it changed."""

        async def update_and_wait(request: UpdateConversation) -> ConversationFound:
            found = await update(request)
            one = found.conversation
            asked = (request.owner_kind, request.status, request.assignee)
            if one.owner_kind != "bot" and any(wish is not None for wish in asked):
                await self._raise(request.tenant_id, one.conversation_id, one.ownership_number)
            return found

        return update_and_wait

    def posting(
        self, post: Callable[[PostMessage], Awaitable[MessagePosted]]
    ) -> Callable[[PostMessage], Awaitable[MessagePosted]]:
        """Return the post that waits: whoever says something owns the conversation."""

        async def post_and_wait(request: PostMessage) -> MessagePosted:
            posted = await post(request)
            ids = (request.tenant_id, request.conversation_id)
            async with self._outbox.transaction(request.tenant_id) as tx:
                number = await tx.fetchval(self._queries["ownership_of_others"], *ids)
            if number is not None:
                await self._raise(*ids, number)
            return posted

        return post_and_wait

    async def _raise(self, tenant_id: UUID, conversation_id: UUID, number: int) -> None:
        if number == 1:
            return  # never anybody else's before
        fence = FenceConversation.make(
            tenant_id=tenant_id, conversation_id=conversation_id, ownership_number=number
        )
        try:
            fenced = await self._bus.ask(fence, timeout_seconds=FENCE_SECONDS)
        except AskFailed as error:
            _log.warning("channel-ingress hears of a takeover later", reason=str(error))
            return
        if fenced.in_flight:
            _log.warning("words of the bot were on their way", conversation_id=str(conversation_id))
