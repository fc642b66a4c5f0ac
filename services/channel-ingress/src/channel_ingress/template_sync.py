"""Keeps our copy of templates: the regular look, webhooks, and what was just changed by us."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from channel_ingress.credentials import Credentials, CredentialsUnreadable
from channel_ingress.domain import NotSent, Refused, Unanswered
from channel_ingress.effects import NewItem
from channel_ingress.graph import Answered, GraphClient
from channel_ingress.items import Update
from channel_ingress.metrics import TEMPLATE_SYNCS
from channel_ingress.reading import MALFORMED
from channel_ingress.store import SendingChannel, Store
from channel_ingress.template_store import Account, TemplateRow, TemplateStore
from channel_ingress.templates import read_template, same, with_notice
from contracts.message import Message
from contracts.v1.channels import ChannelWebhookReceived
from contracts.v1.templates import TemplateChanged
from observe import get_logger
from outbox import Outbox
from postgres import Database, DatabaseAway, Transaction

FIELDS = "id,name,language,category,status,quality_score,rejected_reason,components"
PAGE_SIZE = 100
PAGES_MAX = 100
TURN_SECONDS = 2.0
SYNCS_AT_ONCE = 2
LEASE_SECONDS = 600.0
AGAIN_SECONDS = 300.0
"""Pause after a look that failed."""

_log = get_logger("templates")


class SyncFailed(Exception):
    """Meta did not give its templates; `answer` is what it gave instead."""

    def __init__(self, answer: Refused | NotSent | Unanswered) -> None:
        self.answer = answer
        words = answer.message if isinstance(answer, Refused) else answer.reason
        super().__init__(words)


@dataclass(frozen=True, slots=True)
class Synced:
    """What a look changed."""

    found: int
    changed: int
    removed: int


class TemplateSync:
    """One look at a time at each account, whichever process makes it."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        store: Store,
        templates: TemplateStore,
        graph: GraphClient,
        credentials: Credentials,
        *,
        first_sync_seconds: float,
        sync_seconds: float,
    ) -> None:
        self._database, self._outbox, self._store = database, outbox, store
        self.templates = templates
        self._graph, self._credentials = graph, credentials
        self._first_sync_seconds, self._sync_seconds = first_sync_seconds, sync_seconds

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            try:
                while await self._sync_due():
                    pass
            except DatabaseAway as error:
                _log.warning("templates wait for the database", reason=str(error))
            except Exception:  # noqa: BLE001 - logged, and tried again at the next turn
                _log.exception("asking for templates failed")
            await asyncio.sleep(TURN_SECONDS)

    async def sync(self, channel: SendingChannel, account: Account) -> Synced:
        """Ask Meta for all and keep them; SyncFailed with its words, CredentialsUnreadable."""
        asked_at = datetime.now(UTC)
        token = self._credentials.access_token(channel)
        rows = await self._all_of(account, token, asked_at)
        async with self._database.transaction(account.tenant_id) as tx:
            await self.templates.lock(tx, account)
            synced = await self._keep_all(tx, account, rows, asked_at)
            pause_seconds = self._sync_seconds * random.uniform(0.8, 1.2)  # noqa: S311 - a spread
            await self.templates.record_sync(tx, account, pause_seconds, None)
        TEMPLATE_SYNCS.labels("synced").inc()
        return synced

    async def changed(self, tx: Transaction, account: Account, rows: Sequence[TemplateRow]) -> None:
        """Keep these, and say them."""
        await self.templates.keep(tx, account, rows)
        await self._outbox.say(tx, *(_said(account, row, removed=False) for row in rows))

    async def removed(self, tx: Transaction, account: Account, rows: Sequence[TemplateRow]) -> None:
        """Forget these, and say so."""
        await self.templates.forget(tx, account, [row.template_id for row in rows])
        await self._outbox.say(tx, *(_said(account, row, removed=True) for row in rows))

    async def _keep_all(
        self, tx: Transaction, account: Account, rows: list[TemplateRow], asked_at: datetime
    ) -> Synced:
        known = await self.templates.of_account(tx, account)
        # What a notice or one of our own changes said after we asked is newer than the answer.
        newer = {key for key, row in known.items() if row.synced_at > asked_at}
        current = [row for row in rows if row.template_id not in newer]
        news = [
            row
            for row in current
            if row.template_id not in known or not same(known[row.template_id], row)
        ]
        await self.templates.keep(tx, account, current)
        await self._outbox.say(tx, *(_said(account, row, removed=False) for row in news))
        listed = {row.template_id for row in rows}
        gone = [row for key, row in known.items() if key not in listed and key not in newer]
        if gone:
            await self.removed(tx, account, gone)
        return Synced(len(rows), len(news), len(gone))

    async def _all_of(self, account: Account, token: str, asked_at: datetime) -> list[TemplateRow]:
        rows: dict[str, TemplateRow] = {}
        params = {"fields": FIELDS, "limit": str(PAGE_SIZE)}
        for _ in range(PAGES_MAX):
            path = f"{account.account_id}/message_templates"
            answer = await self._graph.get(path, token, params)
            if not isinstance(answer, Answered):
                raise SyncFailed(answer)
            for source in answer.body.get("data") or []:
                row = _read(source, account, asked_at)
                if row is not None:
                    rows[row.template_id] = row
            after = next_page(answer.body)
            if after is None:
                return list(rows.values())
            params["after"] = after
        raise SyncFailed(Unanswered(f"more than {PAGES_MAX} pages of templates"))

    async def _sync_due(self) -> bool:
        async with self._database.system() as tx:
            await self.templates.meet_accounts(tx, self._first_sync_seconds)
            due = await self.templates.claim_syncs(tx, SYNCS_AT_ONCE, LEASE_SECONDS)
        await asyncio.gather(*(self._sync_safely(account) for account in due))
        return len(due) == SYNCS_AT_ONCE

    async def _sync_safely(self, account: Account) -> None:
        """One account's failure must not stop the others."""
        try:
            async with self._database.transaction(account.tenant_id) as tx:
                channel = await self._store.find_channel(tx, account.channel_id)
            if channel is None:
                return
            try:
                await self.sync(channel, account)
            except (SyncFailed, CredentialsUnreadable) as error:
                TEMPLATE_SYNCS.labels("failed").inc()
                _log.warning("templates could not be asked for", reason=str(error)[:300])
                async with self._database.transaction(account.tenant_id) as tx:
                    problem = str(error)[:500]
                    await self.templates.record_sync(tx, account, AGAIN_SECONDS, problem)
        except DatabaseAway as error:
            _log.warning("templates wait for the database", reason=str(error))
        except Exception:  # noqa: BLE001 - logged, and tried again when the lease is over
            _log.exception("asking for templates failed", account_id=account.account_id)


class TemplateEffect:
    """Webhooks about templates: applied at once, and followed by a look."""

    def __init__(self, sync: TemplateSync) -> None:
        self._sync = sync

    async def apply(
        self, tx: Transaction, cause: ChannelWebhookReceived, items: Sequence[NewItem]
    ) -> Sequence[Message]:
        """Apply it to our copy; what is said goes with the copy."""
        for item, channel in items:
            if not isinstance(item.payload, Update) or item.payload.kind != "template":
                continue
            account_id = _account_of(channel, item.account)
            if account_id:
                account = Account(channel.tenant_id, account_id, channel.channel_id)
                await self._apply(tx, account, item.raw, cause.occurred_at)
        return []

    async def _apply(self, tx: Transaction, account: Account, raw: str, at: datetime) -> None:
        await self._sync.templates.want_sync(tx, account.tenant_id, account.account_id)
        try:
            change: Any = orjson.loads(raw)
            field, value = str(change["field"]), change["value"]
            template_id = str(value["message_template_id"])
        except MALFORMED:
            return
        await self._sync.templates.lock(tx, account)
        known = await self._sync.templates.find(tx, account, template_id)
        if known is None or known.synced_at > at:
            return
        row = with_notice(known, field, value, at)
        if not same(row, known):
            await self._sync.changed(tx, account, [row])


def next_page(body: dict[str, Any]) -> str | None:
    """The cursor behind this page, if there is another page."""
    paging = body.get("paging")
    cursors = paging.get("cursors") if isinstance(paging, dict) else None
    after = cursors.get("after") if isinstance(cursors, dict) else None
    has_next = isinstance(paging, dict) and paging.get("next") is not None
    return after if has_next and isinstance(after, str) and after else None


def _read(source: Any, account: Account, asked_at: datetime) -> TemplateRow | None:
    try:
        return read_template(source, account.channel_id, asked_at)
    except MALFORMED as error:
        _log.warning("a template could not be read", reason=f"{type(error).__name__}: {error}")
        return None


def _account_of(channel: object, named: str) -> str | None:
    if named:
        return named
    choices = channel.choices if isinstance(channel, SendingChannel) else None
    return choices.business_account_id if choices else None


def _said(account: Account, row: TemplateRow, *, removed: bool) -> TemplateChanged:
    return TemplateChanged.make(tenant_id=account.tenant_id, template=row.told(), removed=removed)
