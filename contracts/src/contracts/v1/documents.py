"""A document becomes searchable.

1. gateway has the bytes in blobs: `document-uploaded`.
2. rag-indexer reads, splits and embeds (story `models`), saying `document-progressed`, and then
   `passages-embedded` i of n; or `document-rejected` with a reason that a person can act on.
3. retriever stores the batches aside and switches the version in one transaction:
   `document-searchable`.
4. `document-removed` and the request `forget-document` take it away; `reindex-document` redoes it.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Code, Command, Event, Part, Request, Sha256, ShortText
from contracts.v1.shapes import Cursor, Limit

DocumentStage = Literal["queued", "reading", "splitting", "embedding", "storing", "ready", "failed"]
Percent = Annotated[int, Field(ge=0, le=100)]


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


class DocumentProgressed(
    Event, owner="rag-indexer", heard_by=(), version=1, public="document.progressed"
):
    """A document reached a stage."""

    document_id: UUID = Field(description="The document.")
    document_version: int = Field(ge=1, description="The version being built.")
    stage: DocumentStage = Field(description="Where it is.")
    percent: Percent = Field(description="Of the whole way.")


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


class Document(Part):
    """A document as the API shows it."""

    document_id: UUID = Field(description="The document.")
    title: ShortText = Field(description="Its title.")
    file_name: ShortText = Field(description="As uploaded.")
    media_type: ShortText | None = Field(description="What the content turned out to be.")
    size_bytes: int = Field(ge=0, description="Size.")
    sha256: Sha256 = Field(description="Hash of the bytes.")
    stage: DocumentStage = Field(description="Where it is.")
    percent: Percent = Field(description="Of the whole way.")
    code: Code | None = Field(description="Why it failed.")
    detail: ShortText | None = Field(description="What happened and what to do.")
    document_version: int = Field(ge=0, description="Version that answers; 0 while none does.")
    passages: int = Field(ge=0, description="Passages that can be found.")
    pages: int | None = Field(ge=0, description="Pages, where the format has them.")
    language: Annotated[str, Field(max_length=16)] | None = Field(description="BCP 47.")
    created_at: AwareDatetime = Field(description="When it was uploaded, UTC.")
    updated_at: AwareDatetime = Field(description="When its state last changed, UTC.")


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


class DocumentForgotten(Answer):
    """No search that begins from now on sees it."""

    passages: int = Field(ge=0, description="Passages that were taken away.")


class ForgetDocument(
    Request[DocumentForgotten], owner="retriever", asked_by=("gateway",), version=1
):
    """Take a document out of the index now (the event `document-removed` is the net)."""

    document_id: UUID = Field(description="Which.")
