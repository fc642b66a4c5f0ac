"""Our copy of templates, by named queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.v1.templates import Template
from postgres import Queries, Transaction

Place = tuple[str, str, str]
"""The first 300 characters of the name, language and id: where a page ends."""


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """A template as Meta had it when we last asked."""

    template_id: str
    channel_id: UUID
    name: str
    language: str
    category: str
    status: str
    quality: str | None
    rejected_reason: str | None
    components: str
    places: list[str]
    synced_at: datetime

    def told(self, channel_id: UUID | None = None) -> Template:
        """As messages carry it, for the channel that somebody asked about."""
        return Template(
            template_id=self.template_id,
            channel_id=channel_id or self.channel_id,
            name=self.name,
            language=self.language,
            category=self.category,
            status=self.status,
            quality=self.quality,
            rejected_reason=self.rejected_reason,
            components=self.components,
            places=self.places,
            synced_at=self.synced_at,
        )


@dataclass(frozen=True, slots=True)
class Account:
    """A WhatsApp Business Account of a tenant, with a channel whose token may ask for it."""

    tenant_id: UUID
    account_id: str
    channel_id: UUID


class TemplateStore:
    """The template queries of this service."""

    def __init__(self) -> None:
        self._queries = Queries("channel_ingress", "queries_templates.sql")

    async def meet_accounts(self, tx: Transaction, first_sync_seconds: float) -> None:
        """Know every account that a served channel has."""
        await tx.execute(self._queries["meet_accounts"], first_sync_seconds)

    async def claim_syncs(self, tx: Transaction, limit: int, lease_seconds: float) -> list[Account]:
        """Accounts that are due, leased to this process."""
        rows = await tx.fetch(self._queries["claim_syncs"], limit, lease_seconds)
        return [Account(**dict(row)) for row in rows]

    async def want_sync(self, tx: Transaction, tenant_id: UUID, account_id: str) -> None:
        """Ask Meta soon; some seconds gather the notices of a burst."""
        await tx.execute(self._queries["want_sync"], tenant_id, account_id, 2.0)

    async def lock(self, tx: Transaction, account: Account) -> None:
        """One writer of the account's copy at a time."""
        await tx.fetchval(self._queries["lock_sync"], account.tenant_id, account.account_id)

    async def record_sync(
        self, tx: Transaction, account: Account, pause_seconds: float, problem: str | None
    ) -> None:
        """The account was asked."""
        sql = self._queries["record_sync"]
        await tx.execute(sql, account.tenant_id, account.account_id, pause_seconds, problem)

    async def of_account(self, tx: Transaction, account: Account) -> dict[str, TemplateRow]:
        """Every template of the account, by id."""
        sql = self._queries["list_account_templates"]
        rows = await tx.fetch(sql, account.tenant_id, account.account_id)
        return {row["template_id"]: TemplateRow(**dict(row)) for row in rows}

    async def page(
        self, tx: Transaction, account: Account, status: str | None, after: Place | None, limit: int
    ) -> list[TemplateRow]:
        """Templates by name, from behind `after`."""
        sql = self._queries["list_templates"]
        name, language, template_id = after or (None, None, None)
        rows = await tx.fetch(
            sql, account.tenant_id, account.account_id, status, name, language, template_id, limit
        )
        return [TemplateRow(**dict(row)) for row in rows]

    async def find(self, tx: Transaction, account: Account, template_id: str) -> TemplateRow | None:
        """One template, locked."""
        sql = self._queries["find_template"]
        row = await tx.fetchrow(sql, account.tenant_id, account.account_id, template_id)
        return TemplateRow(**dict(row)) if row else None

    async def find_by_name(
        self, tx: Transaction, tenant_id: UUID, account_id: str, name: str, language: str
    ) -> TemplateRow | None:
        """One template by what a send names it by."""
        sql = self._queries["find_template_by_name"]
        row = await tx.fetchrow(sql, tenant_id, account_id, name, language)
        return TemplateRow(**dict(row)) if row else None

    async def keep(self, tx: Transaction, account: Account, rows: Sequence[TemplateRow]) -> None:
        """What Meta says now."""
        await tx.execute(
            self._queries["keep_templates"],
            account.tenant_id,
            account.account_id,
            [row.template_id for row in rows],
            [row.channel_id for row in rows],
            [row.name for row in rows],
            [row.language for row in rows],
            [row.category for row in rows],
            [row.status for row in rows],
            [row.quality for row in rows],
            [row.rejected_reason for row in rows],
            [row.components for row in rows],
            [" ".join(row.places) for row in rows],
            [row.synced_at for row in rows],
        )

    async def forget(self, tx: Transaction, account: Account, ids: Sequence[str]) -> None:
        """Meta has these no more."""
        sql = self._queries["forget_templates"]
        await tx.execute(sql, account.tenant_id, account.account_id, list(ids))

    async def counts(self, tx: Transaction, tenant_id: UUID, account_id: str) -> dict[str, int]:
        """How many are in each state."""
        rows = await tx.fetch(self._queries["count_template_states"], tenant_id, account_id)
        return {row["status"]: row["count"] for row in rows}
