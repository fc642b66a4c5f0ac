"""What channels tell beside customers' messages: others spoke, threads moved, messages changed."""

from contracts.message import Message
from contracts.v1.channels import (
    EchoReceived,
    MediaFailed,
    MediaStored,
    MessageChanged,
    ThreadControlChanged,
)
from contracts.v1.sending import MessageDelayed
from orchestrator import telling
from orchestrator.bursts import Bursts
from orchestrator.domain import inbound_identity, somebody_else_speaks, thread_held_by
from orchestrator.news_store import NewsStore
from orchestrator.reception import Reception
from orchestrator.running import Running
from orchestrator.store import ConversationStore, FromContact, LockedConversation
from orchestrator.telling import Envelope
from outbox import Outbox, RetryLater
from postgres import Transaction

_AUTHORS = {
    "phone_app": "WhatsApp Business app",
    "page_inbox": "Page inbox",
    "other_app": "Another app",
}


class ChannelNews:
    """Handlers of news about conversations and messages."""

    def __init__(
        self,
        outbox: Outbox,
        store: ConversationStore,
        news: NewsStore,
        runner: Running,
        bursts: Bursts,
        reception: Reception,
    ) -> None:
        self._outbox, self._store = outbox, store
        self._news, self._runner, self._bursts = news, runner, bursts
        self._reception = reception

    async def on_echo(self, heard: EchoReceived, tx: Transaction) -> None:
        """Somebody speaks for the business elsewhere: the bot is silent from now on."""
        conversation = await self._lock_or_begin(tx, heard)
        before = conversation.standing
        standing = before if heard.imported else somebody_else_speaks(before)
        author = _AUTHORS[heard.source]
        placed = await self._store.record_echo(tx, heard, standing, author)
        if placed is None:
            return
        if not heard.imported:
            await self._reception.person_spoke(tx, conversation)
        envelope = Envelope.of(conversation, heard)
        said: list[Message] = []
        if envelope.is_watched:
            said.append(telling.echo_recorded(envelope, heard, placed, author))
        if standing != before:
            said.append(telling.conversation_updated(envelope, standing))
        await self._outbox.say(tx, *said)

    async def on_thread_control(self, heard: ThreadControlChanged, tx: Transaction) -> None:
        """Messenger gave the thread to another app, or to us."""
        conversation = await self._lock_or_begin(tx, heard)
        if not await self._news.is_newest_of_thread(tx, heard):
            return
        standing = thread_held_by(conversation.standing, heard.holder)
        if standing == conversation.standing:
            return
        ids = (conversation.tenant_id, conversation.conversation_id)
        due = await self._store.save_standing(tx, *ids, standing)
        envelope = Envelope.of(conversation, heard)
        await self._outbox.say(tx, telling.conversation_updated(envelope, standing))
        if due:
            tx.after_commit.append(lambda: self._runner.wake(*ids))

    async def on_changed(self, heard: MessageChanged, tx: Transaction) -> None:
        """A message was edited, taken back or reacted to, whether it is here yet or not."""
        message_id = heard.recorded_message_id
        if message_id is None and heard.conversation_id is not None:
            message_id = inbound_identity(heard.conversation_id, heard.provider_message_id)
        if message_id is not None:
            await self._news.keep_changes(tx, heard, message_id)

    async def on_media_stored(self, heard: MediaStored, tx: Transaction) -> None:
        """A file of a message is in our storage."""
        await self._news.keep_media(tx, heard)
        await self._bursts.on_media_settled(tx, heard)

    async def on_media_failed(self, heard: MediaFailed, tx: Transaction) -> None:
        """A file of a message could not be fetched."""
        await self._news.keep_media(tx, heard)
        await self._bursts.on_media_settled(tx, heard)

    async def on_delayed(self, heard: MessageDelayed, tx: Transaction) -> None:
        """A message that is to go out has to wait."""
        await self._news.note_delay(tx, heard)

    async def _lock_or_begin(self, tx: Transaction, heard: FromContact) -> LockedConversation:
        conversation = await self._store.lock_or_begin(tx, heard)
        if conversation is None:
            raise RetryLater(f"channel {heard.channel_id} is not configured here yet")
        return conversation
