"""What the indexer tells about documents when it is asked."""

from bus import Refused
from contracts.v1.documents import (
    DocumentFound,
    DocumentsListed,
    GetDocument,
    GetKnowledgeUse,
    KnowledgeUsed,
    ListDocuments,
    ListVersions,
    VersionsListed,
)
from postgres import Database
from rag_indexer.document_views import DocumentViews
from rag_indexer.domain import InvalidCursor


class Answering:
    """Reads, each in a transaction of the tenant who asks."""

    def __init__(self, database: Database, views: DocumentViews) -> None:
        self._database = database
        self._views = views

    async def get_document(self, request: GetDocument) -> DocumentFound:
        """One document with its outline, or refused with `not_found`."""
        async with self._database.transaction(request.tenant_id) as tx:
            found = await self._views.find(tx, request.tenant_id, request.document_id)
        if found is None:
            raise Refused("not_found", "There is no such document.")
        return DocumentFound(document=found)

    async def list_documents(self, request: ListDocuments) -> DocumentsListed:
        """A page of documents, or refused with `invalid_cursor`."""
        try:
            async with self._database.transaction(request.tenant_id) as tx:
                documents, cursor = await self._views.page(tx, request)
        except InvalidCursor as damage:
            raise Refused("invalid_cursor", "The cursor was not given by this list.") from damage
        return DocumentsListed(documents=documents, next_cursor=cursor)

    async def list_versions(self, request: ListVersions) -> VersionsListed:
        """The versions of a document, or refused with `not_found`."""
        async with self._database.transaction(request.tenant_id) as tx:
            versions = await self._views.versions(tx, request.tenant_id, request.document_id)
        if not versions:
            raise Refused("not_found", "There is no such document.")
        return VersionsListed(versions=versions)

    async def get_knowledge_use(self, request: GetKnowledgeUse) -> KnowledgeUsed:
        """What the tenant's documents take up, and what their vectors have cost."""
        async with self._database.transaction(request.tenant_id) as tx:
            return await self._views.use(tx, request.tenant_id)
