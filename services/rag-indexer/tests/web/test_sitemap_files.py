"""What is read of a sitemap's bytes, and what is refused."""

import gzip

import pytest

from rag_indexer.sitemap_child import NoSitemap, read_sitemap

LOC = "<url><loc>https://a.example/1</loc></url>"
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    '<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>'
)


@pytest.mark.parametrize(
    ("content", "kind", "addresses"),
    [
        (f"<urlset>{LOC}</urlset>", "pages", ["https://a.example/1"]),
        (f"\ufeff  <?xml version='1.0'?><urlset>{LOC}</urlset>", None, []),
        (
            '<ns:urlset xmlns:ns="x" xmlns:i="y"><ns:url><ns:loc> https://a.example/1?a=1&amp;b=2 '
            "</ns:loc><i:image><i:loc>https://a.example/p.png</i:loc></i:image></ns:url></ns:urlset>",
            "pages",
            ["https://a.example/1?a=1&b=2"],
        ),
        (
            "<sitemapindex><sitemap><loc>https://a.example/s.xml</loc></sitemap></sitemapindex>",
            "index",
            ["https://a.example/s.xml"],
        ),
        ("<urlset></urlset>", "pages", []),
        ("https://a.example/1\r\nhttps://a.example/2\n", "pages", ["https://a.example/1",
                                                                  "https://a.example/2"]),
        ("<html><body>hello</body></html>", None, []),
        ("<urlset><url><loc>https://a.example/1</loc>", None, []),
        ("hello", None, []),
        ("", None, []),
        (BOMB, None, []),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><urlset></urlset>', None, []),
        ("<urlset>" + "<a>" * 1_000 + "</a>" * 1_000 + "</urlset>", None, []),
    ],
)  # fmt: skip
def test_what_is_read(content: str, kind: str | None, addresses: list[str]) -> None:
    for body in (content.encode(), gzip.compress(content.encode())):
        if kind is None:
            with pytest.raises(NoSitemap):
                read_sitemap(body)
        else:
            assert read_sitemap(body) == {"kind": kind, "addresses": addresses}


def test_bounds() -> None:
    many = "".join(f"<url><loc>https://a.example/{n}</loc></url>" for n in range(50_010))
    assert len(read_sitemap(f"<urlset>{many}</urlset>".encode())["addresses"]) == 50_000
    long = f"<urlset><url><loc>https://a.example/{'a' * 2_048}</loc></url>{LOC}</urlset>"
    assert read_sitemap(long.encode())["addresses"] == ["https://a.example/1"]
    for packed in (gzip.compress(bytes(51 * 1024 * 1024)), gzip.compress(b"<urlset/>")[:-4]):
        with pytest.raises(NoSitemap):
            read_sitemap(packed)
