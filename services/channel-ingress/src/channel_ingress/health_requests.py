"""Answers what gateway asks about channels' health."""

from __future__ import annotations

from bus import Bus, Refused
from channel_ingress.health_book import HealthBook
from channel_ingress.health_checks import HealthChecks
from channel_ingress.store import SendingChannel, Store
from contracts.v1.channel_health import ChannelHealthFound, CheckChannel, GetChannelHealth
from postgres import Database


class HealthRequests:
    """What is known, and a look on demand."""

    def __init__(
        self, database: Database, store: Store, book: HealthBook, checks: HealthChecks
    ) -> None:
        self._database, self._store, self._book, self._checks = database, store, book, checks

    def register(self, bus: Bus) -> None:
        """Answer on the bus."""
        bus.answer(GetChannelHealth, self.get)
        bus.answer(CheckChannel, self.check)

    async def get(self, request: GetChannelHealth) -> ChannelHealthFound:
        """What is known."""
        return await self._found(await self._channel(request))

    async def check(self, request: CheckChannel) -> ChannelHealthFound:
        """Ask the provider, then what is known."""
        channel = await self._channel(request)
        await self._checks.look(channel)
        return await self._found(channel)

    async def _channel(self, request: GetChannelHealth | CheckChannel) -> SendingChannel:
        async with self._database.transaction(request.tenant_id) as tx:
            channel = await self._store.find_channel(tx, request.channel_id)
        if channel is None or channel.state == "removed" or channel.tenant_id != request.tenant_id:
            raise Refused("not_found", "The tenant has no such channel.")
        return channel

    async def _found(self, channel: SendingChannel) -> ChannelHealthFound:
        async with self._database.transaction(channel.tenant_id) as tx:
            return ChannelHealthFound(health=await self._book.of_channel(tx, channel))
