"""An answer has to fit into one message: a page is shorter where what it lists is long."""

import json
from typing import Any

import pytest

from contracts.message import MESSAGE_BYTES_MAX
from contracts.v1.documents import ListDocuments
from rag_indexer.domain import fit_count

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")


def test_as_many_as_fit_and_never_none() -> None:
    assert fit_count([10, 10, 10, 10], 30) == 3
    assert fit_count([100, 1], 30) == 1
    assert fit_count([], 30) == 0


async def test_documents_with_much_to_tell_come_in_shorter_pages(indexer: Any) -> None:
    made = [await indexer.upload(b"words", title=f"Doc {n}") for n in range(12)]
    entries = [{"name": f"name {n}", "value": "\N{GRINNING FACE}" * 512} for n in range(20)]
    for document_id in made:
        await indexer.configure(document_id, 1, metadata=[])
    await indexer.execute("update document_properties set metadata = $1", json.dumps(entries))
    cursor, seen, pages = None, [], 0
    while True:
        page = await indexer.answering.list_documents(
            ListDocuments.make(tenant_id=indexer.tenant_id, stage=None, cursor=cursor, limit=200)
        )
        assert len(page.model_dump_json().encode()) < MESSAGE_BYTES_MAX
        seen += [one.document_id for one in page.documents]
        cursor, pages = page.next_cursor, pages + 1
        if cursor is None:
            break
    assert seen == made[::-1]
    assert pages == 3
