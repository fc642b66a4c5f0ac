"""Says what became of messages once they are known; keeps it while they are not."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from channel_ingress.change_store import (
    ChangeStore,
    FoundMessage,
    MessageKey,
    MessageState,
    NewState,
)
from channel_ingress.contact_book import ContactBook, Known
from channel_ingress.effects import NewItem
from channel_ingress.items import Change, CustomerMessage, Echo
from channel_ingress.message_changes import (
    EMOJI_LIMIT,
    WORDS_LIMIT,
    KeptChange,
    change_identity,
    fold,
)
from channel_ingress.metrics import ORPHANS
from contracts.message import Message
from contracts.v1.channels import ChannelWebhookReceived, MessageChanged
from outbox import Outbox
from postgres import Transaction

NamedChange = tuple[NewItem, Change]


class ChangeEffect:
    """Order-free: a change may come before, after or without its message."""

    def __init__(self, outbox: Outbox, store: ChangeStore, contacts: ContactBook) -> None:
        self._outbox, self._store, self._contacts = outbox, store, contacts

    async def apply(
        self, tx: Transaction, cause: ChannelWebhookReceived, items: Sequence[NewItem]
    ) -> Sequence[Message]:
        """Keep and fold new changes; join those that waited for a message of this body."""
        changes = [(new, payload) for new in items if isinstance(payload := new[0].payload, Change)]
        says = await self._changed(tx, cause, changes) if changes else []
        return [*says, *await self._arrived(tx, cause, items)]

    async def sweep(self, tx: Transaction) -> int:
        """Join what waited and has come; say what has waited for too long; how many were said."""
        states = await self._store.take_due(tx)
        if not states:
            return 0
        found = await self._store.find_messages(tx, [state.key for state in states])
        said: list[Message] = []
        for state in states:
            _learn(state, found.get(state.key))
            if state.is_known or (state.is_old and not state.said_as_orphan):
                said += _say(state, None, is_news=state.revision > 0)
        await self._store.update(tx, states)
        await self._outbox.say(tx, *said)
        return len(said)

    async def _changed(
        self, tx: Transaction, cause: ChannelWebhookReceived, changes: list[NamedChange]
    ) -> list[Message]:
        people = await self._people(tx, changes)
        kept: list[tuple[MessageKey, UUID, KeptChange]] = []
        new: dict[MessageKey, NewState] = {}
        for ((_, channel), change), known in zip(changes, people, strict=True):
            key = MessageKey(channel.channel_id, change.about)
            conversation_id = known.conversation_id if known else None
            if key not in new or new[key].conversation_id is None:
                new[key] = NewState(key, channel.tenant_id, channel.channel_type, conversation_id)
            kept.append((key, channel.tenant_id, _kept(change, known)))
        states = await self._store.lock(tx, list(new.values()))
        await self._store.keep(tx, kept)
        folded = await self._store.changes_of(tx, list(new))
        unknown = [state.key for state in states if not state.is_known]
        found = await self._store.find_messages(tx, unknown) if unknown else {}
        says: list[Message] = []
        for state in states:
            has_come = _learn(state, found.get(state.key)) and state.revision > 0
            text = fold(folded[state.key]).model_dump_json()
            is_news = text != state.changes_text or has_come
            state.changes_text = text
            says += _say(state, cause, is_news=is_news)
        await self._store.update(tx, states)
        return says

    async def _arrived(
        self, tx: Transaction, cause: ChannelWebhookReceived, items: Sequence[NewItem]
    ) -> list[Message]:
        come = {
            MessageKey(channel.channel_id, payload.provider_message_id): (channel, payload.person)
            for item, channel in items
            if isinstance(payload := item.payload, CustomerMessage | Echo)
            and channel.channel_type != "webchat"
        }
        says: list[Message] = []
        states = await self._store.lock_parked(tx, list(come))
        for state in states:
            (known,) = await self._contacts.resolve(tx, [come[state.key]])
            _learn(state, FoundMessage(known.conversation_id, None))
            says += _say(state, cause, is_news=state.revision > 0)
        await self._store.update(tx, states)
        return says

    async def _people(self, tx: Transaction, changes: list[NamedChange]) -> list[Known | None]:
        named = [
            (channel, change.person)
            for (_, channel), change in changes
            if change.person is not None
        ]
        known = iter(await self._contacts.resolve(tx, named))
        return [next(known) if change.person is not None else None for _, change in changes]


def _kept(change: Change, known: Known | None) -> KeptChange:
    words = (change.text if change.what == "edit" else change.emoji) or ""
    return KeptChange(
        what=change.what,
        said_by=change.by,
        person=known.contact.external_id if known and change.by == "customer" else "",
        at=change.at,
        words="" if change.what == "revoke" else words[: _LIMITS[change.what]],
    )


_LIMITS = {"edit": WORDS_LIMIT, "reaction": EMOJI_LIMIT}


def _learn(state: MessageState, found: FoundMessage | None) -> bool:
    """Whether the message has come only now."""
    if found is None or state.is_known:
        return False
    state.is_known = True
    state.conversation_id = found.conversation_id or state.conversation_id
    state.recorded_message_id = found.recorded_message_id
    return True


def _say(
    state: MessageState, cause: ChannelWebhookReceived | None, *, is_news: bool
) -> list[Message]:
    """Raise the revision of what is news; what is said of it, nothing while it is parked."""
    if not is_news:
        return []
    state.revision += 1
    if not state.is_known and not state.is_old:
        return []
    if not state.is_known and not state.said_as_orphan:
        ORPHANS.labels("change").inc()
    state.said_as_orphan = not state.is_known
    message_id = change_identity(state.channel_id, state.provider_message_id, state.revision)
    return [
        MessageChanged.make(
            tenant_id=state.tenant_id,
            message_id=message_id,
            correlation_id=cause.correlation_id if cause else message_id,
            causation_id=cause.message_id if cause else None,
            channel_id=state.channel_id,
            channel_type=state.channel_type,
            conversation_id=state.conversation_id,
            provider_message_id=state.provider_message_id,
            recorded_message_id=state.recorded_message_id,
            revision=state.revision,
            changes=state.changes,
            orphaned=not state.is_known,
        )
    ]
