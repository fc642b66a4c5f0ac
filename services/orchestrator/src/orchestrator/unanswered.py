"""Questions that nothing answered: kept with the turn, gathered by meaning when nobody waits.

A question joins the first cluster that asks for the same, else it begins one of its own; oldest
first, one at a time for a tenant: on any replica, in any order of wakes, the clusters are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

import observe
from orchestrator.curated import packed, unpacked
from orchestrator.likeness import GATHERED, Vector, cosine, folded_question
from orchestrator.meaning import Meaning
from outbox import Outbox
from postgres import Queries, Transaction

LOOSE_MAX: Final = 64
CLUSTERS_MAX: Final = 2_000
QUESTION_CHARACTERS_MAX: Final = 1_000

_log = observe.get_logger("orchestrator.unanswered")


@dataclass(frozen=True, slots=True)
class Loose:
    """A question that is in no cluster yet."""

    turn_id: UUID
    question: str
    folded: str
    asked_at: datetime
    vector: Vector | None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Questions that mean the same, by the first of them."""

    cluster_id: UUID
    folded: str
    model: str | None
    vector: Vector | None


def cluster_of(loose: Loose, model: str | None, clusters: Sequence[Cluster]) -> Cluster | None:
    """Return the cluster that a question belongs to: the same words, else the most alike."""
    for cluster in clusters:
        if cluster.folded == loose.folded:
            return cluster
    if loose.vector is None or model is None:
        return None
    comparable = [one for one in clusters if one.model == model and one.vector is not None]
    scored = [(cosine(loose.vector, one.vector or ()), -at) for at, one in enumerate(comparable)]
    if not scored:
        return None
    similarity, place = max(scored)
    return comparable[-place] if similarity >= GATHERED.of(model) else None


def cluster_identity(tenant_id: UUID, turn_id: UUID) -> UUID:
    """Identity of the cluster that a turn's question begins."""
    return uuid5(tenant_id, f"unanswered:{turn_id}")


class UnansweredQuestions:
    """Keeps them, and gathers those that nobody has compared yet."""

    def __init__(self, outbox: Outbox, queries: Queries, meaning: Meaning) -> None:
        self._outbox = outbox
        self._queries = queries
        self._meaning = meaning

    async def keep(
        self,
        tx: Transaction,
        turn: tuple[UUID, UUID, UUID],
        question: str,
        reason: str,
    ) -> bool:
        """Keep the question of a turn (turn, tenant, conversation); False if it has no words."""
        words = " ".join(question.split())[:QUESTION_CHARACTERS_MAX]
        if not folded_question(words):
            return False
        await tx.execute(self._queries["keep_unanswered"], *turn, words, reason)
        return True

    async def gather(self, tenant_id: UUID) -> int:
        """Put a tenant's loose questions into clusters; answers how many."""
        async with self._outbox.transaction(tenant_id) as tx:
            rows = await tx.fetch(self._queries["loose_questions"], tenant_id, LOOSE_MAX)
        if not rows:
            return 0
        texts = [row["question"] for row in rows]
        answer = await self._meaning.of_all(tenant_id, rows[0]["turn_id"], texts)
        model, vectors = (None, [None] * len(rows)) if answer is None else answer
        async with self._outbox.transaction(tenant_id) as tx:
            await tx.execute(self._queries["hold_clusters"], str(tenant_id))
            clusters = await self._clusters(tx, tenant_id)
            for row, vector in zip(rows, vectors, strict=True):
                loose = Loose(
                    row["turn_id"],
                    row["question"],
                    folded_question(row["question"]),
                    row["asked_at"],
                    vector,
                )
                await self._join(tx, tenant_id, loose, model, clusters)
        _log.info("unanswered questions gathered", questions=len(rows))
        return len(rows)

    async def _clusters(self, tx: Transaction, tenant_id: UUID) -> list[Cluster]:
        rows = await tx.fetch(self._queries["list_cluster_vectors"], tenant_id, CLUSTERS_MAX)
        return [_cluster(row) for row in rows]

    async def _join(
        self,
        tx: Transaction,
        tenant_id: UUID,
        loose: Loose,
        model: str | None,
        clusters: list[Cluster],
    ) -> None:
        cluster = cluster_of(loose, model, clusters)
        if cluster is None:
            identity = cluster_identity(tenant_id, loose.turn_id)
            vector = None if loose.vector is None else packed(loose.vector)
            cluster = Cluster(identity, loose.folded, model, loose.vector)
            clusters.append(cluster)
            await tx.execute(
                self._queries["begin_cluster"],
                identity,
                tenant_id,
                loose.question,
                loose.folded,
                None if vector is None else model,
                vector,
                loose.asked_at,
            )
        await tx.execute(
            self._queries["join_cluster"], tenant_id, loose.turn_id, cluster.cluster_id
        )


def _cluster(row: Any) -> Cluster:
    vector = None if row["vector"] is None else unpacked(row["vector"])
    return Cluster(row["cluster_id"], row["folded"], row["model"], vector)
