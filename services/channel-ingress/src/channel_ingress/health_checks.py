"""The regular look at every channel: what its provider says of it, and whether it is too quiet."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from uuid import UUID

from channel_ingress.credentials import Credentials, CredentialsUnreadable
from channel_ingress.graph import GraphClient
from channel_ingress.health import (
    NEEDED_FIELDS,
    Looked,
    found,
    number_findings,
    page_findings,
    silence_finding,
    subscription_finding,
    token_looked,
    version_finding,
)
from channel_ingress.health_book import HealthBook
from channel_ingress.health_effect import HealthEffect
from channel_ingress.rhythm import learned
from channel_ingress.store import SendingChannel, Store
from channel_ingress.template_store import TemplateStore
from channel_ingress.templates import template_finding
from contracts.v1.channel_health import HealthFinding
from observe import get_logger
from postgres import Database, DatabaseAway, Transaction

LOOKS_AT_ONCE = 4
LEASE_SECONDS = 180.0
"""Longer than the calls of one look can take."""
TURN_SECONDS = 2.0
NUMBER_FIELDS = (
    "id,display_phone_number,verified_name,quality_rating,code_verification_status,"
    "name_status,status,throughput"
)

_log = get_logger("health")


class HealthChecks:
    """Looks at channels in turn; one process at a time looks at a channel."""

    def __init__(
        self,
        database: Database,
        store: Store,
        book: HealthBook,
        effect: HealthEffect,
        templates: TemplateStore,
        graph: GraphClient,
        credentials: Credentials,
        *,
        graph_version: str,
        first_look_seconds: float,
        look_seconds: float,
    ) -> None:
        self._database, self._store = database, store
        self._book, self._effect, self._templates = book, effect, templates
        self._graph, self._credentials = graph, credentials
        self._graph_version = graph_version
        self._first_look_seconds, self._look_seconds = first_look_seconds, look_seconds

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.note_heard()
                while await self._look_at_due():
                    pass
            except DatabaseAway as error:
                _log.warning("looks at channels wait for the database", reason=str(error))
            except Exception:  # noqa: BLE001 - logged, and tried again at the next turn
                _log.exception("looks at channels failed")
            await asyncio.sleep(TURN_SECONDS)

    async def note_heard(self) -> None:
        """Keep when channels last said something."""
        heard = self._effect.take_heard()
        if heard:
            try:
                async with self._database.system() as tx:
                    await self._book.health.note_events(tx, heard)
            except DatabaseAway:
                self._effect.heard_again(heard)
                raise

    async def look(self, channel: SendingChannel) -> None:
        """Ask the provider now, and keep what it says."""
        looked = await self._ask(channel)
        async with self._database.transaction(channel.tenant_id) as tx:
            await self._record(tx, channel, looked)
        tokens = [finding for finding in looked.findings if finding.check == "token"]
        if tokens and not any(_is_bad_token(finding) for finding in tokens):
            # Sends lock a park before the health of its channel: so does this, on its own.
            async with self._database.transaction(channel.tenant_id) as tx:
                await self._book.token_works(tx, channel)

    async def _look_at_due(self) -> bool:
        async with self._database.system() as tx:
            await self._book.health.meet_channels(tx, self._first_look_seconds)
            due = await self._book.health.claim_looks(tx, LOOKS_AT_ONCE, LEASE_SECONDS)
        await asyncio.gather(*(self._look_safely(*one) for one in due))
        return len(due) == LOOKS_AT_ONCE

    async def _look_safely(self, channel_id: UUID, tenant_id: UUID) -> None:
        """One channel's failure must not stop the others; its lease ends and it is due again."""
        try:
            async with self._database.transaction(tenant_id) as tx:
                channel = await self._store.find_channel(tx, channel_id)
            if channel is not None:
                await self.look(channel)
        except DatabaseAway as error:
            _log.warning("a look waits for the database", reason=str(error))
        except Exception:  # noqa: BLE001 - logged, and tried again when the lease is over
            _log.exception("a look at a channel failed", channel_id=str(channel_id))

    async def _ask(self, channel: SendingChannel) -> Looked:
        at = datetime.now(UTC)
        if channel.state != "active":
            return Looked((found("channel", "yellow", "disabled", "The channel is disabled.", at),))
        active = found("channel", "green", "ok", "The channel is active.", at)
        if channel.channel_type == "webchat":
            return Looked((active,))
        version = version_finding(self._graph_version, at)
        try:
            token = self._credentials.access_token(channel)
        except CredentialsUnreadable as error:
            missing = found("token", "red", "token_missing", f"No token: {error}.", at)
            return Looked((active, version, missing))
        debug, about = await asyncio.gather(
            self._graph.get("debug_token", token, {"input_token": token}),
            self._ask_platform(channel, token, at),
        )
        about_token, expires_at = token_looked(debug, at)
        findings = [active, version, *about]
        # What the token's own description says is more exact than that a call went through.
        if about_token is not None and not any(_is_bad_token(finding) for finding in findings):
            findings.append(about_token)
        return Looked(tuple(findings), expires_at)

    async def _ask_platform(
        self, channel: SendingChannel, token: str, at: datetime
    ) -> list[HealthFinding]:
        choices = channel.choices
        app_id = choices.app_id if choices else None
        if channel.channel_type == "whatsapp":
            params = {"fields": NUMBER_FIELDS}
            about = number_findings(await self._graph.get(channel.external_id, token, params), at)
            account, needed = (choices.business_account_id if choices else None), None
        else:
            platform = (choices.platform if choices else None) or "facebook"
            fields = "id,name" if platform == "facebook" else "id,username"
            about = page_findings(
                await self._graph.get(channel.external_id, token, {"fields": fields}), at
            )
            account, needed = channel.external_id, NEEDED_FIELDS["messenger"]
        if any(_is_bad_token(finding) for finding in about):
            return about
        if account is None:
            detail = "The channel has no business_account_id, so its subscription is not known."
            subscription = found(
                "webhook_subscription", "unknown", "no_business_account", detail, at
            )
        else:
            answer = await self._graph.get(f"{account}/subscribed_apps", token)
            subscription = subscription_finding(answer, app_id, needed, at)
        return [*about, subscription]

    async def _record(self, tx: Transaction, channel: SendingChannel, looked: Looked) -> None:
        at = datetime.now(UTC)
        row = await self._book.health.lock(tx, channel)
        rhythm = learned(row.rhythm, row.watched_until, row.heard_hours, at)
        findings = list(looked.findings)
        if channel.state == "active" and channel.channel_type != "webchat":
            choices = channel.choices
            alarm_hours = choices.silence_alarm_hours if choices else None
            findings.append(silence_finding(rhythm, row.last_event_at, alarm_hours, at))
            findings += await self._about_templates(tx, channel, at)
        await self._book.note(tx, channel, findings)
        pause_seconds = self._look_seconds * random.uniform(0.8, 1.2)  # noqa: S311 - spreads looks
        await self._book.health.record_look(
            tx, channel.channel_id, pause_seconds, looked.token_expires_at, rhythm
        )

    async def _about_templates(
        self, tx: Transaction, channel: SendingChannel, at: datetime
    ) -> list[HealthFinding]:
        """From our copy, which has its own look."""
        choices = channel.choices
        account_id = choices.business_account_id if choices else None
        if choices is None or account_id is None or channel.channel_type != "whatsapp":
            return []
        counts = await self._templates.counts(tx, channel.tenant_id, account_id)
        wanted, row = choices.reengagement_template, None
        if wanted is not None:
            row = await self._templates.find_by_name(
                tx, channel.tenant_id, account_id, wanted.name, wanted.language
            )
        return [template_finding(counts, wanted, row, at)]


def _is_bad_token(finding: HealthFinding) -> bool:
    return finding.check == "token" and finding.level == "red"
