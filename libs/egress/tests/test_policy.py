"""Which URLs may be called."""

import pytest
from yarl import URL

from egress import WEB, EgressPolicy, InvalidUrl

PUBLIC_ONLY = EgressPolicy()
PAGES = EgressPolicy(ports=WEB)
ANYWHERE = EgressPolicy(allow_private_networks=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "https://example.com:8443/hook?a=b",
        "https://[2606:4700::1111]/hook",
        "https://bücher.example/hook",
        "https://example.com./hook",
    ],
)
def test_urls_that_may_be_called(url: str) -> None:
    assert PUBLIC_ONLY.check_url(url).scheme == "https"


REFUSED = [
    "",
    "example.com",
    "/hook",
    "//example.com/hook",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "data:text/html,hello",
    "https://",
    "https:///hook",
    "https:example.com",
    "https:/example.com",
    "https://user:password@example.com/",
    "https://user@example.com/",
    "https://:password@example.com/",
    "https://example.com:22/",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://example.com:port/",
    "https://example.com:-1/",
    "https://[::1/",
    "https://[::1%25eth0]/",
    "https://[1:2:3:4:5:6:7:8:9]/",
    "https://[www.example.com]/",
    "https://a..b/",
    "https://.example.com/",
    "https://a<b/",
    "https://a|b/",
    "https://a^b/",
    "https://a%b/",
    "https://%31%32%37.0.0.1/",
    "https://a:b@c:d/",
    f"https://{'a' * 64}.example/",
    f"https://{'a.' * 130}example/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://169.254.169.254/latest/meta-data",
    "https://１２７.０.０.１/",
    "https://exa mple.com/",
    "https://example.com\\@127.0.0.1/",
    "https://example.com/\r\nX-Header: 1",
    "https://example.com/\x00",
    "https://example.com/\u202etxt",
    "https://example.com/" + "a" * 2_048,
]


@pytest.mark.parametrize("url", REFUSED)
def test_urls_that_are_refused(url: str) -> None:
    for policy in (PUBLIC_ONLY, PAGES):
        with pytest.raises(InvalidUrl):
            policy.check_url(url)


def test_pages_are_read_in_the_clear_too_but_nothing_is_sent_so() -> None:
    assert PAGES.check_url("http://example.com/").port == 80
    for policy, url in (
        (PUBLIC_ONLY, "http://example.com/"),
        (PUBLIC_ONLY, "http://example.com:443/"),
        (PAGES, "http://example.com:443/"),
        (PAGES, "https://example.com:80/"),
        (PAGES, "http://example.com:6379/"),
        (PAGES, "http://127.0.0.1/"),
    ):
        with pytest.raises(InvalidUrl):
            policy.check_url(url)


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("/b", "https://example.com/b"),
        ("../b?c", "https://example.com/b?c"),
        ("//other.example/b", "https://other.example/b"),
        ("https://other.example/b", "https://other.example/b"),
    ],
)
def test_redirects_are_read_from_where_they_stand(target: str, found: str) -> None:
    assert str(PUBLIC_ONLY.check_url(target, URL("https://example.com/a/c"))) == found


@pytest.mark.parametrize(
    "target",
    ["http://example.com/", "//127.0.0.1/", "//[::1]/", "ftp://example.com/", "//a@example.com/"],
)
def test_redirects_are_checked_like_any_url(target: str) -> None:
    with pytest.raises(InvalidUrl):
        PUBLIC_ONLY.check_url(target, URL("https://example.com/a/c"))


def test_development_accepts_loopback_but_still_no_credentials() -> None:
    assert ANYWHERE.check_url("http://127.0.0.1:9000/hook").port == 9000
    for url in ("http://user:password@127.0.0.1:9000/", "gopher://127.0.0.1/"):
        with pytest.raises(InvalidUrl):
            ANYWHERE.check_url(url)
