"""What robots.txt allows: the standard's own examples, and files that mean harm."""

from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_indexer.robots import Robots

RULES: list[tuple[str, str, bool]] = [
    ("Disallow: /", "/", False),
    ("Disallow:", "/a", True),
    ("Disallow: /a", "/b", True),
    ("Disallow: /a", "/a/b", False),
    ("Disallow: /a", "/ab", False),
    ("Disallow: /a/", "/a", True),
    ("Disallow: /a\nAllow: /a/b", "/a/b/c", True),
    ("Disallow: /a\nAllow: /a/b", "/a/c", False),
    ("Allow: /a\nDisallow: /a", "/a", True),
    ("Disallow: /a/b\nAllow: /a", "/a/b", False),
    ("Disallow: *.gif$", "/pictures/a.gif", False),
    ("Disallow: *.gif$", "/pictures/a.gif?b", True),
    ("Disallow: /*/private/", "/x/y/private/z", False),
    ("Disallow: /*/private/", "/private/z", True),
    ("Disallow: /a*c*e$", "/abcde", False),
    ("Disallow: /a*c*e$", "/abcdef", True),
    ("Disallow: /a*bc$", "/abc", False),
    ("Disallow: /a*ab$", "/ab", True),
    ("Disallow: /$", "/", False),
    ("Disallow: /$", "/a", True),
    ("Disallow: /*?", "/a?b", False),
    ("Disallow: /*?", "/a", True),
    ("Disallow: /%7Ejo", "/~jo/a", False),
    ("Disallow: /~jo", "/%7ejo/a", False),
    ("Disallow: /a%2fb", "/a/b", True),
    ("Disallow: /a%2fb", "/a%2Fb", False),
    ("Disallow: /š", "/%C5%A1/a", False),
    ("Disallow: /A", "/a", True),
    ("Disallow: / # all of it", "/a", False),
    ("disallow : /a", "/a", False),
    ("Disallow: /", "/robots.txt", True),
    ("no colon\nDisallow: /a", "/a", False),
]


@pytest.mark.parametrize(("rules", "target", "allowed"), RULES)
def test_rules(rules: str, target: str, allowed: bool) -> None:
    assert Robots.parse(f"User-agent: *\n{rules}\n".encode()).allows(target) is allowed


FILES: list[tuple[str, bool]] = [
    ("", True),
    ("Disallow: /", True),
    ("User-agent: *\nDisallow: /", False),
    ("User-agent: OtherBot\nDisallow: /", True),
    ("User-agent: MetaChatPages\nDisallow: /", False),
    ("User-agent: metachatpages/2.0\nDisallow: /", False),
    ("User-agent: MetaChatPagesX\nDisallow: /", True),
    ("User-agent: *\nDisallow: /\n\nUser-agent: MetaChatPages\nAllow: /", True),
    ("User-agent: MetaChatPages\nAllow: /\n\nUser-agent: *\nDisallow: /", True),
    ("User-agent: MetaChatPages\n\nUser-agent: *\nDisallow: /", False),
    ("User-agent: a\nUser-agent: MetaChatPages\nDisallow: /", False),
    ("User-agent: MetaChatPages\nDisallow: /b\n\nUser-agent: MetaChatPages\nDisallow: /a", False),
    ("User-agent: *\nCrawl-delay: 5\nDisallow: /a", False),
    ("User-agent: *\nSitemap: https://a.example/s.xml\nDisallow: /a", False),
    ("\ufeffUser-agent: *\r\nDisallow: /a\r\n", False),
    ("<html>not found</html>", True),
]


@pytest.mark.parametrize(("text", "allowed"), FILES)
def test_groups(text: str, allowed: bool) -> None:
    assert Robots.parse(text.encode()).allows("/a") is allowed


def test_the_delay_is_that_of_our_group() -> None:
    text = b"User-agent: *\nCrawl-delay: 7\n\nUser-agent: x\nCrawl-delay: 90\n"
    assert Robots.parse(text).crawl_delay_seconds == 7
    assert Robots.parse(text, "x").crawl_delay_seconds == 90
    for wrong in (b"soon", b"-1", b"nan", b"1e9"):
        file = b"User-agent: *\nCrawl-delay: " + wrong
        assert Robots.parse(file).crawl_delay_seconds is None


@settings(deadline=None)
@given(st.binary(max_size=2_000), st.text(max_size=200))
def test_nothing_breaks_it(content: bytes, target: str) -> None:
    assert Robots.parse(content).allows(f"/{target}") in {True, False}


@settings(deadline=None)
@given(st.text("ab*", min_size=1, max_size=12), st.text("ab", max_size=16))
def test_patterns_mean_what_wildcards_mean(pattern: str, path: str) -> None:
    from fnmatch import fnmatchcase

    robots = Robots.parse(f"User-agent: *\nDisallow: /{pattern}\n".encode())
    assert robots.allows(f"/{path}") is not fnmatchcase(f"/{path}", f"/{pattern}*")
    exact = Robots.parse(f"User-agent: *\nDisallow: /{pattern}$\n".encode())
    assert exact.allows(f"/{path}") is not fnmatchcase(f"/{path}", f"/{pattern}")


def test_a_hostile_file_costs_little() -> None:
    began = perf_counter()
    line = "Disallow: /" + "*a" * 1_000 + "b$\n"
    robots = Robots.parse(("User-agent: *\n" + line * 200).encode())
    assert robots.allows("/" + "a" * 2_000)
    assert perf_counter() - began < 2
