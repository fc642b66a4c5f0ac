"""A tenant with one channel, and the service's parts over a real database and a fake bus."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4, uuid5

from contracts.v1.channels import MessageReceived
from contracts.v1.conversations import UpdateConversation
from contracts.v1.knowledge import FoundPassage, KnowledgeFound, SearchKnowledge
from contracts.v1.models import GenerateReply, ReplyGenerated
from contracts.v1.shapes import ContactRef, MessageContent
from contracts.v1.tenants import ChannelConfigured, TenantConfigured, TenantSettings
from orchestrator.answering import AnswerLimits
from orchestrator.composition import Parts, compose
from orchestrator.runner import RunnerPace
from orchestrator.tool_parts import ToolSettings
from postgres import Database
from testkit import eventually_async


class KeptOutbox:
    """Says nothing, but keeps what would be said, and only what was committed."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.said: list[Any] = []

    def transaction(self, tenant_id: UUID) -> Any:
        return self.database.transaction(tenant_id)

    async def say(self, tx: Any, *messages: Any, delay_seconds: float = 0.0) -> None:
        for message in messages:
            message.said()
        tx.after_commit.append(lambda: self.said.extend(messages))

    def heard(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.said if isinstance(message, kind)]


class Desk:
    """One tenant, one channel, and a service that answers its customers."""

    def __init__(
        self,
        database: Database,
        bus: Any,
        settings: TenantSettings,
        lease_seconds: float,
        own_tools: ToolSettings | None = None,
    ) -> None:
        self.database = database
        self.bus = bus
        self.settings = settings
        self.outbox = KeptOutbox(database)
        self.tenant_id, self.channel_id = uuid4(), uuid4()
        self.lease_seconds = lease_seconds
        self.own_tools = own_tools
        self.revision = 0
        self.parts = self.another_process()
        self.model_says("You have 30 days [1].")
        self.documents_hold(found_passage(1))

    def another_process(self, **limits: Any) -> Parts:
        """Compose the service once more over the same database, as a second replica."""
        return compose(
            self.database,
            self.bus,
            self.outbox,  # type: ignore[arg-type]
            limits=AnswerLimits(**limits),
            pace=RunnerPace(heartbeat_seconds=0.05, sweep_seconds=0.05),
            lease_seconds=self.lease_seconds,
            typing_after_seconds=0.0,
            own_tools=self.own_tools,
        )

    def model_says(self, answer: Any) -> None:
        """Prepare what llm-router answers: words, an answer, an error, or a function."""
        self.bus.answers[GenerateReply] = reply(answer) if isinstance(answer, str) else answer

    def documents_hold(self, *passages: FoundPassage) -> None:
        """Prepare what retriever finds."""
        self.bus.answers[SearchKnowledge] = KnowledgeFound(
            passages=list(passages),
            reason=None if passages else "no_documents",
            degraded=False,
            candidates=len(passages),
            milliseconds=1.0,
        )

    async def configure(self, *, tenant_state: str = "active", **settings: Any) -> None:
        """Say the tenant's (and first the channel's) configuration, one revision on."""
        self.revision += 1
        tenant = TenantConfigured.make(
            tenant_id=self.tenant_id,
            revision=self.revision,
            slug="lumen",
            name="Lumen",
            state=tenant_state,
            settings=self.settings.model_copy(update=settings),
        )
        channel = ChannelConfigured.make(
            tenant_id=self.tenant_id,
            revision=self.revision,
            channel_id=self.channel_id,
            channel_type="webchat",
            name="Web",
            state="active",
            external_id="widget-key",
            sealed_credentials=None,
        )
        async with self.database.transaction(self.tenant_id) as tx:
            await self.parts.handlers.on_tenant(tenant, tx)
            await self.parts.handlers.on_channel(channel, tx)

    def message(
        self, text: str, *, provider_id: str | None = None, visitor: str = "visitor-1", **more: Any
    ) -> MessageReceived:
        """Return a message as channel-ingress says it."""
        fields = {
            "tenant_id": self.tenant_id,
            "channel_id": self.channel_id,
            "channel_type": "webchat",
            "conversation_id": self.conversation_of(visitor),
            "contact": ContactRef(external_id=visitor, display_name="Ana", phone=None),
            "provider_message_id": provider_id or str(uuid4()),
            "sent_at": "2026-01-02T12:00:00Z",
            "content": MessageContent(kind="text", text=text, media=None, data=None),
            "reply_to": None,
            "client_message_id": None,
        }
        return MessageReceived.make(**{**fields, **more})

    def conversation_of(self, visitor: str = "visitor-1") -> UUID:
        """Return the conversation of a visitor."""
        return uuid5(self.channel_id, visitor)

    async def hear(self, *messages: MessageReceived | str, parts: Parts | None = None) -> None:
        """Handle messages in one batch, as the outbox would."""
        heard = [self.message(one) if isinstance(one, str) else one for one in messages]
        async with self.database.system() as tx:
            await (parts or self.parts).handlers.on_messages(heard, tx)

    async def idle(self) -> None:
        """Wait until no turn is in progress."""
        async with asyncio.timeout(20):
            await self.parts.runner.until_idle()

    async def settled(self) -> None:
        """Wait until no conversation waits for a turn, retries included."""

        async def look() -> bool:
            await self.idle()
            return not await self.rows("select 1 from conversations where turn_due_at is not null")

        await eventually_async(look, "every turn is over")
        await self.idle()

    async def take_over(self, **change: Any) -> int:
        """Give the conversation to a person, or change it otherwise; answers its last place."""
        fields = {
            "conversation_id": self.conversation_of(),
            "status": None,
            "owner_kind": "human",
            "assignee": "ana",
            **change,
        }
        found = await self.parts.requests.update(
            UpdateConversation.make(tenant_id=self.tenant_id, **fields)
        )
        return found.conversation.last_seq

    async def evidence(self) -> list[tuple[str, dict[str, Any]]]:
        """Return (outcome, evidence) of every turn."""
        rows = await self.rows("select outcome, evidence from turns order by first_seq")
        return [(row["outcome"], json.loads(row["evidence"])) for row in rows]

    async def rows(self, sql: str, *args: object) -> list[dict[str, Any]]:
        """Return rows, of every tenant."""
        async with self.database.system() as tx:
            return [dict(row) for row in await tx.fetch(sql, *args)]

    async def conversation(self, visitor: str = "visitor-1") -> dict[str, Any]:
        """Return a visitor's conversation as its row."""
        rows = await self.rows(
            "select * from conversations where conversation_id = $1", self.conversation_of(visitor)
        )
        return rows[0]

    async def messages(self, visitor: str = "visitor-1") -> list[tuple[int, str, str]]:
        """Return (seq, role, text) of a visitor's conversation."""
        rows = await self.rows(
            "select seq, role, text from messages where conversation_id = $1 order by seq",
            self.conversation_of(visitor),
        )
        return [(row["seq"], row["role"], row["text"]) for row in rows]


def reply(text: str, **changes: Any) -> ReplyGenerated:
    """Return an answer of llm-router."""
    fields = {
        "text": text,
        "tool_calls": [],
        "finish_reason": "stop",
        "model": "builtin/extractive",
        "fallback": False,
        "input_tokens": 100,
        "output_tokens": 10,
        "cost_usd": 0.001,
        "milliseconds": 5,
        "first_token_milliseconds": 2,
    }
    return ReplyGenerated(**{**fields, **changes})


def found_passage(number: int, text: str = "Items may be returned within 30 days.") -> FoundPassage:
    """Return a passage as retriever finds it."""
    return FoundPassage(
        passage_id=UUID(int=number),
        document_id=UUID(int=1_000 + number),
        document_version=1,
        title="Returns",
        page=2,
        heading="Policy > Returns",
        text=text,
        keyword_score=1.0,
        vector_score=0.5,
        score=0.9,
    )


class Gate:
    """A model that answers only when it is told to."""

    def __init__(self, answers: list[Any] | None = None) -> None:
        self.asked: asyncio.Queue[GenerateReply] = asyncio.Queue()
        self.opened: asyncio.Queue[Any] = asyncio.Queue()
        for answer in answers or []:
            self.opened.put_nowait(answer)

    async def __call__(self, request: GenerateReply) -> ReplyGenerated:
        self.asked.put_nowait(request)
        answer = await self.opened.get()
        if isinstance(answer, Exception):
            raise answer
        return reply(answer) if isinstance(answer, str) else answer

    def open(self, answer: Any = "Answered.") -> None:
        self.opened.put_nowait(answer)

    async def next_question(self) -> GenerateReply:
        async with asyncio.timeout(10):
            return await self.asked.get()
