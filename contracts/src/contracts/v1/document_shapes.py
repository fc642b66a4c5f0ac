"""Parts that the stories about documents share."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Code, Part, Sha256, ShortText

DocumentStage = Literal["queued", "reading", "splitting", "embedding", "storing", "ready", "failed"]
Percent = Annotated[int, Field(ge=0, le=100)]
DocumentKind = Literal["file", "text", "qa", "web"]
VersionState = Literal["building", "live", "kept", "failed", "superseded"]
Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=32)]


class MetadataEntry(Part):
    """Something a tenant says of a document, by name."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="Its name.")
    value: ShortText = Field(description="Its value, compared as text.")


Metadata = Annotated[list[MetadataEntry], Field(max_length=32)]


class ChunkingRule(Part):
    """How text becomes passages; lengths in tokens of the embedding model."""

    strategy: Literal["fixed", "paragraph", "recursive", "headings"] = Field(
        description="Equal windows; whole paragraphs; by the largest separator that fits; or "
        "sections under their headings, small passages inside longer parents."
    )
    tokens: int = Field(ge=32, le=2_048, description="Longest passage.")
    overlap_tokens: int = Field(ge=0, le=512, description="Shared by neighbours.")
    parent_tokens: int | None = Field(
        ge=64, le=8_192, description="Length of the parent passage that is read; null: no parents."
    )


class DocumentWork(Part):
    """How far a document has come, in the units of its stage; null where it is not known yet."""

    bytes_done: int | None = Field(ge=0, description="Bytes read.")
    bytes_total: int | None = Field(ge=0, description="Bytes of the file.")
    pages_done: int | None = Field(ge=0, description="Pages, slides, sheets or records read.")
    pages_total: int | None = Field(ge=0, description="All of them.")
    passages_done: int | None = Field(ge=0, description="Passages that have their vector.")
    passages_total: int | None = Field(ge=0, description="All passages.")
    passages_reused: int | None = Field(
        ge=0, description="Of those done, how many had their vector from before."
    )


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
    document_kind: DocumentKind | None = Field(None, description="Where it comes from.")
    source_url: Annotated[str, Field(max_length=2_048)] | None = Field(
        None, description="The address of a web page."
    )
    external_id: ShortText | None = Field(None, description="The tenant's own id of it.")
    enabled: bool | None = Field(None, description="Whether searches may see it.")
    expires_at: AwareDatetime | None = Field(
        None, description="From then on searches do not see it."
    )
    tags: Tags | None = Field(None, description="For filters.")
    metadata: Metadata | None = Field(None, description="For filters.")
    chunking: ChunkingRule | None = Field(None, description="Its own rule, if it has one.")
    author: ShortText | None = Field(None, description="As the file says.")
    dated_at: ShortText | None = Field(None, description="ISO 8601 date that the file says.")
    tokens: int | None = Field(None, ge=0, description="Tokens of all its passages.")
    embedding_model: ShortText | None = Field(None, description="Model of its vectors.")
    building_version: int | None = Field(
        None, ge=1, description="The version on its way; null when none is."
    )
    work: DocumentWork | None = Field(None, description="How far that version has come.")
    headings: Annotated[list[ShortText], Field(max_length=200)] | None = Field(
        None, description="Its outline; only where one document is asked for."
    )


class DocumentVersion(Part):
    """One version of a document: it never changes, another one takes its place."""

    document_version: int = Field(ge=1, description="Rises by one.")
    state: VersionState = Field(description="`kept` can be brought back; `superseded` cannot.")
    sha256: Sha256 = Field(description="Hash of the bytes it was made from.")
    file_name: ShortText = Field(description="As uploaded.")
    passages: int = Field(ge=0, description="Its passages.")
    passages_reused: int = Field(ge=0, description="Of those, how many kept their vector.")
    embedding_model: ShortText | None = Field(description="Model of its vectors.")
    chunking: ChunkingRule | None = Field(description="How it was split.")
    code: Code | None = Field(description="Why it failed.")
    created_at: AwareDatetime = Field(description="When it was begun, UTC.")
    live_at: AwareDatetime | None = Field(description="When it last began to answer, UTC.")


class IndexedPassage(Part):
    """A passage as searches can find it."""

    passage_id: UUID = Field(description="The passage.")
    ordinal: int = Field(ge=0, description="Order in the document, from 0.")
    text: Annotated[str, Field(max_length=16_384)] = Field(description="Its words.")
    page: int | None = Field(ge=1, description="Page it begins on.")
    heading: ShortText | None = Field(description="Heading path, joined by ' > '.")
    start_offset: int = Field(ge=0, description="First character in the document's text.")
    end_offset: int = Field(ge=0, description="One past its last character.")
    token_count: int = Field(ge=1, description="Its tokens.")
    parent_start: int | None = Field(ge=0, description="First character of its parent.")
    parent_end: int | None = Field(ge=0, description="One past its parent's last character.")
