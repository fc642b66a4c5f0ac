"""Webhook bodies in: every item kept once, and said once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal
from uuid import UUID

from channel_ingress.adapters import NORMALISERS
from channel_ingress.contact_book import ContactBook, Known, person_of
from channel_ingress.domain import NO_CHANNEL, parse_reference
from channel_ingress.effects import Effect, NewItem
from channel_ingress.items import (
    CustomerMessage,
    IdentityChange,
    Item,
    Person,
    Prices,
    ReadUpTo,
    Status,
    Unreadable,
    UnreadableBody,
    Update,
    Watermark,
)
from channel_ingress.known_channels import KnownChannels
from channel_ingress.metrics import DUPLICATES, ITEMS, UNREAD_BODIES
from channel_ingress.placing import placed
from channel_ingress.read_marks import ReadMarks
from channel_ingress.reading import MALFORMED, digest_key, read_body
from channel_ingress.said import item_event
from channel_ingress.status_join import StatusJoin
from channel_ingress.status_store import StatusRow, StatusStore
from channel_ingress.store import Channel, ItemRow, Store
from channel_ingress.windows import HeardItem, Windows
from contracts.message import Message
from contracts.v1.channels import ChannelWebhookReceived
from contracts.v1.shapes import Price
from observe import get_logger
from outbox import Outbox, RetryLater
from postgres import Transaction

Routed = tuple[Item, Channel | None]

_log = get_logger("intake")


class Intake:
    """Reads bodies in the transaction in which they are heard."""

    def __init__(
        self,
        outbox: Outbox,
        store: Store,
        channels: KnownChannels,
        statuses: StatusStore,
        joins: StatusJoin,
        contacts: ContactBook,
        windows: Windows,
        effects: Sequence[Effect],
        large_body_kept: Callable[[], None],
    ) -> None:
        self._outbox, self._store, self._channels = outbox, store, channels
        self._statuses, self._joins = statuses, joins
        self._contacts, self._windows, self._effects = contacts, windows, effects
        self._read_marks = ReadMarks(outbox, contacts)
        self._large_body_kept = large_body_kept

    async def receive(self, event: ChannelWebhookReceived, tx: Transaction) -> None:
        """Hear a body; one that is in blobs is kept to be fetched outside of this transaction."""
        if event.body is None:
            await self._keep(tx, event, "in_blob")
            tx.after_commit.append(self._large_body_kept)
            return
        await self.read(event, event.body, tx)

    async def read(self, event: ChannelWebhookReceived, raw: str | bytes, tx: Transaction) -> None:
        """Keep and say every item of a body."""
        try:
            body = read_body(raw)
            items = list(NORMALISERS[event.channel_type].normalise(body, event.occurred_at))
        except (UnreadableBody, *MALFORMED) as error:
            UNREAD_BODIES.labels(event.channel_type).inc()
            _log.warning("a body could not be read", delivery_id=str(event.delivery_id))
            await self._keep(
                tx, event, "unparsed", problem=f"{type(error).__name__}: {error}"[:500]
            )
            return
        routed = await self._route(event, items, tx)
        await self._keep_items(event, routed, tx)
        await self._keep_statuses(routed, tx)
        marks = [
            (item.payload, channel)
            for item, channel in routed
            if channel is not None and isinstance(item.payload, ReadUpTo)
        ]
        if marks:
            await self._read_marks.settle(tx, marks)
        if event.channel_id is None:
            for address in {item.address for item, channel in routed if channel is None}:
                await self._keep(tx, event, "unrouted", address=address)

    async def _route(
        self, event: ChannelWebhookReceived, items: list[Item], tx: Transaction
    ) -> list[Routed]:
        """Each item with its channel: the named one, else by its own address or account.

        An account's notice is for every channel that stands on the account.
        """
        if event.channel_id is not None:
            named = await self._channels.of_tenant(tx, event.channel_id, event.tenant_id)
            if named is None:
                raise RetryLater(f"channel {event.channel_id} has not been heard of yet")
            own = ("", named.external_id) if named.state == "active" else ()
            return [_placed(item, named if item.address in own else None) for item in items]
        addresses = sorted({item.address for item in items if item.address})
        by_address = await self._channels.at_addresses(tx, event.channel_type, addresses)
        accounts = sorted({item.account for item in items if item.account and not item.address})
        by_account = await self._channels.of_accounts(tx, event.channel_type, accounts)
        routed: list[Routed] = []
        for item in items:
            if item.address or item.account not in by_account:
                routed.append(_placed(item, by_address.get(item.address)))
            else:
                routed += [_placed(item, channel) for channel in by_account[item.account]]
        return routed

    async def _keep_items(
        self, event: ChannelWebhookReceived, routed: list[Routed], tx: Transaction
    ) -> None:
        rows: dict[tuple[UUID, str], ItemRow] = {}
        sources: dict[tuple[UUID, str], Routed] = {}
        for item, channel in routed:
            if isinstance(item.payload, Status | ReadUpTo) and channel is not None:
                continue
            row = _item_row(event.tenant_id, item, channel)
            rows.setdefault((row.channel_id, row.provider_key), row)
            sources.setdefault((row.channel_id, row.provider_key), (item, channel))
        if not rows:
            return
        new, differing = await self._store.keep_items(
            tx, event.delivery_id, event.channel_type, list(rows.values())
        )
        _count(event.channel_type, [rows[key] for key in new], len(rows) - len(new), differing)
        fresh = [
            (item, channel)
            for key, (item, channel) in sources.items()
            if key in new and channel is not None
        ]
        await self._say_items(event, fresh, tx)

    async def _say_items(
        self, event: ChannelWebhookReceived, fresh: list[NewItem], tx: Transaction
    ) -> None:
        changes = [
            (channel, payload)
            for item, channel in fresh
            if isinstance(payload := item.payload, IdentityChange)
        ]
        if changes:
            await self._contacts.follow(tx, changes)
        people = [
            (channel, person)
            for item, channel in fresh
            if (person := person_of(item.payload)) is not None
        ]
        known = iter(await self._contacts.resolve(tx, people))
        says: list[Message] = []
        heard: list[HeardItem] = []
        for item, channel in fresh:
            named: Known | None = next(known) if person_of(item.payload) is not None else None
            heard.append((item, channel, named))
            if not isinstance(item.payload, Watermark):
                says.append(item_event(event, channel, item, named))
        await self._windows.notice(tx, heard, event.occurred_at)
        for effect in self._effects:
            says += await effect.apply(tx, event, fresh)
        await self._outbox.say(tx, *says)

    async def _keep_statuses(self, routed: list[Routed], tx: Transaction) -> None:
        rows: dict[tuple[UUID, str, str], StatusRow] = {}
        for item, channel in routed:
            if channel is None:
                continue
            if isinstance(item.payload, Status):
                found = [_status_row(item.payload, channel)]
            elif isinstance(item.payload, Watermark):
                found = await self._below_watermark(item.payload, channel, tx)
            else:
                continue
            for row in found:
                rows.setdefault((row.channel_id, row.provider_message_id, row.status), row)
        if not rows:
            return
        await self._contacts.learn(tx, _recipients(routed))
        await self._statuses.keep(tx, list(rows.values()))
        await self._joins.settle(tx, sorted({row.provider_message_id for row in rows.values()}))

    async def _below_watermark(
        self, mark: Watermark, channel: Channel, tx: Transaction
    ) -> list[StatusRow]:
        reader = Person(mark.contact_external_id)
        (known,) = await self._contacts.resolve(tx, [(channel, reader)])
        parts = await self._statuses.parts_below_watermark(
            tx, known.conversation_id, channel.channel_id, mark.up_to, mark.status
        )
        return [
            StatusRow(
                channel.channel_id,
                message_id,
                mark.status,
                channel.tenant_id,
                send_id,
                part,
                mark.up_to,
                None,
                "",
            )
            for message_id, send_id, part in parts
        ]

    async def _keep(
        self,
        tx: Transaction,
        event: ChannelWebhookReceived,
        reason: Literal["in_blob", "unrouted", "unparsed"],
        *,
        address: str = "",
        problem: str | None = None,
    ) -> None:
        await self._store.keep_body(
            tx,
            delivery_id=event.delivery_id,
            reason=reason,
            address=address,
            tenant_id=event.tenant_id,
            channel_type=event.channel_type,
            event=event.model_dump_json(),
            problem=problem,
        )


def _placed(item: Item, channel: Channel | None) -> Routed:
    return (placed(item, channel), channel) if channel is not None else (item, None)


def _item_row(event_tenant: UUID, item: Item, channel: Channel | None) -> ItemRow:
    unrouted_key = digest_key(
        "unrouted", f"{event_tenant} {item.address} {item.account} {item.provider_key}"
    )
    problem = item.payload.problem if isinstance(item.payload, Unreadable) else None
    return ItemRow(
        channel_id=channel.channel_id if channel else NO_CHANNEL,
        provider_key=item.provider_key if channel else unrouted_key,
        tenant_id=channel.tenant_id if channel else event_tenant,
        address=item.address,
        kind=_kind_of(item),
        state="unparsed" if problem else "said" if channel else "unrouted",
        problem=problem,
        item=item.raw,
        flags=",".join(item.flags),
    )


def _recipients(routed: Sequence[Routed]) -> list[tuple[Channel, Person]]:
    return [
        (channel, item.payload.person)
        for item, channel in routed
        if channel is not None
        and isinstance(item.payload, Status)
        and item.payload.person is not None
    ]


def _status_row(status: Status, channel: Channel) -> StatusRow:
    send_id, part = parse_reference(status.reference) or (None, None)
    return StatusRow(
        channel.channel_id,
        status.provider_message_id,
        status.status,
        channel.tenant_id,
        send_id,
        part,
        status.at,
        status.provider_code,
        status.detail,
        _price_of(status.price),
    )


def _price_of(price: Prices | None) -> Price | None:
    if price is None:
        return None
    return Price(
        category=price.category[:512],
        pricing_model=price.pricing_model and price.pricing_model[:512],
        type=price.type and price.type[:512],
        billable=price.billable,
    )


def _kind_of(item: Item) -> str:
    payload = item.payload
    if isinstance(payload, CustomerMessage):
        return payload.content.kind
    return payload.kind if isinstance(payload, Update) else type(payload).__name__.lower()


def _count(channel_type: str, new: list[ItemRow], repeated: int, differing: int) -> None:
    for row in new:
        ITEMS.labels(channel_type, row.state).inc()
    if repeated:
        DUPLICATES.labels(channel_type, "same").inc(repeated - differing)
        DUPLICATES.labels(channel_type, "differing").inc(differing)
