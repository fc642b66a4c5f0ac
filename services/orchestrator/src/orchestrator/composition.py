"""Puts the service together from a database and a bus; connects nothing by itself."""

from dataclasses import dataclass
from typing import Final

from bus import Bus
from contracts.v1.channels import (
    EchoReceived,
    MediaFailed,
    MediaStored,
    MessageChanged,
    MessageReceived,
    ThreadControlChanged,
)
from contracts.v1.conversations import ListTurns
from contracts.v1.sending import (
    MessageDelayed,
    MessageFailed,
    MessageSent,
    MessageStatusChanged,
    MessageUnknown,
)
from contracts.v1.tenants import ChannelConfigured, TenantConfigured
from orchestrator.answer_parts import AnswerParts, compose_answers
from orchestrator.answering import Answerer, AnswerLimits
from orchestrator.asking import AbandoningBus
from orchestrator.bursts import Bursts
from orchestrator.channel_news import ChannelNews
from orchestrator.conversation_requests import ConversationRequests
from orchestrator.handlers import Handlers
from orchestrator.inbox_parts import InboxParts, compose_inbox
from orchestrator.message_steps import MessageSteps
from orchestrator.news_store import NewsStore
from orchestrator.reading import ReadingStore
from orchestrator.rehearsing import RehearsalPace
from orchestrator.runner import RunnerPace, TurnRunner
from orchestrator.runs import Runs
from orchestrator.store import ConversationStore
from orchestrator.tenant_rules import RuleBook
from orchestrator.tool_parts import ToolParts, ToolSettings, compose_tools
from orchestrator.trial_parts import TrialParts, compose_trials
from orchestrator.turn_evidence import TurnEvidence
from orchestrator.turn_store import TurnStore
from orchestrator.turns import TurnWorker
from orchestrator.typing_signs import TypingSigns
from orchestrator.watching import RunWatch
from outbox import Outbox
from postgres import Database, Queries

SERVICE: Final = "orchestrator"
INBOUND_BATCH: Final = 32
OUTCOME_LINGER_SECONDS: Final = 0.05
"""Nobody waits for an outcome: gathered ones share a commit."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition made."""

    outbox: Outbox
    handlers: Handlers
    news: ChannelNews
    requests: ConversationRequests
    evidence: TurnEvidence
    runner: TurnRunner
    worker: TurnWorker
    turns: TurnStore
    watch: RunWatch
    bursts: Bursts
    trials: TrialParts
    tools: ToolParts
    inbox: InboxParts
    answers: AnswerParts


def compose(
    database: Database,
    bus: Bus,
    outbox: Outbox,
    *,
    limits: AnswerLimits,
    pace: RunnerPace,
    lease_seconds: float,
    typing_after_seconds: float,
    rehearsals: RehearsalPace | None = None,
    own_tools: ToolSettings | None = None,
) -> Parts:
    """Make every part and hand it what it depends on."""
    queries = Queries("orchestrator")
    turns, rules = TurnStore(queries, lease_seconds), RuleBook(queries)
    runs: Runs = {}
    watch = RunWatch(database, turns, runs)
    store = ConversationStore(queries, watch.changed)
    typing = TypingSigns(bus, typing_after_seconds)
    tools = compose_tools(database, rules, own_tools or ToolSettings())
    asking = AbandoningBus(bus)
    answers = compose_answers(database, asking, outbox, rules)
    answerer = Answerer(asking, limits, tools.toolbox, answers.known)
    trials = compose_trials(database, bus, outbox, rules, answerer, rehearsals or RehearsalPace())
    worker = TurnWorker(outbox, turns, store, rules, answerer, typing, trials.book, answers, runs)
    runner = TurnRunner(database, turns, worker, runs, pace)
    bursts = Bursts(outbox, rules, runner)
    inbox_queries = Queries("orchestrator", "queries_inbox.sql")
    reading = ReadingStore(queries, inbox_queries)
    inbox = compose_inbox(
        database, outbox, bus, store, reading, rules, runner, inbox_queries, answers.briefs
    )
    handlers = Handlers(
        outbox, store, turns, rules, runner, bursts, inbox.reception, answers.briefs
    )
    news = ChannelNews(outbox, store, NewsStore(queries), runner, bursts, inbox.reception)
    evidence = TurnEvidence(outbox, queries, reading)
    return Parts(
        outbox,
        handlers,
        news,
        inbox.conversations,
        evidence,
        runner,
        worker,
        turns,
        watch,
        bursts,
        trials,
        tools,
        inbox,
        answers,
    )


def listen(bus: Bus, parts: Parts) -> None:
    """Register everything that this service hears."""
    outbox, handlers = parts.outbox, parts.handlers
    # In batches: order within a conversation is the order of arrival, and one commit serves all.
    outbox.hear_batch(MessageReceived, handlers.on_messages, batch=INBOUND_BATCH)
    outbox.hear_batch(MessageSent, handlers.on_sent, linger_seconds=OUTCOME_LINGER_SECONDS)
    outbox.hear_batch(MessageFailed, handlers.on_failed, linger_seconds=OUTCOME_LINGER_SECONDS)
    outbox.hear_batch(MessageUnknown, handlers.on_unknown, linger_seconds=OUTCOME_LINGER_SECONDS)
    outbox.hear_batch(
        MessageStatusChanged, handlers.on_status, linger_seconds=OUTCOME_LINGER_SECONDS
    )
    outbox.hear(EchoReceived, parts.news.on_echo)
    outbox.hear(ThreadControlChanged, parts.news.on_thread_control)
    outbox.hear(MessageChanged, parts.news.on_changed)
    outbox.hear(MediaStored, parts.news.on_media_stored)
    outbox.hear(MediaFailed, parts.news.on_media_failed)
    outbox.hear(MessageDelayed, parts.news.on_delayed)
    outbox.hear(TenantConfigured, handlers.on_tenant)
    outbox.hear(ChannelConfigured, handlers.on_channel)
    bus.answer(ListTurns, parts.evidence.list)
    parts.inbox.listen(bus)
    parts.answers.listen(bus)
    parts.bursts.listen(bus)
    parts.trials.listen(bus)
    MessageSteps(outbox).listen(bus)
    parts.tools.listen(bus)
