"""Two contacts become one with a reason, and two again exactly as they were."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

from channel_ingress.contact_store import QUERIES, ContactStore
from channel_ingress.identity import ChannelContact
from contracts.v1.contacts import ContactMerge
from postgres import Queries, Transaction

SYSTEM = "system"


class AlreadyUndone(Exception):
    """The merge was undone before."""


@dataclass(frozen=True, slots=True)
class JoinedRows:
    """Two rows of one channel of which the older took the younger's ids, as they were before."""

    channel_id: str
    older: str
    younger: str
    older_ids: tuple[str | None, str | None, bool]
    """Phone, user id, whether they were paired."""
    younger_ids: tuple[str | None, str | None, bool]
    joined_ids: tuple[str | None, str | None, bool]


@dataclass(frozen=True, slots=True)
class Moved:
    """What a merge moved."""

    identities: list[str] = field(default_factory=list)
    rows: list[tuple[str, str]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    """Identities that ended with it."""
    joined: JoinedRows | None = None


class ContactMerging:
    """Merges and undoes; the caller holds the locks of both contacts."""

    def __init__(self, store: ContactStore) -> None:
        self._store = store
        self._queries = Queries("channel_ingress", QUERIES)

    async def merge(
        self,
        tx: Transaction,
        tenant_id: UUID,
        kept: UUID,
        merged: UUID,
        *,
        evidence: str,
        merged_by: str = SYSTEM,
        joined: JoinedRows | None = None,
        closed: list[UUID] | None = None,
    ) -> ContactMerge:
        """Everything of one contact becomes the other's."""
        identities = await tx.fetch(self._queries["move_identities"], merged, kept)
        rows = await tx.fetch(self._queries["move_rows"], merged, kept)
        await tx.execute(self._queries["set_merged_into"], merged, kept)
        moved = Moved(
            [str(row["identity_id"]) for row in identities],
            [(str(row["channel_id"]), row["external_id"]) for row in rows],
            [str(identity_id) for identity_id in closed or []],
            joined,
        )
        merge_id = uuid4()
        merged_at: datetime = await tx.fetchval(
            self._queries["keep_merge"],
            merge_id,
            tenant_id,
            kept,
            merged,
            evidence,
            merged_by,
            json.dumps(asdict(moved)),
        )
        return ContactMerge(
            merge_id=merge_id,
            kept_contact_id=kept,
            merged_contact_id=merged,
            evidence=evidence,
            merged_by=merged_by,
            merged_at=merged_at,
            undone_at=None,
        )

    async def join_rows(
        self,
        tx: Transaction,
        older: ChannelContact,
        younger: ChannelContact,
        joined_ids: tuple[str | None, str | None, bool],
    ) -> tuple[ChannelContact, JoinedRows]:
        """The older key takes the younger one's place on their channel; both rows are kept."""
        gone = replace(
            younger, phone=None, user_id=None, is_paired=False, moved_to=older.external_id
        )
        await self._store.update_row(tx, gone)
        phone, user_id, is_paired = joined_ids
        now = replace(older, phone=phone, user_id=user_id, is_paired=is_paired)
        await self._store.update_row(tx, now)
        record = JoinedRows(
            str(older.channel_id),
            older.external_id,
            younger.external_id,
            _reach(older),
            _reach(younger),
            joined_ids,
        )
        return now, record

    async def find(
        self, tx: Transaction, tenant_id: UUID, merge_id: UUID
    ) -> tuple[ContactMerge, Moved] | None:
        """One merge of a tenant, locked, with what it moved."""
        row = await tx.fetchrow(self._queries["lock_merge"], tenant_id, merge_id)
        if row is None:
            return None
        fields = dict(row)
        moved = _moved(fields.pop("moved"))
        return ContactMerge(**fields), moved

    async def root(self, tx: Transaction, tenant_id: UUID, contact_id: UUID) -> UUID:
        """What a contact is part of by now; itself, where it is not."""
        found: UUID | None = await tx.fetchval(self._queries["root_of"], tenant_id, contact_id)
        return found or contact_id

    async def undo(
        self, tx: Transaction, tenant_id: UUID, merge: ContactMerge, moved: Moved
    ) -> ContactMerge:
        """Everything that moved goes back; what came since stays where it is."""
        if merge.undone_at is not None:
            raise AlreadyUndone
        merged = merge.merged_contact_id
        root = await self.root(tx, tenant_id, merge.kept_contact_id)
        identities = [UUID(identity) for identity in moved.identities]
        await tx.execute(self._queries["return_identities"], identities, merged, root)
        closed = [UUID(identity) for identity in moved.closed]
        await tx.execute(self._queries["reopen_identities"], closed)
        channel_ids = [UUID(channel_id) for channel_id, _ in moved.rows]
        keys = [key for _, key in moved.rows]
        await tx.execute(self._queries["return_rows"], channel_ids, keys, merged, root)
        if moved.joined is not None:
            await self._part_rows(tx, moved.joined)
        await tx.execute(self._queries["set_merged_into"], merged, None)
        undone_at = await tx.fetchval(self._queries["mark_undone"], merge.merge_id)
        return merge.model_copy(update={"undone_at": undone_at})

    async def _part_rows(self, tx: Transaction, joined: JoinedRows) -> None:
        """Each key gets its own ids back, unless they have changed hands since."""
        channel_id = UUID(joined.channel_id)
        older = await self._store.find_row(tx, channel_id, joined.older)
        younger = await self._store.find_row(tx, channel_id, joined.younger)
        if older is None or younger is None or younger.moved_to != joined.older:
            return
        back = [one for ids in (joined.older_ids, joined.younger_ids) for one in ids[:2] if one]
        keys = [joined.older, joined.younger]
        is_held = await tx.fetchval(self._queries["are_held"], channel_id, keys, back)
        if _reach(older) == joined.joined_ids and not is_held:
            older, younger = _with(older, joined.older_ids), _with(younger, joined.younger_ids)
        await self._store.update_row(tx, older)
        await self._store.update_row(tx, replace(younger, moved_to=None))


def _reach(row: ChannelContact) -> tuple[str | None, str | None, bool]:
    return row.phone, row.user_id, row.is_paired


def _with(row: ChannelContact, ids: tuple[str | None, str | None, bool]) -> ChannelContact:
    phone, user_id, is_paired = ids
    return replace(row, phone=phone, user_id=user_id, is_paired=is_paired)


def _moved(text: str) -> Moved:
    read = json.loads(text)
    joined = read["joined"]
    if joined is not None:
        for name in ("older_ids", "younger_ids", "joined_ids"):
            joined[name] = tuple(joined[name])
    return Moved(
        read["identities"],
        [(channel_id, key) for channel_id, key in read["rows"]],
        read["closed"],
        JoinedRows(**joined) if joined else None,
    )
