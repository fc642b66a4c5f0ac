"""A document becomes searchable.

1. gateway has the bytes in blobs: `document-uploaded`, and beside it `document-configured` with its
   tags, expiry and the rest; both again, later, as `document-replaced` and `document-configured`.
2. rag-indexer reads, splits and embeds (story `models`), saying `document-progressed`, and then
   `passages-embedded` i of n; or `document-rejected` with a reason that a person can act on.
3. retriever stores the batches aside and switches the version in one transaction:
   `document-searchable`.
4. `document-removed` and the request `forget-document` take it away; `reindex-document` and
   `reindex-tenant` redo it; `rollback-document` brings the version before back.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Code, Command, Event, Part, Request, Sha256, ShortText

# Whoever knows the story finds its parts here.
from contracts.v1.document_shapes import ChunkingRule as ChunkingRule
from contracts.v1.document_shapes import Document as Document
from contracts.v1.document_shapes import DocumentKind as DocumentKind
from contracts.v1.document_shapes import DocumentStage as DocumentStage
from contracts.v1.document_shapes import DocumentVersion as DocumentVersion
from contracts.v1.document_shapes import DocumentWork as DocumentWork
from contracts.v1.document_shapes import IndexedPassage as IndexedPassage
from contracts.v1.document_shapes import Metadata, Percent
from contracts.v1.document_shapes import MetadataEntry as MetadataEntry
from contracts.v1.document_shapes import Tags as Tags
from contracts.v1.document_shapes import VersionState as VersionState
from contracts.v1.shapes import Cursor, Limit


class DocumentUploaded(
    Event,
    owner="gateway",
    heard_by=("rag-indexer",),
    version=1,
    public="document.uploaded",
):
    """A file of a tenant is in blobs and should become searchable."""

    document_id: UUID = Field(description="The document.")
    title: ShortText = Field(description="Title given, else the file name.")
    file_name: ShortText = Field(description="As uploaded; text only, never a path.")
    declared_type: ShortText | None = Field(description="MIME type the uploader declared.")
    size_bytes: int = Field(ge=0, description="Size.")
    sha256: Sha256 = Field(description="Where the bytes are in blobs.")
    language: Annotated[str, Field(max_length=16)] | None = Field(
        description="BCP 47, if the uploader said it."
    )
    document_kind: DocumentKind | None = Field(
        None, description="Where it comes from; null is a file."
    )
    source_url: Annotated[str, Field(max_length=2_048)] | None = Field(
        None, description="The address of a web page."
    )


class DocumentReplaced(
    Event,
    owner="gateway",
    heard_by=("rag-indexer",),
    version=1,
    public="document.replaced",
):
    """New bytes of a document are in blobs; the old version answers until the new one is whole."""

    document_id: UUID = Field(description="The document.")
    replacement: int = Field(ge=1, description="Rises with each replacement; older ones are late.")
    title: ShortText = Field(description="Title given, else the file name.")
    file_name: ShortText = Field(description="As uploaded; text only, never a path.")
    declared_type: ShortText | None = Field(description="MIME type the uploader declared.")
    size_bytes: int = Field(ge=0, description="Size.")
    sha256: Sha256 = Field(description="Where the bytes are in blobs.")
    language: Annotated[str, Field(max_length=16)] | None = Field(
        description="BCP 47, if the uploader said it."
    )


class DocumentConfigured(
    Event,
    owner="gateway",
    heard_by=("rag-indexer", "retriever"),
    version=1,
    public="document.updated",
):
    """What a tenant chose for a document; this is all of it, and it may come before the upload."""

    document_id: UUID = Field(description="The document.")
    revision: int = Field(ge=1, description="Rises with each change; older ones are ignored.")
    enabled: bool = Field(description="Whether searches may see it.")
    expires_at: AwareDatetime | None = Field(description="From then on searches do not see it.")
    tags: Tags = Field(description="For filters.")
    metadata: Metadata = Field(description="For filters; names are unique.")
    chunking: ChunkingRule | None = Field(description="Null: as the tenant chose.")
    external_id: ShortText | None = Field(description="The tenant's own id of it, unique.")
    document_kind: DocumentKind = Field(description="Where it comes from.")
    source_url: Annotated[str, Field(max_length=2_048)] | None = Field(
        description="The address of a web page."
    )


class DocumentRemoved(
    Event,
    owner="gateway",
    heard_by=("rag-indexer", "retriever"),
    version=1,
    public="document.deleted",
):
    """A document must not be seen by any further search."""

    document_id: UUID = Field(description="The document.")


class ReindexDocument(Command, owner="rag-indexer", said_by=("gateway",), version=1):
    """Read, split and embed it again; the old version answers meanwhile."""

    document_id: UUID = Field(description="The document.")


class ReindexTenant(Command, owner="rag-indexer", said_by=("gateway",), version=1):
    """Redo every document of the tenant, a few at a time; the old versions answer meanwhile."""

    reason: Literal["asked", "embedding_model", "chunking"] = Field(description="Why.")


class DocumentProgressed(
    Event, owner="rag-indexer", heard_by=(), version=1, public="document.progressed"
):
    """A document reached a stage."""

    document_id: UUID = Field(description="The document.")
    document_version: int = Field(ge=1, description="The version being built.")
    stage: DocumentStage = Field(description="Where it is.")
    percent: Percent = Field(description="Of the whole way.")
    work: DocumentWork | None = Field(None, description="The same in pages and passages.")


class DocumentRejected(
    Event, owner="rag-indexer", heard_by=(), version=1, public="document.failed"
):
    """A document cannot be made searchable, and why."""

    document_id: UUID = Field(description="The document.")
    document_version: int = Field(ge=1, description="The version that failed.")
    code: Code = Field(description="encrypted, no_text, corrupt_document, zip_bomb, timeout …")
    detail: ShortText = Field(description="What happened and what to do, for a person.")


class EmbeddedPassage(Part):
    """A passage and its vector."""

    passage_id: UUID = Field(description="uuid5 of document, version and ordinal.")
    ordinal: int = Field(ge=0, description="Order in the document, from 0.")
    text: Annotated[str, Field(max_length=16_384)] = Field(description="The passage's words.")
    page: int | None = Field(ge=1, description="Page it begins on.")
    heading: ShortText | None = Field(description="Heading path, joined by ' > '.")
    start_offset: int = Field(ge=0, description="First character in the document's text.")
    end_offset: int = Field(ge=0, description="One past its last character.")
    token_count: int = Field(ge=1, description="Tokens by the indexer's tokenizer.")
    sha256: Sha256 = Field(description="Hash of the words.")
    vector: Annotated[str, Field(max_length=32_768)] = Field(
        description="Little-endian float32 values, base64."
    )
    parent_start: int | None = Field(
        None, ge=0, description="First character of the parent passage that is read instead."
    )
    parent_end: int | None = Field(None, ge=0, description="One past the parent's last character.")


class PassagesEmbedded(Event, owner="rag-indexer", heard_by=("retriever",), version=1):
    """Batch i of n of a document version; complete when all n are there."""

    document_id: UUID = Field(description="The document.")
    document_version: int = Field(ge=1, description="The version being built.")
    title: ShortText = Field(description="The document's title.")
    language: Annotated[str, Field(max_length=16)] = Field(description="BCP 47 of the text.")
    embedding_model: ShortText = Field(description="Model of the vectors.")
    dimensions: int = Field(ge=1, le=4_000, description="Length of each vector.")
    batch: int = Field(ge=1, description="This batch, from 1.")
    batches: int = Field(ge=1, description="All batches of the version.")
    passages_total: int = Field(ge=1, description="All passages of the version.")
    passages: Annotated[list[EmbeddedPassage], Field(min_length=1, max_length=64)] = Field(
        description="The passages of this batch."
    )


class DocumentSearchable(
    Event,
    owner="retriever",
    heard_by=("rag-indexer",),
    version=1,
    public="document.indexed",
):
    """From now on searches see this version, whole, and no older one."""

    document_id: UUID = Field(description="The document.")
    document_version: int = Field(ge=1, description="The version that answers.")
    passages: int = Field(ge=1, description="Passages with vectors, counted in the index.")


class DocumentFound(Answer):
    """One document."""

    document: Document = Field(description="The document.")


class DocumentsListed(Answer):
    """A page of documents, the newest first."""

    documents: Annotated[list[Document], Field(max_length=200)] = Field(description="The page.")
    next_cursor: Cursor | None = Field(description="Where the next page begins; null at the end.")


class GetDocument(Request[DocumentFound], owner="rag-indexer", asked_by=("gateway",), version=1):
    """One document; refused with `not_found`."""

    document_id: UUID = Field(description="Which.")


class ListDocuments(
    Request[DocumentsListed], owner="rag-indexer", asked_by=("gateway",), version=1
):
    """Which documents does the tenant have?"""

    stage: DocumentStage | None = Field(description="Only these.")
    cursor: Cursor | None = Field(description="Where the page begins.")
    limit: Limit = Field(description="Size of the page.")
    document_kind: DocumentKind | None = Field(None, description="Only of this kind.")
    tag: ShortText | None = Field(None, description="Only with this tag.")
    words: ShortText | None = Field(None, description="Only with this in title or file name.")


class VersionsListed(Answer):
    """The versions of a document, the newest first."""

    versions: Annotated[list[DocumentVersion], Field(max_length=100)] = Field(
        description="At most the newest hundred."
    )


class ListVersions(Request[VersionsListed], owner="rag-indexer", asked_by=("gateway",), version=1):
    """Which versions does a document have? Refused with `not_found`."""

    document_id: UUID = Field(description="Which.")


class KnowledgeUsed(Answer):
    """What a tenant's documents take up."""

    documents: int = Field(ge=0, description="Documents.")
    size_bytes: int = Field(ge=0, description="Bytes of their files.")
    passages: int = Field(ge=0, description="Passages that can be found.")
    tokens: int = Field(ge=0, description="Tokens of those passages.")
    stages: Annotated[dict[str, int], Field(max_length=16)] = Field(
        description="Documents by stage."
    )
    embedding_cost_usd: float | None = Field(
        ge=0, description="Spent on vectors so far; null where a price is unknown."
    )


class GetKnowledgeUse(
    Request[KnowledgeUsed], owner="rag-indexer", asked_by=("gateway",), version=1
):
    """How much do the tenant's documents take up?"""


class DocumentRolledBack(Answer):
    """From now on searches see this version again."""

    document_version: int = Field(ge=1, description="The version that answers.")
    passages: int = Field(ge=1, description="Its passages.")


class RollbackDocument(
    Request[DocumentRolledBack], owner="retriever", asked_by=("gateway",), version=1
):
    """Bring the version before back; refused with `not_found` or `not_kept`."""

    document_id: UUID = Field(description="Which.")
    document_version: int | None = Field(
        ge=1, description="Null: the one that answered before the one that answers now."
    )


class PassagesListed(Answer):
    """A page of a document's passages, in order."""

    document_version: int = Field(ge=0, description="The version that answers; 0 while none does.")
    passages: Annotated[list[IndexedPassage], Field(max_length=100)] = Field(
        description="The page; shorter than asked for when their words are long."
    )
    next_ordinal: int | None = Field(ge=0, description="Where the next page begins; null: the end.")


class ListPassages(Request[PassagesListed], owner="retriever", asked_by=("gateway",), version=1):
    """What of a document can be found? Refused with `not_found`."""

    document_id: UUID = Field(description="Which.")
    from_ordinal: int = Field(ge=0, description="Where the page begins.")
    limit: Annotated[int, Field(ge=1, le=100)] = Field(description="Size of the page.")


class DocumentForgotten(Answer):
    """No search that begins from now on sees it."""

    passages: int = Field(ge=0, description="Passages that were taken away.")


class ForgetDocument(
    Request[DocumentForgotten], owner="retriever", asked_by=("gateway",), version=1
):
    """Take a document out of the index now (the event `document-removed` is the net)."""

    document_id: UUID = Field(description="Which.")
