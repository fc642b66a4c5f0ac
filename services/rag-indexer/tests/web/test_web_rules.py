"""Names, paths, times and encodings of pages. Pure."""

from uuid import uuid4

import pytest
from yarl import URL

from rag_indexer.parsed import REASONS, Unreadable
from rag_indexer.web_failures import OF_THE_SITE, SENTENCES, WebFailure
from rag_indexer.web_rules import (
    PathFilter,
    file_name_of,
    in_utf8,
    is_same_site,
    next_look_seconds,
    page_document_id,
)

NAMES: list[tuple[str, str | None, str]] = [
    ("https://a.example/", "text/html; charset=utf-8", "a.example.html"),
    ("https://a.example/help/returns", "text/html", "returns.html"),
    ("https://a.example/help/returns.php", "text/html", "returns.html"),
    ("https://a.example/help/returns.html", "text/html", "returns.html"),
    ("https://a.example/v1.2", "text/html", "v1.2.html"),
    ("https://a.example/prices", "application/pdf", "prices.pdf"),
    ("https://a.example/prices.pdf", "application/octet-stream", "prices.pdf"),
    ("https://a.example/notes.md", "text/plain", "notes.md"),
    ("https://a.example/prices.pdf", None, "prices.pdf"),
    ("https://a.example/prices.pdf", "text/html", "prices.html"),
    ("https://a.example/download?id=7", "application/octet-stream", "download"),
    ("https://a.example/a%00%0A%E2%80%AEb%20%20c.pdf", None, "a b c.pdf"),
    ("https://a.example/%00", "text/html", "a.example.html"),
    ("https://a.example/" + "a" * 300, "text/html", "a" * 180 + ".html"),
]


@pytest.mark.parametrize(("url", "content_type", "name"), NAMES)
def test_file_names(url: str, content_type: str | None, name: str) -> None:
    assert file_name_of(URL(url), content_type) == name


@pytest.mark.parametrize(
    ("include", "exclude", "path", "taken"),
    [
        ([], [], "/a", True),
        (["/help/"], [], "/help/a", True),
        (["/help/"], [], "/shop/a", False),
        (["help"], [], "/help/a", True),
        (["/help/", "/faq"], [], "/faq", True),
        ([], ["/shop"], "/shop/a", False),
        (["/help"], ["/help/old"], "/help/old/a", False),
        (["/pomoć"], [], "/pomo%C4%87/a", True),
        (["/pomo%C4%87"], [], "/pomoć/a", True),
    ],
)
def test_paths(include: list[str], exclude: list[str], path: str, taken: bool) -> None:
    assert PathFilter(include, exclude).takes(URL(f"https://a.example{path}")) is taken


@pytest.mark.parametrize(
    ("host", "same"),
    [
        ("shop.example", True),
        ("www.shop.example", True),
        ("help.shop.example", True),
        ("evilshop.example", False),
        ("shop.example.evil", False),
        ("example", False),
    ],
)
def test_a_sitemap_speaks_for_its_own_site(host: str, same: bool) -> None:
    for sitemap in ("https://shop.example/s.xml", "https://www.shop.example/s.xml"):
        assert is_same_site(URL(f"https://{host}/a"), URL(sitemap)) is same


def test_a_page_that_comes_back_is_another_document() -> None:
    source_id = uuid4()
    lives = [page_document_id(source_id, "https://a.example/", life) for life in range(3)]
    assert len(set(lives)) == 3
    assert lives[0] == page_document_id(source_id, "https://a.example/", 0)
    assert lives[0] != page_document_id(uuid4(), "https://a.example/", 0)


def test_when_the_next_look_is() -> None:
    for _ in range(100):
        assert 0.95 * 86_400 <= (next_look_seconds(24, 0) or 0) <= 1.05 * 86_400
        assert 57 <= (next_look_seconds(24, 1) or 0) <= 63
        assert (next_look_seconds(1, 4) or 0) <= 1.05 * 3_600, "never later than usual"
        assert (next_look_seconds(24, 5) or 0) >= 0.95 * 86_400
        assert 57 <= (next_look_seconds(None, 1) or 0) <= 63
    assert next_look_seconds(None, 0) is None
    assert next_look_seconds(None, 5) is None
    assert len({next_look_seconds(24, 0) for _ in range(10)}) > 1, "not all at once"


def test_text_becomes_utf_8_where_its_server_says_what_it_is() -> None:
    text = "čaša š"
    for charset, codec in (("windows-1250", "cp1250"), ("ISO-8859-2", "iso8859-2")):
        found = in_utf8(text.encode(codec), f'text/html; charset="{charset}"')
        assert found.decode("utf-8-sig") == text
    assert in_utf8(b"\x93a\x94", "text/html; charset=iso-8859-1").decode("utf-8-sig") == "“a”"


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/html",
        "text/html; charset=utf-8",
        "text/html; charset=nonsense",
        "text/html; charset=rot13",
        "text/html; charset=zlib",
        "text/html; charset=punycode",
        "text/html; charset=unicode_escape",
        "application/pdf; charset=windows-1250",
    ],
)
def test_other_bytes_stay_as_they_are(content_type: str | None) -> None:
    assert in_utf8(b"\xe8a\\u0041", content_type) == b"\xe8a\\u0041"


def test_bytes_that_are_not_what_their_server_says_stay_as_they_are() -> None:
    assert in_utf8(b"\x81\xff", "text/html; charset=shift_jis") == b"\x81\xff"


def test_every_failure_has_words() -> None:
    for code in (*SENTENCES, *REASONS):
        assert len(WebFailure(code).sentence) > 30
    assert set(SENTENCES) >= OF_THE_SITE
    assert WebFailure.of_parser(Unreadable("timeout")).code not in OF_THE_SITE
    for status in range(400, 600):
        assert WebFailure.of_status(status).code in SENTENCES
    assert len(WebFailure("http_error", "x" * 600).sentence) <= 512
