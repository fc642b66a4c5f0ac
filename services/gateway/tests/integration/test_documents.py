"""Documents: bytes to blobs, seen before their owner knows them, gone once they are deleted."""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import aiohttp

from bus import Refused
from contracts.v1.documents import (
    Document,
    DocumentForgotten,
    DocumentFound,
    DocumentRemoved,
    DocumentsListed,
    DocumentUploaded,
    ForgetDocument,
    GetDocument,
    ListDocuments,
    ReindexDocument,
)
from testkit import eventually_async

from .conftest import Answered, Owners, Running, Tenant

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"


def docx() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w:document/>")
    return buffer.getvalue()


async def upload(tenant: Tenant, name: str, data: bytes, **fields: str) -> Answered:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", data, filename=name, content_type="application/octet-stream")
    for field, value in fields.items():
        form.add_field(field, value)
    headers = {"Idempotency-Key": fields["key"]} if "key" in fields else {}
    return await tenant.call("POST", f"{tenant.path}/documents", data=form, headers=headers)


class Indexer:
    """rag-indexer and retriever as the gateway sees them."""

    def __init__(self, owners: Owners) -> None:
        self.known: dict[Any, Document] = {}
        self.said: list[Any] = []
        self.forgotten: list[Any] = []
        bus = owners.of("rag-indexer")
        for kind in (DocumentUploaded, DocumentRemoved, ReindexDocument):
            bus.listen(kind, self._listener(kind))
        bus.answer(GetDocument, self._get)
        bus.answer(ListDocuments, self._list)
        owners.of("retriever").answer(ForgetDocument, self._forget)

    def _listener(self, kind: Any) -> Any:
        async def listen(delivery: Any) -> None:
            self.said.append(kind.hear(delivery.body))
            await delivery.done()

        return listen

    def knows(self, document_id: Any, stage: str, title: str = "x") -> None:
        now = datetime.now(UTC)
        self.known[document_id] = Document(
            document_id=document_id, title=title, file_name="x.txt", media_type="text/plain",
            size_bytes=1, sha256="0" * 64, stage=stage, percent=100, code=None, detail=None,
            document_version=1, passages=3, pages=None, language=None, created_at=now,
            updated_at=now,
        )  # fmt: skip

    async def _get(self, request: GetDocument) -> DocumentFound:
        found = self.known.get(str(request.document_id))
        if found is None:
            raise Refused("not_found", "no such document")
        return DocumentFound(document=found)

    async def _list(self, request: ListDocuments) -> DocumentsListed:
        return DocumentsListed(documents=list(self.known.values()), next_cursor=None)

    async def _forget(self, request: ForgetDocument) -> DocumentForgotten:
        self.forgotten.append(request.document_id)
        return DocumentForgotten(passages=3)


async def test_a_document_is_seen_from_its_upload_to_its_deletion(
    running: Running, owners: Owners
) -> None:
    indexer = Indexer(owners)
    await owners.start()
    tenant = await running.tenant()
    path = f"{tenant.path}/documents"
    made = await upload(tenant, "..\\..\\etc/Räume.md", b"# Rooms", title="Rooms", language="de")
    assert made.status == 201, made.raw
    document = made.json
    assert (document["title"], document["file_name"]) == ("Rooms", "Räume.md")
    assert (document["media_type"], document["stage"]) == ("text/markdown", "queued")
    assert document["sha256"] == hashlib.sha256(b"# Rooms").hexdigest()
    assert await running.gateway.parts.blobs.get(document["sha256"]) == b"# Rooms"
    one = f"{path}/{document['document_id']}"
    assert (await tenant.call("GET", one)).json == document
    assert (await tenant.call("GET", path)).json["items"] == [document]
    await eventually_async(lambda: indexer.said, "the event of the upload")
    assert str(indexer.said[0].document_id) == document["document_id"]
    indexer.knows(document["document_id"], "ready")
    assert (await tenant.call("GET", one)).json["stage"] == "ready"
    listed = (await tenant.call("GET", path)).json["items"]
    assert [item["stage"] for item in listed] == ["ready"]
    again = await tenant.call("POST", f"{one}/reindex")
    assert (again.status, again.json["stage"]) == (202, "ready")
    await eventually_async(lambda: len(indexer.said) == 2, "the command to reindex")
    assert isinstance(indexer.said[1], ReindexDocument)
    assert (await tenant.call("DELETE", one)).status == 204
    assert [str(forgotten) for forgotten in indexer.forgotten] == [document["document_id"]]
    assert (await tenant.call("GET", one)).status == 404
    assert (await tenant.call("GET", path)).json["items"] == []
    assert (await tenant.call("DELETE", one)).status == 404
    assert (await tenant.call("POST", f"{one}/reindex")).status == 404
    await eventually_async(lambda: len(indexer.said) == 3, "the event of the removal")


async def test_the_same_bytes_are_one_document_also_at_once(
    running: Running, owners: Owners
) -> None:
    Indexer(owners)
    await owners.start()
    tenant, other = await running.tenant(), await running.tenant()
    answers = await asyncio.gather(*(upload(tenant, "a.txt", b"same") for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [200, 200, 200, 200, 201]
    assert len({answer.json["document_id"] for answer in answers}) == 1
    elsewhere = await upload(other, "a.txt", b"same")
    assert elsewhere.status == 201
    assert elsewhere.json["document_id"] != answers[0].json["document_id"]


async def test_content_decides_what_is_let_in(running: Running, owners: Owners) -> None:
    Indexer(owners)
    await owners.start()
    tenant = await running.tenant()
    let_in = [
        ("a.pdf", PDF, "application/pdf"),
        ("b.docx", docx(), None),
        ("c.txt", b"words", "text/plain"),
        ("d.markdown", b"# words", "text/markdown"),
        ("broken.docx", b"PK\x03\x04 broken", None),
        ("encrypted.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None),
        ("empty.txt", b"", "text/plain"),
        ("utf16.txt", "wörter und mehr".encode("utf-16"), "text/plain"),
        ("noextension", b"plain words", "text/plain"),
    ]
    for name, data, media_type in let_in:
        answer = await upload(tenant, name, data)
        assert answer.status == 201, (name, answer.raw)
        assert media_type in {None, answer.json["media_type"]}
    refused = [
        ("a.pdf", b"just words", "type_mismatch"),
        ("a.txt", PDF, "type_mismatch"),
        ("a.docx", PDF, "type_mismatch"),
        ("a.exe", b"MZ", "unsupported_type"),
        ("a.gif", b"<p>", "unsupported_type"),
        ("a.txt", b"\x7fELF\x00\x00", "unsupported_type"),
        ("a.png", b"\x89PNG\r\n", "unsupported_type"),
        ("a", b"\x89PNG\r\n\x1a\n\x00\x00", "unsupported_type"),
    ]
    for name, data, code in refused:
        answer = await upload(tenant, name, data)
        assert (answer.status, answer.code) == (415, code), name


async def test_forms_that_do_not_fit(running: Running) -> None:
    tenant = await running.tenant()
    path = f"{tenant.path}/documents"
    too_large = await upload(tenant, "a.txt", b"x" * (25 * 1024 * 1024 + 1))
    assert (too_large.status, too_large.code) == (413, "file_too_large")
    no_form = await tenant.call("POST", path, {"file": "x"})
    assert (no_form.status, no_form.code) == (415, "unsupported_media_type")
    broken = await tenant.call(
        "POST", path, data=b"x", headers={"Content-Type": "multipart/form-data"}
    )
    assert (broken.status, broken.code) == (400, "invalid_form")
    more = await upload(tenant, "a.txt", b"x", role="admin")
    assert (more.status, more.code) == (422, "invalid")
    nothing = aiohttp.FormData({"title": "x"}, default_to_multipart=True)
    assert (await tenant.call("POST", path, data=nothing)).status == 422
    assert await running.rows("select 1 from uploads") == []


async def test_deletion_counts_though_the_index_is_away(running: Running) -> None:
    tenant = await running.tenant()
    made = await upload(tenant, "a.txt", b"words")
    one = f"{tenant.path}/documents/{made.json['document_id']}"
    assert (await tenant.call("DELETE", one)).status == 202
    assert (await tenant.call("GET", one)).status == 404
    said = await running.rows("select address from outbox order by id desc limit 1")
    assert [row["address"] for row in said] in ([], ["gateway.document-removed.v1"])


async def test_unknown_documents(running: Running) -> None:
    tenant = await running.tenant()
    for name, status in ((str(uuid4()), 404), ("nonsense", 422)):
        answer = await tenant.call("GET", f"{tenant.path}/documents/{name}")
        assert answer.status == status
