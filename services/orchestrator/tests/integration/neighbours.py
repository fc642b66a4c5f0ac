"""Everybody around orchestrator on a real broker, played by the test, and a ledger of what came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID, uuid4, uuid5

from bus import Bus, Delivery, Refused
from bus.service_bus import outgoing
from contracts.message import Message
from contracts.v1.channels import MessageReceived
from contracts.v1.knowledge import KnowledgeFound, SearchKnowledge
from contracts.v1.models import EmbedTexts, GenerateReply, ReplyGenerated, TextsEmbedded
from contracts.v1.sending import SendMessage
from contracts.v1.shapes import ContactRef, MessageContent
from contracts.v1.tenants import (
    ChannelConfigured,
    RepeatConfiguration,
    TenantConfigured,
    TenantSettings,
)
from contracts.v1.turns import MessageRecorded, TurnStarted
from testkit import eventually_async

from .desk import found_passage, reply

MessageType = TypeVar("MessageType", bound=Message)
Model = Callable[[GenerateReply], Awaitable[ReplyGenerated]]


class Neighbours:
    """channel-ingress, gateway, retriever and llm-router, as far as orchestrator sees them."""

    def __init__(self, url: str, settings: TenantSettings) -> None:
        self.settings = settings
        self.tenant_id, self.channel_id = uuid4(), uuid4()
        self.ingress = Bus(url, service="channel-ingress")
        self.gateway = Bus(url, service="gateway")
        self.retriever = Bus(url, service="retriever")
        self.router = Bus(url, service="llm-router")
        self.ledger: list[Message] = []
        self.questions: list[GenerateReply] = []
        self.model: Model = self.answer_at_once
        for bus, kind in (
            (self.ingress, SendMessage),
            (self.gateway, MessageRecorded),
            (self.gateway, TurnStarted),
            (self.gateway, RepeatConfiguration),
        ):
            bus.listen(kind, self._keeper(kind))
        self.retriever.answer(SearchKnowledge, self._search)
        self.router.answer(GenerateReply, self._generate, prefetch=100)
        self.router.answer(EmbedTexts, self._no_vectors)

    async def start(self) -> None:
        for bus in (self.ingress, self.gateway, self.retriever, self.router):
            await bus.start()
            await bus.until_can_say()

    async def close(self) -> None:
        for bus in (self.ingress, self.gateway, self.retriever, self.router):
            await bus.stop_hearing()
            await bus.close()

    async def configure(self, **changes: Any) -> None:
        """Say tenant and channel, as gateway does."""
        tenant = TenantConfigured.make(
            tenant_id=self.tenant_id,
            revision=1,
            slug="lumen",
            name="Lumen",
            state="active",
            settings=self.settings.model_copy(update=changes),
        )
        channel = ChannelConfigured.make(
            tenant_id=self.tenant_id,
            revision=1,
            channel_id=self.channel_id,
            channel_type="webchat",
            name="Web",
            state="active",
            external_id="widget-key",
            sealed_credentials=None,
        )
        for message in (tenant, channel):
            await self.gateway.publish(outgoing(message))

    def message(self, text: str, visitor: str = "visitor-1") -> MessageReceived:
        """Return a customer's message as channel-ingress says it."""
        return MessageReceived.make(
            tenant_id=self.tenant_id,
            channel_id=self.channel_id,
            channel_type="webchat",
            conversation_id=self.conversation_of(visitor),
            contact=ContactRef(external_id=visitor, display_name=None, phone=None),
            provider_message_id=f"{visitor}:{text}",
            sent_at="2026-01-02T12:00:00Z",
            content=MessageContent(kind="text", text=text, media=None, data=None),
            reply_to=None,
            client_message_id=None,
        )

    async def say(self, *messages: MessageReceived) -> None:
        """Say messages in order."""
        for message in messages:
            await self.ingress.publish(outgoing(message))

    def conversation_of(self, visitor: str = "visitor-1") -> UUID:
        return uuid5(self.channel_id, visitor)

    def heard(self, kind: type[MessageType]) -> list[MessageType]:
        """Return what came, of one kind, each once: the bus may bring a message again."""
        found = {one.message_id: one for one in self.ledger if isinstance(one, kind)}
        return list(found.values())

    def sends(self, visitor: str = "visitor-1") -> list[SendMessage]:
        """Return what shall be sent to a visitor, in the order of places."""
        conversation_id = self.conversation_of(visitor)
        found = [one for one in self.heard(SendMessage) if one.conversation_id == conversation_id]
        return sorted(found, key=lambda send: send.seq)

    async def wait_for(
        self, kind: type[MessageType], count: int = 1, timeout_seconds: float = 30.0
    ) -> list[MessageType]:
        """Wait until so many of a kind came."""

        async def look() -> bool:
            return len(self.heard(kind)) >= count

        await eventually_async(look, f"{count} {kind.__name__}", timeout_seconds)
        return self.heard(kind)

    async def wait_for_questions(self, count: int, timeout_seconds: float = 30.0) -> None:
        """Wait until the model was asked so often."""

        async def look() -> bool:
            return len(self.questions) >= count

        await eventually_async(look, f"{count} questions to the model", timeout_seconds)

    async def answer_at_once(self, request: GenerateReply) -> ReplyGenerated:
        """Answer with the customer's words, so that a test sees what was answered."""
        return reply(f"You said: {request.messages[-1].content} [1]")

    async def _generate(self, request: GenerateReply) -> ReplyGenerated:
        self.questions.append(request)
        return await self.model(request)

    async def _no_vectors(self, _request: EmbedTexts) -> TextsEmbedded:
        raise Refused("no_model", "There is none here: nobody waits for one.")

    async def _search(self, _request: SearchKnowledge) -> KnowledgeFound:
        return KnowledgeFound(
            passages=[found_passage(1)],
            reason=None,
            degraded=False,
            candidates=1,
            milliseconds=0.5,
        )

    def _keeper(self, kind: type[Message]) -> Callable[[Delivery], Awaitable[None]]:
        async def keep(delivery: Delivery) -> None:
            self.ledger.append(kind.hear(delivery.body))
            await delivery.done()

        return keep


async def until_idle_for(look: Callable[[], int], rounds: int = 5) -> None:
    """Wait until a count stays the same for some looks a tenth of a second apart."""
    last, same = -1, 0
    while same < rounds:
        now = look()
        same = same + 1 if now == last else 0
        last = now
        await asyncio.sleep(0.1)
