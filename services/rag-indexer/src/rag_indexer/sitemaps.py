"""Which pages a sitemap lists, through as many files as it has."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from yarl import URL

from rag_indexer.parser_process import ParserLimits
from rag_indexer.sitemap_process import read_sitemap
from rag_indexer.web_failures import WebFailure
from rag_indexer.web_hosts import SiteBusy
from rag_indexer.web_reading import WebReader
from rag_indexer.web_rules import PathFilter, is_same_site
from rag_indexer.web_store import Look

FILES_MAX: Final = 200
_LEVELS_MAX: Final = 3
_SECONDS_MAX: Final = 600.0
"""What is listed by then is taken; other sources wait for their turn."""


@dataclass(frozen=True)
class Listing:
    """Addresses in the order of the sitemap; `failure` is why they may not be all."""

    addresses: list[str]
    failure: WebFailure | None


class SitemapReader:
    """Follows an index to its sitemaps, within bounds."""

    def __init__(self, reader: WebReader, limits: ParserLimits) -> None:
        self._reader = reader
        self._limits = limits

    async def list_pages(self, look: Look) -> Listing:
        """Raises `WebFailure` when no page at all is known, `SiteBusy` before the first file."""
        found: dict[str, None] = {}
        failure: WebFailure | None = None
        files, seen = [(look.url, 1)], {look.url}
        deadline = asyncio.get_running_loop().time() + _SECONDS_MAX
        for address, level in files:
            if len(seen) > 1 and asyncio.get_running_loop().time() > deadline:
                failure = failure or WebFailure("timeout", "too many files, or too slow")
                break
            try:
                base, kind, addresses = await self._file(address)
            except WebFailure as error:
                failure = failure or error
                continue
            except SiteBusy:
                if address == look.url:
                    raise
                # Begun anew, it would come to the same end: the next look may do better.
                failure = failure or WebFailure("rate_limited")
                break
            if kind == "pages":
                self._take(addresses, base, look, found)
            elif level < _LEVELS_MAX:
                fresh = [str(url) for url in self._own(addresses, base) if str(url) not in seen]
                fresh = fresh[: FILES_MAX - len(files)]
                seen.update(fresh)
                files += ((one, level + 1) for one in fresh)
            if len(found) >= look.pages_max:
                break
        if not found:
            raise failure or WebFailure("empty_sitemap")
        return Listing(list(found), failure)

    async def _file(self, address: str) -> tuple[URL, str, list[str]]:
        fetched = await self._reader.read_sitemap(address)
        sitemap = await read_sitemap(fetched.content, self._limits)
        return fetched.url, sitemap.kind, sitemap.addresses

    def _take(self, addresses: list[str], base: URL, look: Look, found: dict[str, None]) -> None:
        wanted = PathFilter(look.include, look.exclude)
        for url in self._own(addresses, base):
            if len(found) >= look.pages_max:
                return
            if wanted.takes(url):
                found[str(url)] = None

    def _own(self, addresses: list[str], base: URL) -> Iterator[URL]:
        """Those that the sitemap may speak for and that may be called."""
        for address in addresses:
            try:
                url = self._reader.check(address)
            except WebFailure:
                continue
            if is_same_site(url, base):
                yield url
