"""Puts the parts of the inbox and of conversations' life together."""

from dataclasses import dataclass

from bus import Bus
from orchestrator.brief_book import BriefBook
from orchestrator.conversation_changes import ConversationChanges
from orchestrator.conversation_requests import ConversationRequests
from orchestrator.farewell import Farewell
from orchestrator.inbox_requests import InboxRequests
from orchestrator.inbox_store import InboxStore
from orchestrator.life import Life
from orchestrator.life_store import LifeStore
from orchestrator.posting import Posting
from orchestrator.reading import ReadingStore
from orchestrator.reception import Reception
from orchestrator.running import Running
from orchestrator.store import ConversationStore
from orchestrator.tenant_rules import RuleBook
from outbox import Outbox
from postgres import Database, Queries


@dataclass(frozen=True, slots=True)
class InboxParts:
    """What people work with."""

    conversations: ConversationRequests
    inbox: InboxRequests
    reception: Reception
    life: Life

    def listen(self, bus: Bus) -> None:
        """Register every request about conversations and the inbox."""
        self.conversations.listen(bus)
        self.inbox.listen(bus)


def compose_inbox(
    database: Database,
    outbox: Outbox,
    bus: Bus,
    store: ConversationStore,
    reading: ReadingStore,
    rules: RuleBook,
    runner: Running,
    queries: Queries,
    briefs: BriefBook,
) -> InboxParts:
    """Make every part and hand it what it depends on."""
    inbox = InboxStore(queries)
    life = LifeStore(Queries("orchestrator", "queries_life.sql"))
    farewell = Farewell(store, life, inbox, rules)
    changes = ConversationChanges(outbox, store, inbox, reading, runner, farewell, briefs)
    posting = Posting(outbox, store, inbox, life, reading, rules)
    return InboxParts(
        ConversationRequests(outbox, reading, changes, posting),
        InboxRequests(outbox, inbox, bus),
        Reception(life, farewell),
        Life(database, outbox, store, life, farewell, runner),
    )
