"""What visitors see happen: messages, places, words in the making, typing.

All of it may be lost: a widget that comes back replays its conversation by seq. So these listeners
keep no inbox, and what they cannot show is dropped.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import socketio

from bus import Bus, Delivery
from contracts.message import Message
from contracts.v1.sending import DeliverToVisitor, TypingShown
from contracts.v1.turns import ConversationUpdated, MessageRecorded, ReplyDelta, TurnStarted
from gateway.domain import visitor_room
from gateway.media_links import MediaLinks
from gateway.widget.protocol import shown
from gateway.widget.streaming import StreamingReplies
from observe import get_logger

_PREFETCH = 100
_WEB = "webchat"
_log = get_logger("live")

MessageType = TypeVar("MessageType", bound=Message)


class LiveView:
    """Hears the bus and speaks to the rooms of visitors."""

    def __init__(
        self, server: socketio.AsyncServer, streaming: StreamingReplies, links: MediaLinks
    ) -> None:
        self._server = server
        self._streaming = streaming
        self._links = links

    def listen(self, bus: Bus) -> None:
        """Register everything that visitors should see."""
        _show(bus, DeliverToVisitor, self.deliver)
        _show(bus, MessageRecorded, self.recorded)
        _show(bus, TurnStarted, self.turn_started)
        _show(bus, ConversationUpdated, self.updated)
        bus.hear_stream(ReplyDelta, self.delta)
        bus.hear_stream(TypingShown, self.typing)

    async def deliver(self, command: DeliverToVisitor) -> None:
        """A message for the visitor; it ends what was streamed."""
        await self._streaming.end(command.channel_id, command.visitor_id)
        message = shown(self._links, command.tenant_id, command.message)
        await self._say("message", command.channel_id, command.visitor_id, message)
        await self._say("typing", command.channel_id, command.visitor_id, {"on": False})

    async def recorded(self, event: MessageRecorded) -> None:
        """The visitor's own message has its place."""
        message = event.message
        if event.channel_type != _WEB or message.role != "customer":
            return
        if message.client_message_id is None:
            return
        place = {
            "client_message_id": message.client_message_id,
            "message_id": str(message.recorded_message_id),
            "seq": message.seq,
        }
        await self._say("recorded", event.channel_id, event.contact_external_id, place)

    async def turn_started(self, event: TurnStarted) -> None:
        """Somebody is writing."""
        if event.channel_type == _WEB:
            await self._streaming.speak(event.channel_id, event.contact_external_id)
            await self._say("typing", event.channel_id, event.contact_external_id, {"on": True})

    async def typing(self, sign: TypingShown) -> None:
        """A colleague is writing, or stopped."""
        if sign.channel_type == _WEB:
            await self._say(
                "typing", sign.channel_id, sign.contact_external_id, {"on": not sign.ended}
            )

    async def updated(self, event: ConversationUpdated) -> None:
        """The bot fell silent: its half-said words go, and nobody is writing for it any more.

        A turn that itself brought a person (its id is the story's) says its words to the end.
        """
        if event.channel_type != _WEB:
            return
        where = (event.channel_id, event.contact_external_id)
        if event.owner_kind == "bot":
            await self._streaming.speak(*where)
            return
        await self._streaming.silence(*where)
        await self._say("withdrawn", *where, {"unless_turn_id": str(event.correlation_id)})
        await self._say("typing", *where, {"on": False})

    async def delta(self, words: ReplyDelta) -> None:
        """The next words of a reply."""
        if not await self._streaming.add(words):
            return
        data = {
            "turn_id": str(words.turn_id),
            "attempt": words.attempt,
            "index": words.index,
            "text": words.text,
        }
        await self._say("delta", words.channel_id, words.visitor_id, data)

    async def _say(
        self, event: str, channel_id: UUID, visitor_id: str, data: dict[str, Any]
    ) -> None:
        await self._server.emit(event, data, room=visitor_room(channel_id, visitor_id))


def _show(
    bus: Bus, kind: type[MessageType], handler: Callable[[MessageType], Awaitable[None]]
) -> None:
    async def listener(delivery: Delivery) -> None:
        try:
            await handler(kind.hear(delivery.body))
        except Exception:  # noqa: BLE001 - logged; the widget replays by seq
            _log.exception("a visitor was not shown something", address=kind.address)
        await delivery.done()

    bus.listen(kind, listener, prefetch=_PREFETCH)
