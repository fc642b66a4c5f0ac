"""Documents as their tenant gave them, and what becomes of one when it is given again. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from contracts.message import Event
from contracts.v1.documents import (
    ChunkingRule,
    Document,
    DocumentConfigured,
    DocumentKind,
    DocumentReplaced,
    DocumentUploaded,
    MetadataEntry,
)

TEXT_TYPE: Final[Literal["text/plain"]] = "text/plain"
QA_TYPE: Final = "application/vnd.chat.qa+json"

TOLD_BY_BYTES: Final = frozenset({"file", "text"})
"""Kinds of which the same bytes are one document, unless the tenant gives them ids of its own."""

Outcome = Literal["created", "replaced", "updated", "unchanged", "removed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """What a tenant chose for a document, beside its bytes."""

    enabled: bool = True
    expires_at: datetime | None = None
    tags: tuple[str, ...] = ()
    metadata: tuple[MetadataEntry, ...] = ()
    chunking: ChunkingRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Bytes in blobs, and what is said of them; None where nothing was."""

    sha256: str
    size_bytes: int
    file_name: str
    media_type: str
    declared_type: str | None = None
    title: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A document that somebody wants to be there; `changes` are of its properties."""

    document_id: UUID
    content: Content
    kind: DocumentKind = "file"
    external_id: str | None = None
    source_url: str | None = None
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A document as it was uploaded, with what its tenant says of it."""

    tenant_id: UUID
    document_id: UUID
    kind: DocumentKind
    title: str
    file_name: str
    declared_type: str | None
    media_type: str
    size_bytes: int
    sha256: str
    language: str | None
    source_url: str | None
    external_id: str | None
    properties: Properties
    revision: int
    replacement: int
    created_at: datetime
    replaced_at: datetime | None
    indexed_by_owner: bool
    is_rolled_back: bool
    is_removed: bool

    def uploaded(self) -> DocumentUploaded:
        """The event that makes it searchable."""
        return DocumentUploaded.make(
            tenant_id=self.tenant_id,
            correlation_id=self.document_id,
            document_id=self.document_id,
            title=self.title,
            file_name=self.file_name,
            declared_type=self.declared_type,
            size_bytes=self.size_bytes,
            sha256=self.sha256,
            language=self.language,
            document_kind=self.kind,
            source_url=self.source_url,
        )

    def replaced(self) -> DocumentReplaced:
        """The event that gives it new bytes, or another title."""
        return DocumentReplaced.make(
            tenant_id=self.tenant_id,
            correlation_id=self.document_id,
            document_id=self.document_id,
            replacement=self.replacement,
            title=self.title,
            file_name=self.file_name,
            declared_type=self.declared_type,
            size_bytes=self.size_bytes,
            sha256=self.sha256,
            language=self.language,
        )

    def configured(self) -> DocumentConfigured:
        """The event that tells all of its properties."""
        return DocumentConfigured.make(
            tenant_id=self.tenant_id,
            correlation_id=self.document_id,
            document_id=self.document_id,
            revision=self.revision,
            enabled=self.properties.enabled,
            expires_at=self.properties.expires_at,
            tags=list(self.properties.tags),
            metadata=list(self.properties.metadata),
            chunking=self.properties.chunking,
            external_id=self.external_id,
            document_kind=self.kind,
            source_url=self.source_url,
        )

    def queued(self) -> Document:
        """The document while rag-indexer has not heard of it."""
        return Document(
            document_id=self.document_id,
            title=self.title,
            file_name=self.file_name,
            media_type=self.media_type,
            size_bytes=self.size_bytes,
            sha256=self.sha256,
            stage="queued",
            percent=0,
            code=None,
            detail=None,
            document_version=0,
            passages=0,
            pages=None,
            language=self.language,
            created_at=self.created_at,
            updated_at=self.replaced_at or self.created_at,
            **self._said(),
        )

    def shown(self, document: Document) -> Document:
        """What its owner knows, with what the tenant said last; queued again when replaced."""
        changed = self._said()
        is_late = self.replaced_at is not None and document.updated_at < self.replaced_at
        if is_late and document.sha256 != self.sha256:
            changed |= {"stage": "queued", "percent": 0, "code": None, "detail": None}
        return document.model_copy(update=changed)

    def _said(self) -> dict[str, Any]:
        return {
            "document_kind": self.kind,
            "source_url": self.source_url,
            "external_id": self.external_id,
            "enabled": self.properties.enabled,
            "expires_at": self.properties.expires_at,
            "tags": list(self.properties.tags),
            "metadata": list(self.properties.metadata),
            "chunking": self.properties.chunking,
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A document after it was wanted, what happened to it, and what is to be said of it."""

    upload: Upload
    outcome: Outcome
    events: tuple[Event, ...] = ()


def created(tenant_id: UUID, wanted: Wanted, now: datetime) -> Change:
    """A document that was not there."""
    content = wanted.content
    upload = Upload(
        tenant_id=tenant_id,
        document_id=wanted.document_id,
        kind=wanted.kind,
        title=content.title or content.file_name,
        file_name=content.file_name,
        declared_type=content.declared_type,
        media_type=content.media_type,
        size_bytes=content.size_bytes,
        sha256=content.sha256,
        language=content.language,
        source_url=wanted.source_url,
        external_id=wanted.external_id,
        properties=replace(Properties(), **wanted.changes),
        revision=1,
        replacement=0,
        created_at=now,
        replaced_at=None,
        indexed_by_owner=False,
        is_rolled_back=False,
        is_removed=False,
    )
    return Change(upload, "created", (upload.uploaded(), upload.configured()))


def with_content(there: Upload, content: Content, now: datetime) -> Change:
    """The document with these bytes: replaced, or nothing happens when it has them."""
    language = content.language or there.language
    is_same = (there.sha256, there.media_type, there.language) == (
        content.sha256,
        content.media_type,
        language,
    )
    if is_same and content.title in {None, there.title} and not there.is_rolled_back:
        return Change(there, "unchanged")
    named_after_file = there.title == there.file_name
    title = content.title or (content.file_name if named_after_file else there.title)
    upload = replace(
        there,
        title=title,
        file_name=content.file_name,
        declared_type=content.declared_type,
        media_type=content.media_type,
        size_bytes=content.size_bytes,
        sha256=content.sha256,
        language=language,
        replacement=there.replacement + 1,
        replaced_at=now,
        is_rolled_back=False,
    )
    return Change(upload, "replaced", (upload.replaced(),))


def with_title(there: Upload, title: str, now: datetime) -> Change:
    """The document under another title: its passages carry it, so they are made again."""
    if title == there.title:
        return Change(there, "unchanged")
    upload = replace(there, title=title, replacement=there.replacement + 1, replaced_at=now)
    return Change(upload, "replaced", (upload.replaced(),))


def with_properties(there: Upload, changes: Mapping[str, Any]) -> Change:
    """The document with other properties; nothing happens when it has them."""
    properties = replace(there.properties, **changes)
    if properties == there.properties:
        return Change(there, "unchanged")
    upload = replace(there, properties=properties, revision=there.revision + 1)
    return Change(upload, "updated", (upload.configured(),))


def both(first: Change, changes: Mapping[str, Any]) -> Change:
    """A change of bytes or title, and then of properties."""
    second = with_properties(first.upload, changes)
    outcome = first.outcome if first.outcome != "unchanged" else second.outcome
    return Change(second.upload, outcome, (*first.events, *second.events))
