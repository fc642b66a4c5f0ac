"""Files made by hand for the indexer's tests: small, valid, and broken in known ways."""

import base64
import io
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
import pytest_asyncio

from blobs import Blobs
from contracts.v1.documents import (
    Document,
    DocumentSearchable,
    DocumentUploaded,
    GetDocument,
    PassagesEmbedded,
)
from contracts.v1.models import EmbedTexts, TextsEmbedded
from postgres import Database
from rag_indexer.handlers import Handlers
from rag_indexer.indexing import Indexing, IndexingLimits
from rag_indexer.parser_process import ParserLimits
from rag_indexer.store import Store
from rag_indexer.word_pieces import WordPieces
from rag_indexer.worker import Worker, WorkerRule

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
    'content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-'
    'package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
    'officedocument.wordprocessingml.document.main+xml"/></Types>'
)
RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
    'relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/'
    '2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>'
)


def docx_of(body: str, *, head: str = "", **parts: bytes) -> bytes:
    """A Word file with this body; `parts` replace or add members."""
    document = f'<?xml version="1.0"?>{head}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body>'
    members = {
        "[Content_Types].xml": CONTENT_TYPES.encode(),
        "_rels/.rels": RELATIONS.encode(),
        "word/document.xml": f"{document}</w:document>".encode(),
        **parts,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in members.items():
            archive.writestr(name, part)
    return out.getvalue()


def pdf_of(pages: Sequence[Sequence[str]], *, trailer: str = "", info: str = "") -> bytes:
    """A PDF with these lines on its pages, every object and offset written out."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids ["
        + " ".join(f"{5 + 2 * place} 0 R" for place in range(len(pages)))
        + "] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< {info} >>",
    ]
    for place, lines in enumerate(pages):
        shown = " ".join(
            f"BT /F1 12 Tf 72 {720 - 20 * number} Td ({line}) Tj ET"
            for number, line in enumerate(lines)
        )
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {6 + 2 * place} 0 R >>"
        )
        objects.append(f"<< /Length {len(shown)} >>\nstream\n{shown}\nendstream")
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(out.tell())
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1"))
    start = out.tell()
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode())
    for offset in offsets:
        out.write(f"{offset:010d} 00000 n \n".encode())
    size = len(objects) + 1
    out.write(f"trailer\n<< /Size {size} /Root 1 0 R /Info 4 0 R {trailer} >>\n".encode())
    out.write(f"startxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


@pytest.fixture
def make_pdf() -> Callable[..., bytes]:
    return pdf_of


@pytest.fixture
def make_docx() -> Callable[..., bytes]:
    return docx_of


class KeepingOutbox:
    """An outbox that opens real transactions and keeps what was said in those that committed."""

    def __init__(self, database: Database) -> None:
        self.transaction = database.transaction
        self.said: list[Any] = []

    async def say(self, tx: Any, *messages: Any, delay_seconds: float = 0) -> None:
        tx.after_commit.append(lambda: self.said.extend(messages))


class FakeRouter:
    """Answers every text with a vector; `answers_left` makes it go away in the middle."""

    def __init__(self) -> None:
        self.dimensions = 384
        self.answers_left: int | None = None
        self.failure: Exception | None = None
        self.asked: list[EmbedTexts] = []

    async def ask(self, request: EmbedTexts, *, timeout_seconds: float) -> TextsEmbedded:
        if self.answers_left is not None:
            if self.answers_left == 0 and self.failure:
                raise self.failure
            self.answers_left -= 1
        self.asked.append(request)
        vector = np.full(self.dimensions, self.dimensions**-0.5, dtype="<f4").tobytes()
        return TextsEmbedded(
            model=request.model or "builtin/minilm",
            dimensions=self.dimensions,
            vectors=[base64.b64encode(vector).decode()] * len(request.texts),
            tokens=1,
            cost_usd=None,
        )


class IndexerInProcess:
    """The indexer without a broker: handlers and worker over a real database."""

    def __init__(self, database: Database, blobs: Blobs, rule: WorkerRule) -> None:
        self.database = database
        self.blobs = blobs
        self.outbox = KeepingOutbox(database)
        self.router = FakeRouter()
        self.store = Store()
        self.tenant_id = uuid4()
        limits = IndexingLimits(ParserLimits(wall_seconds=30), 5.0, 1_000)
        self.indexing = Indexing(
            self.outbox,  # type: ignore[arg-type]
            self.router,  # type: ignore[arg-type]
            blobs,
            self.store,
            WordPieces(),
            limits,
        )
        self.worker = self.another_worker(rule)
        self.handlers = Handlers(
            self.outbox,  # type: ignore[arg-type]
            self.store,
            self.worker,
            file_bytes_max=1_000_000,
        )

    def another_worker(self, rule: WorkerRule) -> Worker:
        outbox: Any = self.outbox
        return Worker(self.database, outbox, self.store, self.indexing, rule)

    async def hear(self, handler: Callable[..., Any], message: Any) -> None:
        async with self.database.transaction(message.tenant_id) as tx:
            await handler(message, tx)

    async def upload(self, content: bytes, name: str = "a.txt", **details: Any) -> UUID:
        sha256 = await self.blobs.put(content)
        fields = {
            "document_id": uuid4(),
            "title": name,
            "file_name": name,
            "declared_type": None,
            "size_bytes": len(content),
            "sha256": sha256,
            "language": None,
            **details,
        }
        message = DocumentUploaded.make(tenant_id=self.tenant_id, **fields)
        await self.hear(self.handlers.document_uploaded, message)
        return message.document_id

    async def work(self) -> None:
        """Every job that is due, until there is none."""
        while await self.worker.work_once():
            continue

    async def searchable(self, document_id: UUID, version: int, passages: int) -> None:
        message = DocumentSearchable.make(
            tenant_id=self.tenant_id,
            document_id=document_id,
            document_version=version,
            passages=passages,
        )
        await self.hear(self.handlers.document_searchable, message)

    async def document(self, document_id: UUID) -> Document:
        request = GetDocument.make(tenant_id=self.tenant_id, document_id=document_id)
        return (await self.handlers.get_document(request)).document

    async def due_now(self) -> None:
        """Let delayed jobs be due, as time would."""
        async with self.database.system() as tx:
            await tx.execute("update jobs set run_after = now(), lease_until = null")

    def batches(self) -> list[PassagesEmbedded]:
        return [one for one in self.outbox.said if isinstance(one, PassagesEmbedded)]


@pytest_asyncio.fixture
async def indexer(
    service_database: Callable[..., Any], tmp_path: Path
) -> AsyncIterator[IndexerInProcess]:
    """An indexer with a fresh database."""
    database = await Database.connect(service_database("rag_indexer").url, name="indexer-test")
    blobs = Blobs.open(f"file://{tmp_path}/blobs")
    yield IndexerInProcess(database, blobs, WorkerRule(lease_seconds=5.0))
    await database.close()
