"""Keeps findings, and says it when a channel became better or worse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from channel_ingress.domain import Refused
from channel_ingress.health import NOTICE_LIFE, found, refusal, worst, worst_first
from channel_ingress.health_store import HealthRow, HealthStore
from channel_ingress.metrics import HEALTH_CHANGES
from channel_ingress.parking import Park
from channel_ingress.store import Channel, SendingChannel, Store
from contracts.v1.channel_health import (
    ChannelHealth,
    ChannelHealthChanged,
    HealthFinding,
    HealthLevel,
)
from observe import get_logger
from outbox import Outbox
from postgres import Transaction

TOKEN_PARKS = frozenset({"token_invalid", "token_missing"})
"""Parks that a token which works again has outlived."""

_log = get_logger("health")


class ParkedSends(Protocol):
    """What health needs to know of parked channels."""

    async def state(self, tx: Transaction, channel_id: UUID) -> Park | None:
        """Why its sends wait, if they do."""
        ...

    async def parked_sends(self, tx: Transaction, channel_id: UUID) -> int:
        """How many messages wait for it."""
        ...

    async def unpark(self, tx: Transaction, channel_id: UUID) -> bool:
        """Set it free."""
        ...


class HealthBook:
    """One place where every finding arrives: from calls, notices and looks."""

    def __init__(
        self, outbox: Outbox, store: Store, health: HealthStore, parking: ParkedSends
    ) -> None:
        self._outbox, self._store = outbox, store
        self.health, self.parking = health, parking

    async def note(
        self, tx: Transaction, channel: Channel, findings: Sequence[HealthFinding]
    ) -> HealthRow:
        """Keep findings; a changed level is said. Answers the channel's locked row."""
        row = await self.health.lock(tx, channel)
        known = {
            finding.check: finding for finding in await self.health.findings(tx, row.channel_id)
        }
        # That Meta could not be asked says nothing that is newer than what is known.
        news = [
            finding
            for finding in findings
            if finding.code != "unreachable" or finding.check not in known
        ]
        await self.health.keep_findings(tx, channel, news)
        await self.health.forget_notices(tx, row.channel_id, datetime.now(UTC) - NOTICE_LIFE)
        after = await self.health.findings(tx, row.channel_id)
        level = worst(after)
        if level != row.level:
            await self.health.set_level(tx, row.channel_id, level)
            await self._say(tx, row, level, _reason(known, after, row.level))
        return row

    async def token_refused(
        self, tx: Transaction, channel: SendingChannel, provider_code: int | None, detail: str
    ) -> None:
        """A call met a dead token, or a missing right."""
        at = datetime.now(UTC)
        code = provider_code if provider_code is not None else 190
        await self.note(tx, channel, [refusal("token", Refused(401, code, detail), at)])

    async def park_changed(
        self, tx: Transaction, tenant_id: UUID, channel_id: UUID, park: Park | None
    ) -> None:
        """Sends wait for somebody to act (red), for a moment to pass (yellow), or go out again."""
        channel = await self._store.find_channel(tx, channel_id)
        if channel is None or channel.tenant_id != tenant_id:
            return
        at = datetime.now(UTC)
        if park is None:
            await self.note(tx, channel, [found("sends", "green", "ok", "Messages go out.", at)])
            return
        level: HealthLevel = "red" if park.until is None else "yellow"
        detail = f"Messages wait: {park.detail}"
        findings = [found("sends", level, park.code[:64], detail, at, park.provider_code)]
        if park.code in TOKEN_PARKS:
            findings.append(
                found("token", "red", "token_invalid", park.detail, at, park.provider_code)
            )
        await self.note(tx, channel, findings)

    async def token_works(self, tx: Transaction, channel: Channel) -> None:
        """Meta takes the token: sends go out and files come in that waited for that."""
        await self.health.end_token_rests(tx, channel.channel_id)
        park = await self.parking.state(tx, channel.channel_id)
        if park is not None and park.code in TOKEN_PARKS:
            await self.parking.unpark(tx, channel.channel_id)

    async def of_channel(self, tx: Transaction, channel: Channel) -> ChannelHealth:
        """All that is known of a channel."""
        row = await self.health.find(tx, channel.channel_id)
        findings = worst_first(await self.health.findings(tx, channel.channel_id))
        return ChannelHealth.model_validate(
            {
                "channel_id": channel.channel_id,
                "channel_type": channel.channel_type,
                "level": worst(findings),
                "findings": findings,
                "last_event_at": row.last_event_at if row else None,
                "token_expires_at": row.token_expires_at if row else None,
                "parked_sends": await self.parking.parked_sends(tx, channel.channel_id),
            }
        )

    async def _say(
        self, tx: Transaction, row: HealthRow, level: HealthLevel, finding: HealthFinding
    ) -> None:
        HEALTH_CHANGES.labels(row.channel_type, level).inc()
        _log.info("a channel's health changed", channel_id=str(row.channel_id), level=level)
        await self._outbox.say(
            tx,
            ChannelHealthChanged.make(
                tenant_id=row.tenant_id,
                channel_id=row.channel_id,
                channel_type=row.channel_type,
                level=level,
                previous_level=row.level,
                finding=finding,
                parked_sends=await self.parking.parked_sends(tx, row.channel_id),
            ),
        )


def _reason(
    before: dict[str, HealthFinding], after: Sequence[HealthFinding], previous: HealthLevel
) -> HealthFinding:
    """What made the difference: the worst of what is bad now, else what is not bad any more."""
    first = worst_first(after)[0]
    if first.level != "green":
        return first
    healed = (now for now in after if now.check in before and before[now.check].level == previous)
    return next(healed, first)
