"""Meta apps of tenants' own: the secrets of the channel that a webhook address names."""

import time
from typing import Final
from uuid import UUID

import orjson

from gateway.domain import Channel, credential_context
from gateway.store import ChannelStore
from gateway.webhooks import MetaApp
from postgres import Database
from sealing import KeyRing, SealingError

_KEEP_SECONDS: Final = 5.0
_KEPT_MAX: Final = 1024


class TenantApps:
    """Looks up and unseals; keeps the answer for some seconds, a missing one too."""

    def __init__(self, database: Database, channels: ChannelStore, ring: KeyRing) -> None:
        self._database = database
        self._channels = channels
        self._ring = ring
        self._kept: dict[UUID, tuple[float, MetaApp | None]] = {}

    async def find(self, channel_id: UUID) -> MetaApp | None:
        """The app behind `/webhooks/{channel_id}`; None when no active Meta channel has this id."""
        kept = self._kept.get(channel_id)
        if kept is not None and time.monotonic() < kept[0]:
            return kept[1]
        async with self._database.system() as tx:
            channel = await self._channels.of_any_tenant(tx, channel_id)
        app = self._app(channel) if channel and channel.channel_type != "webchat" else None
        if len(self._kept) >= _KEPT_MAX:
            self._kept.clear()
        self._kept[channel_id] = (time.monotonic() + _KEEP_SECONDS, app)
        return app

    def forget(self, channel_id: UUID) -> None:
        """The channel has just changed."""
        self._kept.pop(channel_id, None)

    def _app(self, channel: Channel) -> MetaApp:
        credentials = unsealed(self._ring, channel)
        return MetaApp(
            channel_type=channel.channel_type,
            app_secret=credentials.get("app_secret", "").encode(),
            verify_token=credentials.get("verify_token", ""),
            tenant_id=channel.tenant_id,
            channel_id=channel.channel_id,
        )


def unsealed(ring: KeyRing, channel: Channel) -> dict[str, str]:
    """The channel's credentials in the clear; empty when there are none or no key opens them."""
    if channel.sealed_credentials is None:
        return {}
    place = credential_context(channel.tenant_id, channel.channel_id)
    try:
        credentials: dict[str, str] = orjson.loads(ring.unseal(channel.sealed_credentials, place))
    except SealingError:
        return {}
    return credentials
