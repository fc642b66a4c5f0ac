"""Files that are fetched from the provider, by named queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from uuid import UUID

from channel_ingress.media import Dead, Fetched
from postgres import Queries, Transaction


@dataclass(frozen=True, slots=True)
class MediaRow:
    """A file to be fetched."""

    media_id: UUID
    tenant_id: UUID
    channel_id: UUID
    channel_type: str
    conversation_id: UUID
    provider_message_id: str
    kind: str
    provider_media_id: str | None
    url: str | None
    declared_type: str | None
    file_name: str | None
    declared_sha256: str | None
    declared_bytes: int | None
    dies_at: datetime
    correlation_id: UUID
    causation_id: UUID


@dataclass(frozen=True, slots=True)
class MediaClaim(MediaRow):
    """The right, until the lease ends, to fetch a file."""

    tries: int
    failures: int


class MediaStore:
    """The media queries of this service."""

    def __init__(self) -> None:
        self._queries = Queries("channel_ingress", "queries_media.sql")

    async def keep(self, tx: Transaction, rows: Sequence[MediaRow]) -> int:
        """Plan files, once each; answers how many are new."""
        columns = zip(*(astuple(row) for row in rows), strict=True)
        sql = self._queries["keep_media"]
        return int(await tx.fetchval(sql, *(list(column) for column in columns)))

    async def claim(self, tx: Transaction, limit: int, lease_seconds: float) -> list[MediaClaim]:
        """Files whose turn it is, leased to this process."""
        rows = await tx.fetch(self._queries["claim_media"], limit, lease_seconds)
        return [MediaClaim(**dict(row)) for row in rows]

    async def claim_dead(self, tx: Transaction, detail: str) -> list[MediaClaim]:
        """Files whose id has died, now failed."""
        rows = await tx.fetch(self._queries["claim_dead_media"], detail)
        return [MediaClaim(**dict(row)) for row in rows]

    async def record_stored(self, tx: Transaction, claim: MediaClaim, fetched: Fetched) -> bool:
        """The bytes are stored; whether that is news."""
        return bool(
            await tx.fetchval(
                self._queries["record_media_stored"],
                claim.media_id,
                claim.tries,
                fetched.sha256,
                fetched.mime_type,
                fetched.size_bytes,
            )
        )

    async def record_failed(self, tx: Transaction, claim: MediaClaim, dead: Dead) -> bool:
        """It will not be tried again; whether that is news."""
        sql = self._queries["record_media_failed"]
        return bool(await tx.fetchval(sql, claim.media_id, claim.tries, dead.problem, dead.detail))

    async def record_again(
        self, tx: Transaction, claim: MediaClaim, failures: int, pause_seconds: float, detail: str
    ) -> None:
        """Plan another try; `failures` are added."""
        sql = self._queries["record_media_again"]
        await tx.execute(sql, claim.media_id, claim.tries, failures, pause_seconds, detail[:512])

    async def count_refusal(self, tx: Transaction, claim: MediaClaim) -> int:
        """Count a refusal by the provider; answers how many in the last hour."""
        sql = self._queries["count_media_refusal"]
        return int(await tx.fetchval(sql, claim.channel_id, claim.tenant_id))

    async def rest(
        self, tx: Transaction, claim: MediaClaim, seconds: float, revision: int | None
    ) -> None:
        """Let the channel's fetching rest; with a revision, until it has a newer one."""
        sql = self._queries["rest_media"]
        await tx.execute(sql, claim.channel_id, claim.tenant_id, seconds, revision)

    async def counts(self, tx: Transaction) -> dict[str, int]:
        """What waits, by kind."""
        row = await tx.fetchrow(self._queries["count_media"])
        return dict(row) if row else {}
