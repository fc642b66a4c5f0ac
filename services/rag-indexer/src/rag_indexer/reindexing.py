"""Redoes all documents of a tenant, a few at a time, behind what somebody waits for."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from observe import get_logger
from outbox import Outbox
from postgres import Database, DatabaseAway, Transaction
from rag_indexer.domain import TenantChoice, needs_rebuild
from rag_indexer.embedding import EmbedderAway, Embedding, EmbeddingRefused
from rag_indexer.progress import progressed
from rag_indexer.repair_store import Reindexing, RepairStore
from rag_indexer.store import LATER, Store

_MODEL_AWAY_SECONDS = 60.0
"""Without knowing what the model is, nobody knows what has to be redone."""

log = get_logger(__name__)


@dataclass(frozen=True)
class ReindexRule:
    """How many versions of a tenant are built at once, and how often to look for room."""

    at_once: int = 8
    poll_seconds: float = 2.0


class Reindexer:
    """Walks through a tenant's documents; where it is stands in the database."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        store: Store,
        repairs: RepairStore,
        embedding: Embedding,
        rule: ReindexRule,
        wake_worker: Callable[[], None],
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._store = store
        self._repairs = repairs
        self._embedding = embedding
        self._rule = rule
        self._wake_worker = wake_worker
        self._woken = asyncio.Event()
        self._not_before: dict[UUID, float] = {}

    def wake(self) -> None:
        """Somebody asked for it now."""
        self._not_before.clear()
        self._woken.set()

    async def work(self) -> None:
        """For ever."""
        while True:
            self._woken.clear()
            try:
                await self.step()
            except DatabaseAway as away:
                log.warning("reindexing_without_database", reason=str(away))
            except Exception:
                # The next round may do better; a process that ends would take its jobs along.
                log.exception("reindexing_round_failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self._rule.poll_seconds)

    async def step(self) -> None:
        """For each tenant that is being redone, begin as many versions as there is room for."""
        async with self._database.system() as tx:
            tenants = await self._repairs.tenants_in_reindexing(tx)
        for tenant_id in tenants:
            if self._not_before.get(tenant_id, 0.0) > time.monotonic():
                continue
            try:
                await self._step_of(tenant_id)
            except (EmbedderAway, EmbeddingRefused) as away:
                log.warning("reindexing_waits", tenant_id=str(tenant_id), reason=str(away))
                self._not_before[tenant_id] = time.monotonic() + _MODEL_AWAY_SECONDS

    async def _step_of(self, tenant_id: UUID) -> None:
        async with self._database.transaction(tenant_id) as tx:
            choice = await self._store.choice(tx, tenant_id)
        model = await self._embedding.model_of(tenant_id, choice.embedding_model)
        while await self._some_more(tenant_id, model.name):
            continue

    async def _some_more(self, tenant_id: UUID, model: str) -> bool:
        """Look at the next documents; False when there is no room, or no document left."""
        async with self._outbox.transaction(tenant_id) as tx:
            reindexing = await self._repairs.hold_reindexing(tx, tenant_id)
            if reindexing is None:
                return False
            room = self._rule.at_once - await self._repairs.count_later(tx, tenant_id)
            if room <= 0:
                return False
            document_ids = await self._repairs.next_documents(tx, reindexing, room)
            if not document_ids:
                await self._repairs.end_reindexing(tx, tenant_id)
                log.info("tenant_reindexed", tenant_id=str(tenant_id), reason=reindexing.reason)
                return False
            removed = await self._store.lock_documents(tx, document_ids)
            choices = await self._store.choices(tx, tenant_id, document_ids)
            for document_id in document_ids:
                if document_id not in removed:
                    await self._look_at(tx, reindexing, document_id, choices[document_id], model)
            await self._repairs.move_reindexing(tx, tenant_id, document_ids[-1])
            tx.after_commit.append(self._wake_worker)
        return True

    async def _look_at(
        self,
        tx: Transaction,
        reindexing: Reindexing,
        document_id: UUID,
        choice: TenantChoice,
        model: str,
    ) -> None:
        latest = await self._store.latest_job(tx, reindexing.tenant_id, document_id)
        if latest is None or not needs_rebuild(
            reindexing.reason,
            state=latest.state,
            code=latest.code,
            is_read=latest.is_read,
            as_wanted=(latest.embedding_model, latest.chunking) == (model, choice.rule(model)),
        ):
            return
        version = await self._store.add_version(
            tx, reindexing.tenant_id, document_id, priority=LATER
        )
        if version is not None:
            await self._outbox.say(
                tx, progressed(reindexing.tenant_id, document_id, version, "queued", 0)
            )
