"""Rows of what channels tell of messages later: changes, files, delays."""

from uuid import UUID

from contracts.v1.channels import (
    MediaFailed,
    MediaStored,
    MessageChanged,
    ThreadControlChanged,
)
from contracts.v1.sending import MessageDelayed
from orchestrator.domain import inbound_identity
from orchestrator.storable import storable_json, storable_text
from postgres import Queries, Transaction


class NewsStore:
    """Statements that do not ask whether the message is here yet."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def keep_changes(self, tx: Transaction, heard: MessageChanged, message_id: UUID) -> None:
        """Keep the state of a message after an edit, a reaction or its end."""
        await tx.execute(
            self._queries["keep_changes"],
            message_id,
            heard.provider_message_id,
            heard.tenant_id,
            heard.revision,
            storable_json(heard.changes.model_dump_json()),
        )

    async def keep_media(self, tx: Transaction, heard: MediaStored | MediaFailed) -> None:
        """Keep what became of a file."""
        await tx.execute(
            self._queries["keep_media"],
            inbound_identity(heard.conversation_id, heard.provider_message_id),
            heard.media.media_id or heard.message_id,
            heard.tenant_id,
            storable_json(heard.media.model_dump_json()),
        )

    async def note_delay(self, tx: Transaction, heard: MessageDelayed) -> None:
        """Keep why a message waits."""
        await tx.execute(
            self._queries["note_delay"],
            heard.tenant_id,
            heard.recorded_message_id,
            heard.code,
            storable_text(heard.detail),
        )

    async def is_newest_of_thread(self, tx: Transaction, heard: ThreadControlChanged) -> bool:
        """Note when the thread moved; False if something newer was heard: Meta repeats late."""
        noted = await tx.fetchval(
            self._queries["note_thread_news"], heard.tenant_id, heard.conversation_id, heard.at
        )
        return noted is not None
