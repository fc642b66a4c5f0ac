"""People steer a conversation: status, owner, assignee, tags, metadata, language, sleep."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from bus import Refused
from contracts.message import Message
from contracts.v1.conversations import ConversationFound, UpdateConversation
from orchestrator import telling
from orchestrator.brief_book import BriefBook
from orchestrator.domain import Standing, TransitionRefused, change_standing
from orchestrator.farewell import Farewell
from orchestrator.inbox_store import InboxStore
from orchestrator.reading import ReadingStore
from orchestrator.running import Running
from orchestrator.storable import storable_json, storable_text
from orchestrator.store import ConversationStore, LockedConversation
from orchestrator.telling import Envelope
from outbox import Outbox
from postgres import Transaction

SNOOZE_MAX: Final = timedelta(days=366)


class ConversationChanges:
    """Answers `update-conversation`."""

    def __init__(
        self,
        outbox: Outbox,
        store: ConversationStore,
        inbox: InboxStore,
        reading: ReadingStore,
        runner: Running,
        farewell: Farewell,
        briefs: BriefBook,
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._inbox = inbox
        self._reading = reading
        self._runner = runner
        self._farewell = farewell
        self._briefs = briefs

    async def update(self, request: UpdateConversation) -> ConversationFound:
        """Change what is given; a bot's answer that is being written is never said."""
        check_facts(request)
        ids = (request.tenant_id, request.conversation_id)
        async with self._outbox.transaction(request.tenant_id) as tx:
            conversation = await locked(self._store, tx, *ids)
            before = conversation.standing
            conversation.standing = wished_standing(before, request)
            if conversation.standing != before:
                due = await self._store.save_standing(tx, *ids, conversation.standing)
                if due:
                    tx.after_commit.append(lambda: self._runner.wake(*ids))
            await self._keep_facts(tx, request)
            news = _news(conversation, before, request)
            said = [await self._briefs.told(tx, one) for one in news]
            if "resolved" == conversation.standing.status != before.status != "closed":
                envelope = Envelope.of(conversation, request)
                said += await self._farewell.ask(tx, conversation, envelope)
            await self._outbox.say(tx, *said)
            found = await self._reading.conversation(tx, *ids)
            if found is None:
                raise not_found()
            return ConversationFound(conversation=found)

    async def _keep_facts(self, tx: Transaction, request: UpdateConversation) -> None:
        tags = None if request.tags is None else tidy_tags(request.tags)
        given = (tags, request.metadata, request.language, request.snooze_until)
        if any(one is not None for one in given):
            await self._inbox.keep_facts(
                tx,
                request.tenant_id,
                request.conversation_id,
                tags=tags,
                metadata=request.metadata and storable_json(request.metadata),
                language=request.language,
                snoozed_until=request.snooze_until,
            )


def check_facts(request: UpdateConversation) -> None:
    """Refuse what cannot be kept: a sleep without an end or into the past, metadata of no shape."""
    sleeps = request.status == "snoozed"
    if sleeps and request.snooze_until is None:
        raise Refused("invalid_snooze", "A conversation sleeps until a time: snooze_until.")
    if request.snooze_until is not None:
        if request.status not in (None, "snoozed"):
            raise Refused("invalid_snooze", f"What sleeps is snoozed, not {request.status}.")
        ahead = request.snooze_until - datetime.now(UTC)
        if not timedelta() < ahead <= SNOOZE_MAX:
            raise Refused("invalid_snooze", "snooze_until lies in the coming year.")
    if request.metadata is not None and not _is_object(request.metadata):
        raise Refused("invalid_metadata", "Metadata is a JSON object.")


def wished_standing(before: Standing, request: UpdateConversation) -> Standing:
    """Return where the conversation stands after the request; refuses what does not follow."""
    if request.expected_ownership_number is not None:
        refuse_if_faster(before, request)
    try:
        return change_standing(
            before,
            status="snoozed" if request.snooze_until is not None else request.status,
            owner_kind=request.owner_kind,
            assignee=request.assignee,
            unassign=bool(request.unassign),
        )
    except TransitionRefused as error:
        raise Refused("invalid_transition", str(error)) from error


def refuse_if_faster(before: Standing, request: UpdateConversation) -> None:
    """Refuse where somebody else took it meanwhile: the number differs, or a colleague has it.

    Taking from a colleague is left to those who say that they do it for somebody else (`by`).
    """
    if request.expected_ownership_number != before.ownership_number:
        raise Refused("conflict", f"Meanwhile {owned_now(before)}.")
    takes = request.assignee is not None and request.by in (None, request.assignee)
    if takes and before.assignee not in (None, request.assignee):
        raise Refused("conflict", f"Meanwhile {owned_now(before)}.")


def owned_now(standing: Standing) -> str:
    """Say in a sentence's part who has a conversation."""
    owner = {
        "bot": "the bot has it",
        "human": f"{standing.assignee} has it" if standing.assignee else "it waits for a person",
        "integrator": "an integrator has it",
        "nobody": "nobody has it",
    }[standing.owner_kind]
    return f"{owner} ({standing.status}, ownership number {standing.ownership_number})"


def tidy_tags(tags: list[str]) -> list[str]:
    """Return the tags without blanks around them and repeats, in their order."""
    tidy = dict.fromkeys(storable_text(tag).strip() for tag in tags)
    return [tag for tag in tidy if tag]


async def locked(
    store: ConversationStore,
    tx: Transaction,
    tenant_id: UUID,
    conversation_id: UUID,
) -> LockedConversation:
    """Lock a conversation's row; refuses what is not there."""
    conversation = await store.lock(tx, tenant_id, conversation_id)
    if conversation is None:
        raise not_found()
    return conversation


def not_found() -> Refused:
    """Say that there is no such conversation (of this tenant)."""
    return Refused("not_found", "There is no such conversation.")


def _news(
    conversation: LockedConversation, before: Standing, request: UpdateConversation
) -> list[Message]:
    standing = conversation.standing
    if standing == before and request.tags is None and request.snooze_until is None:
        return []
    envelope = Envelope.of(conversation, request)
    said: list[Message] = [
        telling.conversation_updated(
            envelope,
            standing,
            tags=None if request.tags is None else tidy_tags(request.tags),
            snoozed_until=request.snooze_until,
            by=request.by,
        )
    ]
    if before.bot_answers and standing.owner_kind == "human" and standing.assignee is None:
        said.append(
            telling.handoff_requested(envelope, standing, "api", "Asked for through the API.")
        )
    return said


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
