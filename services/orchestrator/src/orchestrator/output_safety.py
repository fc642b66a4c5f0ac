"""Makes a model's words harmless before anybody sees them. Pure.

What a model writes may be what an attacker wrote into a document, a message or a tool's answer. So
links and images stay only where their host is listed, markup that is not Markdown goes, and nobody
is led anywhere by characters that cannot be seen. Words stay: an address that goes leaves `(…)`.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from html import unescape
from typing import Final
from urllib.parse import urlsplit

from linkify_it import LinkifyIt

from orchestrator.markup_names import ELEMENTS, MORE_TLDS

GONE: Final = "(…)"
_ROUNDS_MAX: Final = 6
_HOST_CHARACTERS_MAX: Final = 253
_SCHEMES: Final = frozenset({"http", "https"})
_JOINERS: Final = "\u200c\u200d"
_DOTS: Final = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))
_CONTROLS: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u034f\u115f\u1160\u3164\uffa0]"
)
_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG_NAME: Final = re.compile(r"</?([a-zA-Z][\w:-]*)")
_TAG_OF_WORDS: Final = re.compile(r"</?\w[\w ,.'/-]*>")
_AUTOLINK: Final = re.compile(r"<((?:[a-z][a-z0-9+.-]{1,31}:|www\.)[^\s<>]*)>", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[a-zA-Z!?][^<>]*>?")
_LABEL: Final = r"((?:[^\[\]\\]|\\.|\[[^\[\]]*\])*)"
_TARGET: Final = (
    r"\s*<?((?:[^()\s<>\\]|\\.|\([^()\s]*\))*)>?(?:\s+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?\s*"
)
_LINK: Final = re.compile(rf"(!?)\[{_LABEL}\]\({_TARGET}\)")
_LINK_TO_NOWHERE: Final = re.compile(rf"(!?)\[{_LABEL}\]\([^\n)]*(?:\)|\Z)")
_DEFINITION: Final = re.compile(
    r"^([ \t>*+\-\d.)]{0,40})\[([^\]\n]{1,999})\]:"
    r"(?=[ \t]*\S*(?:[ \t]+(?:\"[^\n]*|'[^\n]*|\([^\n]*))?[ \t]*$)",
    re.MULTILINE,
)
"""Of links by reference; `[Note]: some words` is none."""
_MAIL_IN_ANGLES: Final = re.compile(r"<([\w.+-]+@[\w.-]+)>")
_DISGUISE: Final = re.compile(r"[*_~`\\&\u2024\ufe50-\ufe6f\uff00-\uffef]")
_CLUNG: Final = re.compile(
    r"(?<=\w)(?:https?|ftp)://[^\s<>]*"
    r"|(?<![\w.@])www\.[^\s<>]+"
    r"|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?=[/:]\w)[^\s<>]*",
    re.IGNORECASE,
)
"""What some channels make clickable and the finder of addresses does not see."""
_BEFORE_HOSTS: Final = re.compile(r"[:/=@_|~*]|(?<!\w)-")
_CLUNG_HOST: Final = re.compile(r"[:/=@_|~*-][\w-]+\.\w")
_MAIL_BEFORE: Final = re.compile(r"[\w.+-]+@\Z")
_NEXT_SENTENCE: Final = re.compile(r"(?<=\w)\.(?=[A-ZÀ-Ž][a-zà-ž]*\Z)")
_ABBREVIATED: Final = re.compile(
    r"(?:dr|mr|npr|tj|itd|tel|str|prof|ing|bzw|vgl|inkl)\.\w+", re.IGNORECASE
)
_PHONE: Final = re.compile(r"tel:(\+?[\d().-]{3,24})")
_SCHEME: Final = re.compile(
    r"(?<![\w.])([a-z][a-z0-9+.-]{1,31}):(?=[^\s])(//)?[^\s<>\"'`]*", re.IGNORECASE
)
_DANGEROUS: Final = re.compile(
    r"(?:javascript|vbscript):|(?:file|intent):[/#]|blob:https?:|data:[\w/+.-]*[;,]", re.IGNORECASE
)
_NO_FILES: Final = re.compile(
    r"\.(?:py|md|sh|rs|pl|so|js|ts|cc|java|zip|mov)(?![\w/])", re.IGNORECASE
)

_finder: Final = LinkifyIt()
_finder.tlds(list(MORE_TLDS), keep_old=True)


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
        if len(host) > _HOST_CHARACTERS_MAX:
            return False
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
    steps: tuple[Callable[[str, _Taking], str], ...] = (_markup, _undisguised, _links, _addresses)
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
    text = _CONTROLS.sub("", text)
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
    text = _MAIL_IN_ANGLES.sub(lambda found: found.group(1), text)
    return _TAG.sub(lambda found: _without_tag(found.group(), taking), text)


def _without_tag(tag: str, taking: _Taking) -> str:
    for address in re.findall(r"""(?:href|src)\s*=\s*["']?([^\s"'>]+)""", tag, re.IGNORECASE):
        taking.gone(address)
    name = _TAG_NAME.match(tag)
    if name is None or name.group(1).casefold() in ELEMENTS or not _TAG_OF_WORDS.fullmatch(tag):
        return ""
    # `<your name>`: no channel knows such a tag, and its words are meant to be read.
    return tag.replace("<", "\u2039").replace(">", "\u203a")


def _undisguised(text: str, taking: _Taking) -> str:
    """Write addresses plainly that a channel would read out of entities, marks and wide letters."""
    if _DISGUISE.search(text) is None:
        return text

    def word(found: re.Match[str]) -> str:
        written = found.group()
        if _DISGUISE.search(written) is None:
            return written
        plain = re.sub(r"[*_~`\\]", "", unicodedata.normalize("NFKC", unescape(written)))
        hidden = plain != written and _leads_astray(plain, taking.may)
        return plain if hidden and not _leads_astray(written, taking.may) else written

    return re.sub(r"\S+", word, text)


def _leads_astray(word: str, may: MayLead) -> bool:
    found = _finder.match(word) or ()
    if any(not (_may_stay(one.schema, one.url, may) or _is_file(one.text)) for one in found):
        return True
    return not found and (_DANGEROUS.search(word) is not None or "://" in word)


def _links(text: str, taking: _Taking) -> str:
    """Markdown links and images: kept, or only their words."""
    if "](" not in text and "]:" not in text:
        return text

    def link(found: re.Match[str]) -> str:
        mark, words, address = found.groups()
        address = address.translate(_DOTS)
        if _may_be_linked(address, taking.may) and not _leads(words, taking.may):
            return f"{mark}[{words}]({address})"
        if (number := _PHONE.fullmatch(address)) and not mark:
            return words if number.group(1) in words else f"{words} {number.group(1)}"
        taking.gone(address)
        return _words_of(words)

    def nowhere(found: re.Match[str]) -> str:
        if _LINK.fullmatch(found.group()):
            return found.group()
        taking.gone(found.group()[len(found.group(2)) + 2 :])
        return _words_of(found.group(2))

    def definition(found: re.Match[str]) -> str:
        # Its words stay, what it leads to is looked at as any other word.
        return f"{found.group(1)}{found.group(2)}:"

    text = _LINK.sub(link, text)
    text = _LINK_TO_NOWHERE.sub(nowhere, text)
    return _DEFINITION.sub(definition, text)


def _may_be_linked(address: str, may: MayLead) -> bool:
    scheme, _, rest = address.partition(":")
    if scheme.lower() == "mailto":
        return re.fullmatch(r"[\w.+-]+@[\w.-]+", rest) is not None and may.allows_mail(rest)
    return may.allows(address)


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
        kept += [text[at : match.index], _next_sentence(match.text) or GONE]
        at = match.last_index
        if kept[-1] == GONE:
            taking.gone(match.text)
    kept.append(text[at:])
    return _schemes(_clung("".join(kept), taking), taking)


def _next_sentence(text: str) -> str | None:
    """Return words between which only a space was forgotten: `danas.Na`, `Dr.sc`."""
    if _ABBREVIATED.fullmatch(text):
        return text.replace(".", ". ")
    apart = _NEXT_SENTENCE.sub(". ", text) if text.count(".") == 1 else text
    return None if apart == text else apart


def _clung(text: str, taking: _Taking) -> str:
    """Addresses that cling to other characters, as in `see:evil.example`."""
    if _CLUNG.search(text) is not None:
        stay = _staying(text)

        def address(found: re.Match[str]) -> str:
            if found.start() in stay or taking.may.allows(_with_scheme(found.group())):
                return found.group()
            taking.gone(found.group())
            return GONE

        text = _CLUNG.sub(address, text)
    return text if _CLUNG_HOST.search(text) is None else _clung_hosts(text, taking)


def _clung_hosts(text: str, taking: _Taking) -> str:
    stay = _staying(text)
    kept: list[str] = []
    at = 0
    for match in _finder.match(_BEFORE_HOSTS.sub(" ", text)) or ():
        if match.index in stay or _is_file(match.text):
            continue
        mail = _MAIL_BEFORE.search(text, max(at, match.index - 320), match.index)
        begin, found = match.index, match.text
        if mail is None:
            good = taking.may.allows(_with_scheme(found))
        else:
            begin, found = mail.start(), mail.group() + found
            good = taking.may.allows_mail(found)
        if good:
            continue
        kept += [text[at:begin], GONE]
        at = match.last_index
        taking.gone(found)
    return "".join((*kept, text[at:]))


def _staying(text: str) -> set[int]:
    """Return the places inside what was looked at already."""
    found = [(one.index, one.last_index) for one in _finder.match(text) or ()]
    return {place for span in (*_kept_links(text), *found) for place in range(*span)}


def _with_scheme(address: str) -> str:
    address = address.rstrip(".,;:!?)]}")
    return address if "//" in address else f"http://{address}"


def _schemes(text: str, taking: _Taking) -> str:
    """Schemes that a finder of web addresses does not know: scripts, data, numbers in brackets."""
    spans = _kept_links(text)

    def address(found: re.Match[str]) -> str:
        inside = any(begin <= found.start() < end for begin, end in spans)
        slashes = found.group(2)
        harmless = _DANGEROUS.match(found.group()) is None and not slashes
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
