"""Puts the parts of the inbox and of conversations' life together."""

from dataclasses import dataclass

from bus import Bus
from orchestrator.conversation_changes import ConversationChanges
from orchestrator.conversation_requests import ConversationRequests
from orchestrator.running import Running
from orchestrator.inbox_requests import InboxRequests
from orchestrator.inbox_store import InboxStore
from orchestrator.posting import Posting
from orchestrator.reading import ReadingStore
from orchestrator.store import ConversationStore
from orchestrator.tenant_rules import RuleBook
from outbox import Outbox
from postgres import Queries


@dataclass(frozen=True, slots=True)
class InboxParts:
    """What people work with."""

    conversations: ConversationRequests
    inbox: InboxRequests

    def listen(self, bus: Bus) -> None:
        """Register every request about conversations and the inbox."""
        self.conversations.listen(bus)
        self.inbox.listen(bus)


def compose_inbox(
    outbox: Outbox,
    bus: Bus,
    store: ConversationStore,
    reading: ReadingStore,
    rules: RuleBook,
    runner: Running,
    queries: Queries,
) -> InboxParts:
    """Make every part and hand it what it depends on."""
    inbox = InboxStore(queries)
    changes = ConversationChanges(outbox, store, inbox, reading, runner)
    posting = Posting(outbox, store, inbox, reading, rules)
    return InboxParts(
        ConversationRequests(outbox, reading, changes, posting),
        InboxRequests(outbox, inbox, bus),
    )
