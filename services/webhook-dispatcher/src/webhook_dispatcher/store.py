"""Every query of the dispatcher as a method; callers bring the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from contracts.v1.webhooks import Attempt, Delivery, Endpoint
from postgres import Queries, Transaction
from webhook_dispatcher.cloud_events import PublicEvent

ROTATION_HOURS: Final = 24
PUBLISH_GRACE_SECONDS: Final = 5.0
PUBLISH_LEASE_SECONDS: Final = 15.0
_ATTEMPTS_SHOWN: Final = 32


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process may try once; `claim` is its fence."""

    delivery_id: UUID
    tenant_id: UUID
    endpoint_id: UUID
    event_id: UUID
    claim: int
    failures: int
    created_at: datetime
    url: str
    failing_since: datetime | None
    event_type: str
    body: str
    sealed_secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What a try came to, ready to be recorded."""

    claimed: Claimed
    at: datetime
    code: str
    status_code: int | None
    milliseconds: int
    answer: str
    state: str
    delay_seconds: float | None
    disable_because: str | None


class Store:
    """The dispatcher's tables."""

    def __init__(self, queries: Queries) -> None:
        self._sql = queries

    async def keep_tenant(
        self, tx: Transaction, tenant_id: UUID, slug: str, state: str, revision: int
    ) -> None:
        """Keep a tenant unless a newer revision is known."""
        await tx.execute(self._sql["keep_tenant"], tenant_id, slug, state, revision)

    async def tenant_slugs(self, tx: Transaction, tenant_ids: Sequence[UUID]) -> dict[UUID, str]:
        """Return the slugs of those tenants that are known."""
        rows = await tx.fetch(self._sql["tenant_slugs"], list(tenant_ids))
        return {row["tenant_id"]: row["slug"] for row in rows}

    async def knows_any_tenant(self, tx: Transaction) -> bool:
        """Whether the tenants were ever said to this service."""
        return bool(await tx.fetchval(self._sql["any_tenant"]))

    async def log_events(self, tx: Transaction, events: Sequence[PublicEvent]) -> set[UUID]:
        """Keep new events and owe their publication; answers the ids of the new ones."""
        rows = await tx.fetch(
            self._sql["log_events"],
            [event.event_id for event in events],
            [event.tenant_id for event in events],
            [event.event_type for event in events],
            [event.routing_key for event in events],
            [event.body for event in events],
            [event.occurred_at for event in events],
        )
        return {row["event_id"] for row in rows}

    async def owe_publication(self, tx: Transaction, events: Sequence[PublicEvent]) -> None:
        """Note that these are still to be published on the feed."""
        await tx.execute(
            self._sql["owe_publication"],
            [event.event_id for event in events],
            [event.tenant_id for event in events],
            PUBLISH_GRACE_SECONDS,
        )

    async def enabled_endpoints(
        self, tx: Transaction, tenant_ids: Sequence[UUID]
    ) -> list[tuple[UUID, UUID, list[str]]]:
        """Return (tenant, endpoint, filter) of everything that is switched on."""
        rows = await tx.fetch(self._sql["enabled_endpoints"], list(tenant_ids))
        return [(row["tenant_id"], row["endpoint_id"], row["event_types"]) for row in rows]

    async def plan_deliveries(
        self, tx: Transaction, wanted: Sequence[tuple[UUID, UUID, UUID]]
    ) -> int:
        """Plan (tenant, endpoint, event) once each, due now; answers how many are new."""
        tenants, endpoints, events = zip(*wanted, strict=True)
        rows = await tx.fetch(
            self._sql["plan_deliveries"], list(tenants), list(endpoints), list(events)
        )
        return len(rows)

    async def claim_unpublished(self, tx: Transaction, limit: int) -> list[PublicEvent]:
        """Claim events that are due for the feed; unconfirmed ones are due again soon."""
        rows = await tx.fetch(self._sql["claim_unpublished"], limit, PUBLISH_LEASE_SECONDS)
        return [PublicEvent(**dict(row)) for row in rows]

    async def forget_publication(self, tx: Transaction, event_ids: Sequence[UUID]) -> None:
        """Mark as published."""
        await tx.execute(self._sql["forget_publication"], list(event_ids))

    async def claim_due(
        self,
        tx: Transaction,
        room_of_known: dict[UUID, int],
        *,
        per_endpoint: int,
        limit: int,
        lease_seconds: float,
    ) -> list[Claimed]:
        """Claim what is due: `room_of_known` for those endpoints, `per_endpoint` for others."""
        rows = await tx.fetch(
            self._sql["claim_due"],
            list(room_of_known),
            list(room_of_known.values()),
            per_endpoint,
            limit,
            lease_seconds,
        )
        return [_claimed(row) for row in rows]

    async def give_back(self, tx: Transaction, untried: Sequence[Claimed]) -> None:
        """Make claimed deliveries that were not tried due at once."""
        await tx.execute(
            self._sql["give_back"],
            [claimed.delivery_id for claimed in untried],
            [claimed.claim for claimed in untried],
        )

    async def settle(self, tx: Transaction, results: Sequence[Result]) -> None:
        """Record tries, move their deliveries on, and remember which endpoints work."""
        await tx.execute(
            self._sql["settle"],
            [result.claimed.delivery_id for result in results],
            [result.claimed.claim for result in results],
            [result.state for result in results],
            [result.delay_seconds for result in results],
            [result.at for result in results],
            [result.code for result in results],
            [result.status_code for result in results],
            [result.milliseconds for result in results],
            [result.answer for result in results],
        )
        working = {r.claimed.endpoint_id for r in results if r.state == "delivered"}
        failing = {r.claimed.endpoint_id for r in results} - working
        if working:
            await tx.execute(self._sql["note_working"], list(working))
        if failing:
            await tx.execute(self._sql["note_failing"], list(failing))

    async def disable_endpoint(
        self, tx: Transaction, endpoint_id: UUID, reason: str
    ) -> tuple[UUID, str] | None:
        """Switch it off and cancel what waits for it; answers tenant and URL if it was on."""
        row = await tx.fetchrow(self._sql["disable_endpoint"], endpoint_id, reason)
        if row is None:
            return None
        await tx.execute(self._sql["cancel_pending"], endpoint_id)
        return row["tenant_id"], row["url"]

    async def count_endpoints(self, tx: Transaction, tenant_id: UUID) -> int:
        """How many endpoints a tenant has."""
        return int(await tx.fetchval(self._sql["count_endpoints"], tenant_id))

    async def add_endpoint(
        self,
        tx: Transaction,
        tenant_id: UUID,
        endpoint_id: UUID,
        *,
        url: str,
        description: str,
        event_types: Sequence[str],
        secret_hint: str,
    ) -> None:
        """Make an endpoint."""
        await tx.execute(
            self._sql["add_endpoint"],
            endpoint_id,
            tenant_id,
            url,
            description,
            list(event_types),
            secret_hint,
        )

    async def add_secret(
        self, tx: Transaction, tenant_id: UUID, endpoint_id: UUID, sealed: str
    ) -> None:
        """Give it a secret; older ones sign a day longer."""
        await tx.execute(self._sql["retire_secrets"], tenant_id, endpoint_id, ROTATION_HOURS)
        await tx.execute(self._sql["add_secret"], tenant_id, endpoint_id, sealed)

    async def find_endpoint(
        self, tx: Transaction, tenant_id: UUID, endpoint_id: UUID
    ) -> Endpoint | None:
        """One endpoint of the tenant."""
        row = await tx.fetchrow(self._sql["find_endpoint"], tenant_id, endpoint_id)
        return Endpoint(**dict(row)) if row else None

    async def list_endpoints(self, tx: Transaction, tenant_id: UUID) -> list[Endpoint]:
        """All of the tenant's endpoints, the oldest first."""
        rows = await tx.fetch(self._sql["list_endpoints"], tenant_id)
        return [Endpoint(**dict(row)) for row in rows]

    async def change_endpoint(
        self,
        tx: Transaction,
        tenant_id: UUID,
        endpoint_id: UUID,
        *,
        url: str | None,
        description: str | None,
        event_types: Sequence[str] | None,
        enabled: bool | None,
        secret_hint: str | None,
    ) -> bool:
        """Change what is not None; answers whether the endpoint exists."""
        changed = await tx.fetchval(
            self._sql["change_endpoint"],
            tenant_id,
            endpoint_id,
            url,
            description,
            None if event_types is None else list(event_types),
            enabled,
            secret_hint,
        )
        return changed is not None

    async def remove_endpoint(self, tx: Transaction, tenant_id: UUID, endpoint_id: UUID) -> bool:
        """Delete it; answers whether it existed."""
        removed = await tx.fetchval(self._sql["remove_endpoint"], tenant_id, endpoint_id)
        return removed is not None

    async def list_deliveries(
        self, tx: Transaction, tenant_id: UUID, endpoint_id: UUID, *, before: int, limit: int
    ) -> list[tuple[int, Delivery]]:
        """A page of deliveries with their positions and tries, the newest first."""
        rows = await tx.fetch(self._sql["list_deliveries"], tenant_id, endpoint_id, before, limit)
        tries = await tx.fetch(
            self._sql["list_attempts"], tenant_id, [row["delivery_id"] for row in rows]
        )
        attempts: dict[UUID, list[Attempt]] = {}
        for row in tries:
            values = dict(row)
            attempts.setdefault(values.pop("delivery_id"), []).append(Attempt(**values))
        return [_delivery(dict(row), attempts.get(row["delivery_id"], [])) for row in rows]

    async def redeliver(
        self, tx: Transaction, tenant_id: UUID, endpoint_id: UUID, event_id: UUID
    ) -> bool:
        """Make it due again from the first step; False if endpoint or event is not the tenant's."""
        found = await tx.fetchval(self._sql["redeliver"], tenant_id, endpoint_id, event_id)
        return found is not None

    async def forget_old(self, tx: Transaction, days: int, limit: int) -> int:
        """Forget old events and expired secrets; answers how many events went."""
        tag = await tx.execute(self._sql["forget_old_events"], days, limit)
        await tx.execute(self._sql["forget_old_secrets"])
        return int(tag.rpartition(" ")[2])

    async def backlog(self, tx: Transaction) -> dict[str, int]:
        """Return pending deliveries, unpublished events, endpoints on and off."""
        row = await tx.fetchrow(self._sql["backlog"])
        return dict(row) if row else {}


def _claimed(row: Any) -> Claimed:
    values = dict(row)
    return Claimed(
        claim=values.pop("claims"), sealed_secrets=tuple(values.pop("sealed_secrets")), **values
    )


def _delivery(values: dict[str, Any], attempts: list[Attempt]) -> tuple[int, Delivery]:
    position = values.pop("position")
    return position, Delivery(attempts=attempts[-_ATTEMPTS_SHOWN:], **values)
