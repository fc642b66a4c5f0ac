"""From an upload to an answer, and away again."""

import asyncio
import io
import zipfile

import pytest
from whole_platform import Shop, customer_number


def pdf(words: str) -> bytes:
    """A PDF of one page with these words."""
    stream = f"BT /F1 14 Tf 50 700 Td ({words}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length " + str(len(stream)).encode() + b" >>\nstream\n" + stream + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = io.BytesIO(b"")
    out.write(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(f"{number} 0 obj\n".encode() + body + b"\nendobj\n")
    table = out.tell()
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode())
    for place in places:
        out.write(f"{place:010d} 00000 n \n".encode())
    out.write(f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\n".encode())
    out.write(f"startxref\n{table}\n%%EOF".encode())
    return out.getvalue()


async def test_a_pdf_is_asked_about_and_forgotten(shop: Shop):
    words = "The espresso machine Bora 7 must be descaled every 90 days with citric acid."
    document = await shop.upload("bora.pdf", pdf(words), "application/pdf")
    assert (document["stage"], document["code"]) == ("ready", None), document
    customer = customer_number()
    shop.say(customer, "How often must I descale the Bora 7?")
    (answer,) = await asyncio.to_thread(shop.wait_reply, customer)
    assert "90 days" in answer
    path = f"/api/tenants/{shop.tenant_id}/documents/{document['document_id']}"
    async with shop.api as api:
        await api.delete(path)
        found = await api.post(
            f"/api/tenants/{shop.tenant_id}/search", {"query": "descale the Bora 7", "limit": 5}
        )
    assert found["passages"] == []


@pytest.mark.parametrize(
    ("file_name", "data", "content_type", "code"),
    [
        ("empty.pdf", pdf(""), "application/pdf", "no_text"),
        ("broken.pdf", b"%PDF-1.7 nothing of the kind", "application/pdf", "corrupt_document"),
        ("blank.txt", b"   \n\n ", "text/plain", "no_text"),
    ],
)
async def test_a_bad_file_says_why_and_what_to_do(
    shop: Shop, file_name: str, data: bytes, content_type: str, code: str
):
    document = await shop.upload(file_name, data, content_type)
    assert (document["stage"], document["code"]) == ("failed", code)
    assert len(document["detail"]) > 20


async def test_a_file_of_a_strange_kind_is_refused_at_the_door(shop: Shop):
    from chatctl.gateway_api import ApiProblem

    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("readme.txt", "hello")
    for name, data in (("tool.exe", b"MZ" + bytes(200)), ("many.zip", held.getvalue())):
        with pytest.raises(ApiProblem) as refused:
            await shop.upload(name, data, "application/octet-stream")
        assert refused.value.status == 415


async def test_another_tenant_finds_nothing_of_it(returns_shop: Shop, shop: Shop):
    async with shop.api as api:
        found = await api.post(
            f"/api/tenants/{shop.tenant_id}/search",
            {"query": "How long do I have to return an item?", "limit": 5},
        )
    assert found["passages"] == []
    async with returns_shop.api as api:
        found = await api.post(
            f"/api/tenants/{returns_shop.tenant_id}/search",
            {"query": "How long do I have to return an item?", "limit": 5},
        )
    assert "30 days" in found["passages"][0]["text"]
