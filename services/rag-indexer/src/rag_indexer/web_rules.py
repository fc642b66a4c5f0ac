"""What a page is called, when it is looked at again, and when it is gone. Pure."""

import codecs
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal
from uuid import UUID, uuid5

from yarl import URL

from rag_indexer.file_type import BY_EXTENSION

PageState = Literal["waiting", "kept", "excluded", "gone", "failed"]

MISSING_LOOKS: Final = 2
"""A page is gone when it was not there so many looks in a row."""

RETRY_SECONDS: Final = (60, 900, 3_600, 21_600)
"""When a look that failed is made again; then at the source's own pace."""

JITTER: Final = 0.05
SITE_FAILURES_MAX: Final = 5
"""So many pages in a row that fail for the site's own reasons end a look."""

_EXTENSIONS: Final = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
}
_UNTYPED: Final = frozenset({"application/octet-stream", "binary/octet-stream", "text/plain"})
CONTENT_TYPES: Final = frozenset(_EXTENSIONS) | _UNTYPED
_PAGES: Final = (".php", ".asp", ".aspx", ".jsp", ".shtml", ".xhtml", ".cgi")
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{2,40})", re.ASCII)
_BOMS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PAGE_CODECS: Final = (
    "iso8859", "cp1", "cp8", "cp9", "koi8", "mac-", "tis-620", "shift_jis", "euc_", "gb", "big5",
    "utf-16",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PathFilter:
    """Which paths of a sitemap are wanted."""

    include: Sequence[str]
    exclude: Sequence[str]

    def takes(self, url: URL) -> bool:
        """Whether the path begins with one that is included, and with none that is not."""
        paths = (url.path, url.raw_path)
        if self.include and not _begins(paths, self.include):
            return False
        return not _begins(paths, self.exclude)


def _begins(paths: Sequence[str], prefixes: Sequence[str]) -> bool:
    wanted = tuple(prefix if prefix.startswith("/") else f"/{prefix}" for prefix in prefixes)
    return any(path.startswith(wanted) for path in paths)


def page_document_id(source_id: UUID, url: str, life: int) -> UUID:
    """A page that comes back after it was gone is another document: what is removed stays so."""
    return uuid5(source_id, url if life == 0 else f"{url}\n{life}")


def is_same_site(url: URL, sitemap: URL) -> bool:
    """Whether a sitemap may speak for a page: its own host, with or without www, and below it."""
    site = (sitemap.host or "").removeprefix("www.")
    host = (url.host or "").removeprefix("www.")
    return host == site or host.endswith(f".{site}")


def file_name_of(url: URL, content_type: str | None) -> str:
    """A name with the extension of its type: `returns.html`, `shop.example.html`."""
    last = one_line(PurePosixPath(url.path).name)
    known = PurePosixPath(last).suffix.lower() in BY_EXTENSION
    essence = (content_type or "").partition(";")[0].strip().lower()
    if known and essence in {"", *_UNTYPED}:
        return last[-200:]
    stem = PurePosixPath(last).stem if known or last.lower().endswith(_PAGES) else last
    extension = _EXTENSIONS.get(essence, "")
    return f"{(stem or url.host or 'page')[:180]}{extension}"


def one_line(text: str) -> str:
    """Foreign words as a name or a title: nothing that cannot be seen."""
    visible = "".join(one for one in text if one.isprintable() or one.isspace())
    return " ".join(visible.split())


def in_utf8(content: bytes, content_type: str | None) -> bytes:
    """Text in the encoding that the server named becomes UTF-8 with its mark: the bytes travel
    on without the header."""
    essence = (content_type or "").partition(";")[0].strip().lower()
    named = _CHARSET.search(content_type or "")
    if not essence.startswith(("text/", "application/xhtml")) or named is None:
        return content
    try:
        codec = codecs.lookup(named[1]).name
        if not codec.startswith(_PAGE_CODECS) or content.startswith(_BOMS):
            return content
        # What browsers mean by Latin-1.
        text = content.decode("cp1252" if codec == "iso8859-1" else codec)
        return codecs.BOM_UTF8 + text.encode()
    except (LookupError, ValueError):
        return content


def next_look_seconds(refresh_hours: int | None, failures: int) -> float | None:
    """How long until the next look, with jitter; None: only when somebody asks for it."""
    usual = None if refresh_hours is None else refresh_hours * 3_600
    wait: float | None = usual
    if 0 < failures <= len(RETRY_SECONDS):
        retry = RETRY_SECONDS[failures - 1]
        wait = retry if usual is None else min(retry, usual)
    if wait is None:
        return None
    return wait * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads looks, no secret
