"""Keeps documents: new, replaced, changed or as they are, many in one transaction.

Files, texts, pairs of questions and answers and web pages all go this way.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from gateway.quotas import Quota
from gateway.store import TenantStore
from gateway.upload_store import UploadStore
from gateway.uploads import (
    TOLD_BY_BYTES,
    Change,
    Content,
    Upload,
    Wanted,
    both,
    created,
    with_content,
    with_properties,
)
from outbox import Outbox
from postgres import Transaction


class NotKept(Exception):
    """What is there stands in the way of what is wanted; `code` is for programs."""

    code = "conflict"


class SameContent(NotKept):
    """Another document of the tenant has these bytes."""

    code = "same_content"

    def __init__(self, document_id: UUID) -> None:
        super().__init__(f"Document {document_id} has these bytes already; delete it first.")


class WrongKind(NotKept):
    """A file cannot take the place of a text, nor a text that of a file."""

    code = "wrong_kind"

    def __init__(self, there: Upload) -> None:
        where = "to /documents/texts" if there.kind == "text" else "as a file"
        super().__init__(
            f"Document {there.document_id} is of kind {there.kind}: send it {where}, or delete it."
        )


class Keeper:
    """Looks at what is there, decides, saves and says."""

    def __init__(
        self, outbox: Outbox, uploads: UploadStore, tenants: TenantStore, default_quota: Quota
    ) -> None:
        self._outbox = outbox
        self._uploads = uploads
        self._tenants = tenants
        self._default_quota = default_quota

    async def keep(
        self, tx: Transaction, tenant_id: UUID, wanted: Sequence[Wanted]
    ) -> list[Change]:
        """Keep them all, or none: a change for each, in order, its events said.

        Found by its id, by the tenant's own id, or by its bytes. `removed` is the outcome for an
        id that was deleted. Raises QuotaExceeded, SameContent for new bytes that another has, and
        WrongKind for a tenant's own id that belongs to another kind of document.
        """
        await self._uploads.lock(tx, tenant_id)
        there = _There(
            await self._uploads.like(
                tx,
                tenant_id,
                [one.document_id for one in wanted],
                [one.external_id for one in wanted if one.external_id is not None],
                [one.content.sha256 for one in wanted],
            )
        )
        before = dict(there.by_id)
        now = datetime.now(UTC)
        changes = [there.kept(_change(tenant_id, there, one, now)) for one in wanted]
        await self.save(tx, tenant_id, changes, before)
        return changes

    async def save(
        self,
        tx: Transaction,
        tenant_id: UUID,
        changes: Sequence[Change],
        before: dict[UUID, Upload],
    ) -> None:
        """Write what changed since `before`, and say it; raises QuotaExceeded."""
        after = {change.upload.document_id: change.upload for change in changes if change.events}
        more = Quota(
            sum(document_id not in before for document_id in after),
            sum(upload.size_bytes for upload in after.values())
            - sum(before[each].size_bytes for each in after if each in before),
        )
        if more.documents > 0 or more.size_bytes > 0:
            use = await self._uploads.use(tx, tenant_id)
            quota = await self.quota(tx, tenant_id)
            quota.check(Quota(use.documents, use.size_bytes), more)
        await self._uploads.save(tx, list(after.values()))
        await self._outbox.say(tx, *(event for change in changes for event in change.events))

    async def quota(self, tx: Transaction, tenant_id: UUID) -> Quota:
        """What the tenant may keep."""
        tenant = await self._tenants.find(tx, tenant_id)
        return self._default_quota.of(tenant.settings) if tenant else self._default_quota


class _There:
    """The documents that are there, as they become one after the other."""

    def __init__(self, uploads: Sequence[Upload]) -> None:
        self.by_id: dict[UUID, Upload] = {}
        self._by_external: dict[str, UUID] = {}
        self._by_bytes: dict[str, UUID] = {}
        for upload in uploads:
            self._note(upload)

    def find(self, wanted: Wanted) -> Upload | None:
        """Which of them it is."""
        if wanted.document_id in self.by_id:
            return self.by_id[wanted.document_id]
        if wanted.external_id is not None:
            document_id = self._by_external.get(wanted.external_id)
        else:
            is_told = wanted.kind in TOLD_BY_BYTES
            document_id = self.having(wanted.content) if is_told else None
        return None if document_id is None else self.by_id[document_id]

    def having(self, content: Content) -> UUID | None:
        """The document of these bytes, among those that are told apart by them."""
        document_id = self._by_bytes.get(content.sha256)
        is_still = document_id and self.by_id[document_id].sha256 == content.sha256
        return document_id if is_still else None

    def kept(self, change: Change) -> Change:
        """The next one meets it as it is now."""
        self._note(change.upload)
        return change

    def _note(self, upload: Upload) -> None:
        self.by_id[upload.document_id] = upload
        if upload.is_removed:
            return
        if upload.external_id is not None:
            self._by_external[upload.external_id] = upload.document_id
        elif upload.kind in TOLD_BY_BYTES:
            self._by_bytes[upload.sha256] = upload.document_id


def _change(tenant_id: UUID, there: _There, wanted: Wanted, now: datetime) -> Change:
    found = there.find(wanted)
    if found is None:
        return created(tenant_id, wanted, now)
    if found.is_removed:
        return Change(found, "removed")
    if found.document_id != wanted.document_id and wanted.external_id is None:
        # The same bytes again: only what is said of them may be new.
        return with_properties(found, wanted.changes)
    if found.kind != wanted.kind:
        raise WrongKind(found)
    if found.external_id is None and found.kind in TOLD_BY_BYTES:
        other = there.having(wanted.content)
        if other is not None and other != found.document_id:
            raise SameContent(other)
    return both(with_content(found, wanted.content, now), wanted.changes)
