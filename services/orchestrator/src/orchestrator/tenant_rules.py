"""Tenants' settings by revision, so that they are read and checked once and not every turn."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from contracts.v1.tenants import TenantSettings
from orchestrator.handoff import HandoffWords
from orchestrator.hours import OpeningTimes
from orchestrator.replies import keywords_of_languages, while_away
from postgres import Queries, Transaction

HISTORY_MESSAGES_MAX: Final = 100
"""The most that a tenant may choose."""


@dataclass(frozen=True, slots=True)
class TenantRules:
    """A tenant's settings, and what is prepared from them."""

    revision: int
    settings: TenantSettings
    handoff_words: HandoffWords
    opening: OpeningTimes
    away_settings: TenantSettings
    """The settings of a time when nobody is there."""

    def settings_at(self, moment: datetime) -> TenantSettings:
        """Return the settings as they are at a moment: what a handoff says depends on it."""
        return self.settings if self.opening.is_open(moment) else self.away_settings


class RuleBook:
    """Keeps the rules of tenants in memory; the caller says which revision it must be.

    Replicas share a queue, so only one of them hears a change: asking for the revision that the
    database has now is what keeps all of them current.
    """

    def __init__(self, queries: Queries, size_max: int = 1_000) -> None:
        self._queries = queries
        self._size_max = size_max
        self._known: dict[UUID, TenantRules] = {}

    async def of(self, tx: Transaction, tenant_id: UUID, revision: int) -> TenantRules:
        """Return the rules of at least this revision; LookupError for an unknown tenant."""
        known = self._known.get(tenant_id)
        if known is not None and known.revision >= revision:
            return known
        row = await tx.fetchrow(self._queries["find_settings"], tenant_id)
        if row is None:
            raise LookupError(f"tenant {tenant_id} is not known")
        settings = TenantSettings.model_validate_json(row["settings"], extra="ignore")
        keywords = [*settings.handoff_keywords, *keywords_of_languages(settings)]
        words = HandoffWords(keywords, settings.language)
        opening = OpeningTimes(settings.business_hours)
        rules = TenantRules(row["revision"], settings, words, opening, while_away(settings))
        if len(self._known) >= self._size_max:
            self._known.clear()
        self._known[tenant_id] = rules
        return rules

    async def current(self, tx: Transaction, tenant_id: UUID) -> TenantRules:
        """Return the rules as the database has them now; LookupError for an unknown tenant."""
        revision = await tx.fetchval(self._queries["find_revision"], tenant_id)
        return await self.of(tx, tenant_id, revision or 0)

    async def changed_here(self, tx: Transaction, tenant_id: UUID) -> None:
        """Tell every replica that tools, curated answers or experiments of a tenant changed."""
        await tx.execute(self._queries["raise_own_revision"], tenant_id)

    async def own_revision(self, tx: Transaction, tenant_id: UUID) -> int:
        """Return the number that `changed_here` raises."""
        return int(await tx.fetchval(self._queries["find_own_revision"], tenant_id) or 0)

    def history_messages_max(self, tenant_id: UUID) -> int:
        """Return how much history a turn may show, as far as it is known; else the most."""
        known = self._known.get(tenant_id)
        return HISTORY_MESSAGES_MAX if known is None else known.settings.history_messages_max
