"""What is fetched, how much of it, and where a fetch never goes."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from time import perf_counter
from typing import Any

import pytest
from yarl import URL

from egress import (
    BlockedAddress,
    CheckedResolver,
    EgressPolicy,
    FetchCode,
    Fetcher,
    FetchFailed,
    FetchRules,
    Validators,
)
from egress import open_session as open_checked

RULES = FetchRules(bytes_max=1_000_000, seconds=5.0)
AGENT = "Tests/1.0"


class Checking(EgressPolicy):
    """A policy that looks at addresses only: any scheme and port, as a test's server has them."""

    def check_url(self, text: str, base: URL | None = None) -> URL:
        return EgressPolicy(allow_private_networks=True).check_url(text, base)


@asynccontextmanager
async def fetcher(policy: EgressPolicy) -> AsyncIterator[Fetcher]:
    async with open_checked(policy, user_agent=AGENT, total_seconds=10) as session:
        yield Fetcher(session, policy)


@pytest.fixture
async def anywhere() -> AsyncIterator[Fetcher]:
    async with fetcher(EgressPolicy(allow_private_networks=True)) as made:
        yield made


@pytest.fixture
async def public_only() -> AsyncIterator[Fetcher]:
    async with fetcher(Checking()) as made:
        yield made


async def refused(made: Fetcher, url: str, rules: FetchRules = RULES) -> FetchCode:
    with pytest.raises(FetchFailed) as caught:
        await made.fetch(URL(url), rules)
    assert "127.0.0.1" not in str(caught.value)
    return caught.value.code


async def test_a_page(anywhere: Fetcher, site: Any) -> None:
    page = await anywhere.fetch(URL(f"{site.url}/page"), RULES)
    assert (page.status, page.content) == (200, b"<p>hello</p>")
    assert page.content_type == "text/html; charset=utf-8"
    assert site.asked[0].headers["User-Agent"] == AGENT
    assert "Cookie" not in site.asked[0].headers
    again = await anywhere.fetch(URL(f"{site.url}/page"), RULES, known=page.validators)
    assert (again.status, again.content) == (304, b"")
    assert again.validators == page.validators == Validators('"1"', "Mon, 01 Jan 2024 00:00:00 GMT")


async def test_packed_pages_are_unpacked(anywhere: Fetcher, site: Any) -> None:
    assert (await anywhere.fetch(URL(f"{site.url}/packed"), RULES)).content == b"<p>packed</p>"


async def test_redirects_are_followed_and_told(anywhere: Fetcher, site: Any) -> None:
    hops: list[str] = []

    async def note(url: URL) -> None:
        hops.append(url.path)

    page = await anywhere.fetch(URL(f"{site.url}/chain/3"), RULES, before_hop=note)
    assert (page.url.path, page.content) == ("/page", b"<p>hello</p>")
    assert hops == ["/chain/2", "/chain/1", "/chain/0", "/page"]


async def test_what_looks_at_a_hop_may_forbid_it(anywhere: Fetcher, site: Any) -> None:
    async def forbid(_: URL) -> None:
        raise PermissionError

    with pytest.raises(PermissionError):
        await anywhere.fetch(URL(f"{site.url}/redirect"), RULES, before_hop=forbid)
    assert len(site.asked) == 1


async def test_redirects_end(anywhere: Fetcher, site: Any) -> None:
    assert (await anywhere.fetch(URL(f"{site.url}/chain/4"), RULES)).status == 200
    assert await refused(anywhere, f"{site.url}/chain/5") == "too_many_redirects"
    none = replace(RULES, redirects_max=0)
    assert await refused(anywhere, f"{site.url}/redirect", none) == "too_many_redirects"


async def test_other_answers_are_told_without_their_words(anywhere: Fetcher, site: Any) -> None:
    page = await anywhere.fetch(URL(f"{site.url}/missing"), RULES)
    assert (page.status, page.content) == (404, b"")


@pytest.mark.parametrize("path", ["endless", "announced", "bomb"])
async def test_too_much_is_not_read(anywhere: Fetcher, site: Any, path: str) -> None:
    assert await refused(anywhere, f"{site.url}/{path}") == "too_large"
    assert site.bytes_sent < 16_000_000


@pytest.mark.parametrize("path", ["hang", "drip"])
async def test_slow_answers_are_given_up(anywhere: Fetcher, site: Any, path: str) -> None:
    began = perf_counter()
    assert await refused(anywhere, f"{site.url}/{path}", replace(RULES, seconds=0.3)) == "timeout"
    assert perf_counter() - began < 2


async def test_time_is_counted_over_all_hops(
    anywhere: Fetcher, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.location = "/hang"
    began = perf_counter()
    rules = replace(RULES, seconds=0.3)
    assert await refused(anywhere, f"{site.url}/redirect", rules) == "timeout"
    assert perf_counter() - began < 2


@pytest.mark.parametrize(
    ("path", "code"), [("reset", "connection_failed"), ("brotli", "unreadable_encoding")]
)
async def test_broken_answers(anywhere: Fetcher, site: Any, path: str, code: str) -> None:
    assert await refused(anywhere, f"{site.url}/{path}") == code


async def test_only_types_that_are_wanted(anywhere: Fetcher, site: Any) -> None:
    pages = replace(RULES, content_types=frozenset({"text/html"}))
    assert (await anywhere.fetch(URL(f"{site.url}/page"), pages)).status == 200
    assert await refused(anywhere, f"{site.url}/picture", pages) == "wrong_content_type"


async def test_nobody_there(anywhere: Fetcher) -> None:
    assert await refused(anywhere, "http://nowhere.invalid/") == "unresolvable"
    assert await refused(anywhere, "http://127.0.0.1:1/") == "connection_failed"


async def test_tls_that_cannot_be_trusted(anywhere: Fetcher, site: Any) -> None:
    url = site.url.replace("http:", "https:")
    assert await refused(anywhere, f"{url}/page") in {"tls_error", "connection_failed"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
async def test_private_addresses_are_not_dialled(
    public_only: Fetcher, site: Any, host: str
) -> None:
    assert await refused(public_only, f"http://{host}:{site.port}/page") == "blocked_address"
    assert not site.asked


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "0",
        "127.0.0.1.",
        "localhost.",
        "１２７.0.0.1",
    ],
)
async def test_odd_spellings_of_loopback(public_only: Fetcher, site: Any, host: str) -> None:
    assert await refused(public_only, f"http://{host}:{site.port}/page") in {
        "blocked_address",
        "unresolvable",
        "invalid_url",
    }
    assert not site.asked


async def test_urls_are_checked_before_anything_is_sent(site: Any) -> None:
    async with fetcher(EgressPolicy()) as made:
        assert await refused(made, f"{site.url}/page") == "invalid_url"
        assert await refused(made, "https://[::1]/") == "invalid_url"
    assert not site.asked


class LyingResolver:
    """Answers with what a test prepared, and counts the questions."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.questions = 0

    async def __call__(self, _host: str, port: int, **_: Any) -> list[Any]:
        addresses = self.answers[min(self.questions, len(self.answers) - 1)]
        self.questions += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    def answer_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self)


async def test_one_private_answer_refuses_the_whole_name(
    public_only: Fetcher, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answers in (["1.1.1.1", "127.0.0.1"], ["127.0.0.1", "1.1.1.1"]):
        resolver = LyingResolver(answers)
        resolver.answer_all(monkeypatch)
        assert await refused(public_only, f"http://mixed.example:{site.port}/page") == (
            "blocked_address"
        )
        assert resolver.questions == 1
    assert not site.asked


@pytest.mark.parametrize("answers", [["1.1.1.1", "10.0.0.1"], ["10.0.0.1", "1.1.1.1"]])
async def test_every_answer_of_a_name_is_looked_at(
    answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only the one that would be dialled."""
    LyingResolver(answers).answer_all(monkeypatch)
    with pytest.raises(BlockedAddress):
        await CheckedResolver(EgressPolicy()).resolve("mixed.example", 443)


async def test_a_name_is_asked_once_and_the_checked_answer_is_dialled(
    anywhere: Fetcher, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = LyingResolver(["127.0.0.1"], ["10.0.0.7"])
    resolver.answer_all(monkeypatch)
    page = await anywhere.fetch(URL(f"http://rebinding.example:{site.port}/page"), RULES)
    assert page.status == 200
    assert resolver.questions == 1
    assert site.asked[0].headers["Host"] == f"rebinding.example:{site.port}"


async def test_a_redirect_does_not_lead_inside(
    anywhere: Fetcher, public_only: Fetcher, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first address is let through by hand: what is tested is the second."""
    dialled: list[str] = []

    def once(_: EgressPolicy, address: str) -> None:
        dialled.append(address)
        if len(dialled) > 2:
            EgressPolicy().check_address(address)

    monkeypatch.setattr(Checking, "check_address", once)
    LyingResolver(["127.0.0.1"]).answer_all(monkeypatch)
    for target in ("127.0.0.1", "inside.example", "169.254.169.254", "[::1]"):
        dialled.clear()
        site.asked.clear()
        site.location = f"http://{target}:{site.port}/page"
        start = f"http://a{len(target)}.example:{site.port}/redirect"
        assert await refused(public_only, start) == "blocked_address"
        assert [request.path for request in site.asked] == ["/redirect"]
    site.location = f"ftp://127.0.0.1:{site.port}/page"
    assert await refused(anywhere, f"{site.url}/redirect") == "invalid_url"
