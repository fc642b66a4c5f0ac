"""Makes a model's words harmless before anybody sees them. Pure.

What a model writes may be what an attacker wrote into a document, a message or a tool's answer. So
links and images stay only where their host is listed, markup that is not Markdown goes, and nobody
is led anywhere by characters that cannot be seen. Words stay: an address that goes leaves `(…)`.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from linkify_it import LinkifyIt

GONE: Final = "(…)"
_ROUNDS_MAX: Final = 6
_SCHEMES: Final = frozenset({"http", "https"})
_JOINERS: Final = "\u200c\u200d"
_DOTS: Final = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))
_MORE_TLDS: Final = (
    *("academy", "agency", "app", "art", "bank", "blog", "bot", "cafe", "care", "center", "chat"),
    *("city", "click", "clinic", "cloud", "club", "codes", "company", "computer", "dev"),
    *("digital", "direct", "email", "example", "express", "finance", "fun", "games", "global"),
    *("group", "guru", "help", "host", "icu", "inc", "ink", "international", "invalid", "kitchen"),
    *("life", "link", "live", "loan", "local", "localhost", "love", "ltd", "market", "media"),
    *("mobi", "money", "monster", "mov", "network", "news", "ninja", "one", "online", "page"),
    *("party", "pay", "photo", "pics", "pizza", "plus", "press", "quest", "red", "rest", "review"),
    *("rocks", "run", "sale", "school", "science", "security", "services", "shop", "show", "site"),
    *("social", "software", "solutions", "space", "store", "stream", "studio", "support"),
    *("systems", "team", "tech", "technology", "test", "tips", "today", "tools", "top", "town"),
    *("toys", "travel", "trade", "vip", "website", "wiki", "win", "work", "works", "world"),
    *("wtf", "xyz", "zip", "zone"),
)
_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_AUTOLINK: Final = re.compile(r"<((?:[a-z][a-z0-9+.-]{1,31}:|www\.)[^\s<>]*)>", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[a-zA-Z!?][^<>]*>?")
_LABEL: Final = r"((?:[^\[\]\\]|\\.|\[[^\[\]]*\])*)"
_TARGET: Final = (
    r"\s*<?((?:[^()\s<>\\]|\\.|\([^()\s]*\))*)>?(?:\s+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?\s*"
)
_LINK: Final = re.compile(rf"(!?)\[{_LABEL}\]\({_TARGET}\)")
_LINK_TO_NOWHERE: Final = re.compile(rf"(!?)\[{_LABEL}\]\([^\n)]*(?:\)|\Z)")
_DEFINITION: Final = re.compile(r"^[ \t>]{0,8}\[([^\]\n]{1,99})\]:[^\n]*$", re.MULTILINE)
_SCHEME: Final = re.compile(
    r"(?<![\w.])([a-z][a-z0-9+.-]{1,31}):(?=[^\s])(//)?[^\s<>\"'`]*", re.IGNORECASE
)
_DANGEROUS: Final = frozenset({"javascript", "data", "vbscript", "file", "blob", "about", "intent"})
_NO_FILES: Final = re.compile(
    r"\.(?:py|md|sh|rs|pl|so|js|ts|cc|java|zip|mov)(?![\w/])", re.IGNORECASE
)

_finder: Final = LinkifyIt()
_finder.tlds(list(_MORE_TLDS), keep_old=True)


@dataclass(frozen=True, slots=True)
class Safe:
    """Words that lead nowhere but where they may, and what was taken out."""

    text: str
    removed: tuple[str, ...] = ()
    """Addresses, shortened, for the evidence."""


@dataclass(frozen=True, slots=True)
class MayLead:
    """Where links may lead: hosts, `*.host` for all below, and words that were there before."""

    hosts: frozenset[str]
    known_words: str = ""
    """Mail addresses that stand in these words may be repeated."""

    @classmethod
    def to(cls, hosts: Iterable[str], known_words: str = "") -> "MayLead":
        """Read hosts as people write them: with or without scheme, in any case."""
        read = (_host_written(host) for host in hosts)
        return cls(frozenset(filter(None, read)), known_words.casefold())

    def allows(self, url: str) -> bool:
        """Whether an address leads to a listed host, without tricks on the way."""
        if any(character in url for character in "\\\n\r\t ") or "@" in url.partition("?")[0]:
            return False
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").rstrip(".").encode("idna").decode()
        except (ValueError, UnicodeError):
            return False
        return parts.scheme.lower() in _SCHEMES and self._lists(host)

    def allows_mail(self, address: str) -> bool:
        """Whether a mail address is one that was there before, or of a listed host."""
        known = address.casefold()
        return known in self.known_words or self._lists(known.rpartition("@")[2])

    def _lists(self, host: str) -> bool:
        if host in self.hosts:
            return True
        parents = host.split(".")
        return any("*." + ".".join(parents[i:]) in self.hosts for i in range(1, len(parents)))


@dataclass(slots=True)
class _Taking:
    """Collects what is taken out."""

    may: MayLead
    removed: list[str] = field(default_factory=list)

    def gone(self, address: str) -> None:
        self.removed.append(address[:200])


def made_safe(text: str, may: MayLead) -> Safe:
    """Take everything out that leads where it may not; said again, it changes nothing more."""
    taking = _Taking(may)
    steps: tuple[Callable[[str, _Taking], str], ...] = (_markup, _links, _addresses)
    text = visible(text)
    for _ in range(_ROUNDS_MAX):
        before = text
        for step in steps:
            text = step(text, taking)
        if text == before:
            break
    else:
        # What is still moving was made to survive: nothing of its marks may stay.
        text = re.sub(r"[<>\[\]():/\\]", " ", text)
    return Safe(text.strip(), tuple(dict.fromkeys(taking.removed)))


def visible(text: str) -> str:
    """Return the text without characters that nobody sees; joiners stay where scripts need them."""
    if text.isascii():
        return text
    kept: list[str] = []
    for place, character in enumerate(text):
        if unicodedata.category(character) != "Cf" or _joins(text, place):
            kept.append(character)
    return "".join(kept)


def _joins(text: str, place: int) -> bool:
    """Whether a joiner stands between two characters beyond ASCII, as in emoji and Persian."""
    if text[place] not in _JOINERS or not 0 < place < len(text) - 1:
        return False
    return not text[place - 1].isascii() and not text[place + 1].isascii()


def _markup(text: str, taking: _Taking) -> str:
    """Comments and tags go, their words stay; `a < b` and `<3` are no tags."""
    if "<" not in text:
        return text
    text = _COMMENT.sub("", text)
    text = _AUTOLINK.sub(lambda found: found.group(1), text)
    return _TAG.sub(lambda found: _without_tag(found.group(), taking), text)


def _without_tag(tag: str, taking: _Taking) -> str:
    for address in re.findall(r"""(?:href|src)\s*=\s*["']?([^\s"'>]+)""", tag, re.IGNORECASE):
        taking.gone(address)
    return ""


def _links(text: str, taking: _Taking) -> str:
    """Markdown links and images: kept, or only their words."""
    if "](" not in text and "]:" not in text:
        return text

    def link(found: re.Match[str]) -> str:
        mark, words, address = found.groups()
        address = address.translate(_DOTS)
        if taking.may.allows(address) and not _leads(words, taking.may):
            return f"{mark}[{words}]({address})"
        taking.gone(address)
        return _words_of(words)

    def nowhere(found: re.Match[str]) -> str:
        if _LINK.fullmatch(found.group()):
            return found.group()
        taking.gone(found.group()[len(found.group(2)) + 2 :])
        return _words_of(found.group(2))

    def definition(found: re.Match[str]) -> str:
        taking.gone(found.group())
        return ""

    text = _LINK.sub(link, text)
    text = _LINK_TO_NOWHERE.sub(nowhere, text)
    return _DEFINITION.sub(definition, text)


def _words_of(label: str) -> str:
    """Return a link's words; a number alone is a citation."""
    return f"[{label}]" if label.strip().isdigit() else label


def _leads(words: str, may: MayLead) -> bool:
    """Whether a link's words look like another address than those that are allowed."""
    return any(not _may_stay(match.schema, match.url, may) for match in _finder.match(words) or ())


def _addresses(text: str, taking: _Taking) -> str:
    """Addresses that stand by themselves, which every channel makes clickable."""
    if "." not in text.translate(_DOTS) and ":" not in text:
        return text
    text = re.sub(r"(?<=\w)[\u3002\uff0e\uff61](?=\w)", ".", text)
    kept: list[str] = []
    at = 0
    spans = _kept_links(text)
    for match in _finder.match(text) or ():
        inside = any(begin <= match.index < end for begin, end in spans)
        if inside or _may_stay(match.schema, match.url, taking.may) or _is_file(match.text):
            continue
        kept += [text[at : match.index], GONE]
        at = match.last_index
        taking.gone(match.text)
    kept.append(text[at:])
    return _schemes("".join(kept), taking)


def _schemes(text: str, taking: _Taking) -> str:
    """Schemes that a finder of web addresses does not know: scripts, data, numbers in brackets."""
    spans = _kept_links(text)

    def address(found: re.Match[str]) -> str:
        inside = any(begin <= found.start() < end for begin, end in spans)
        scheme, slashes = found.group(1).lower(), found.group(2)
        harmless = scheme not in _DANGEROUS and not slashes
        if inside or harmless or taking.may.allows(found.group().rstrip(".,;:!?)]}")):
            return found.group()
        taking.gone(found.group())
        return GONE

    return _SCHEME.sub(address, text)


def _kept_links(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in _LINK.finditer(text)]


def _may_stay(schema: str, url: str, may: MayLead) -> bool:
    if schema == "mailto:":
        return may.allows_mail(url.removeprefix("mailto:"))
    return may.allows(url if "//" in url else f"http://{url}")


def _is_file(text: str) -> bool:
    """Whether what looks like a host is a file's name."""
    return "/" not in text and _NO_FILES.search(text) is not None and text.count(".") == 1


def _host_written(written: str) -> str:
    host = written.strip().lower()
    host = host.partition("://")[2] or host
    host = host.partition("/")[0].rpartition("@")[2].rstrip(".")
    wild = host.startswith("*.")
    name = host[2:] if wild else host
    name = name.partition(":")[0]
    try:
        name = name.encode("idna").decode()
    except UnicodeError:
        return ""
    return f"*.{name}" if wild and name else name


def listed_hosts(*groups: Collection[str] | None) -> list[str]:
    """Join lists of hosts and addresses."""
    return [one for group in groups if group for one in group]
