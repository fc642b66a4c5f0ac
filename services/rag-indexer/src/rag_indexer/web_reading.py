"""Reads pages politely: robots.txt, one request at a time to a site, pauses, truthful name."""

from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import Final

from yarl import URL

from egress import EgressPolicy, Fetched, Fetcher, FetchFailed, FetchRules, InvalidUrl, Validators
from postgres import Database
from rag_indexer import robots
from rag_indexer.robots import PRODUCT, Robots
from rag_indexer.web_failures import WebFailure
from rag_indexer.web_hosts import HostTurn
from rag_indexer.web_rules import CONTENT_TYPES
from rag_indexer.web_store import WebStore

_ROBOTS_RULES: Final = FetchRules(bytes_max=4 * robots.BYTES_MAX, seconds=10.0)
_ROBOTS_KEPT_SECONDS: Final = 3_600.0
_ROBOTS_KEPT_MAX: Final = 1_000
_DELAY_SECONDS_MAX: Final = 30.0
_LIST_MARGIN_SECONDS: Final = 10.0
_BUSY_SECONDS: Final = 30.0
_BUSY_SECONDS_MAX: Final = 300.0
_HOLD_MARGIN_SECONDS: Final = 30.0
SITEMAP_BYTES_MAX: Final = 50 * 1024 * 1024


@dataclass(frozen=True)
class ReadingRule:
    """How much of a site's time and bytes we take."""

    page_bytes_max: int
    page_seconds: float = 30.0
    pause_seconds: float = 1.0
    patience_seconds: float = 20.0
    product: str = PRODUCT
    """What robots.txt calls us."""


class WebReader:
    """Reads one address after another, for any number of looks at once."""

    def __init__(
        self,
        fetcher: Fetcher,
        policy: EgressPolicy,
        database: Database,
        store: WebStore,
        rule: ReadingRule,
    ) -> None:
        self._fetcher = fetcher
        self._policy = policy
        self._database = database
        self._store = store
        self._rule = rule
        self._robots: OrderedDict[str, tuple[float, Robots]] = OrderedDict()

    def check(self, address: str, base: URL | None = None) -> URL:
        """The address without its fragment; raises `WebFailure` when it may not be called."""
        try:
            return self._policy.check_url(address, base).with_fragment(None)
        except InvalidUrl as error:
            raise WebFailure("invalid_url", str(error)) from None

    async def read_page(self, address: str, known: Validators | None) -> Fetched:
        """A page, or 304 if it is as `known`; raises `WebFailure`, `SiteBusy`."""
        rules = FetchRules(
            self._rule.page_bytes_max, self._rule.page_seconds, content_types=CONTENT_TYPES
        )
        return await self._read(address, rules, known, self._rule.patience_seconds)

    async def read_sitemap(self, address: str) -> Fetched:
        """A sitemap, of whatever type its server calls it; raises `WebFailure`, `SiteBusy`.

        The longest pause is sat out: a list that lets go begins again with its first file.
        """
        rules = FetchRules(SITEMAP_BYTES_MAX, self._rule.page_seconds)
        patience = max(self._rule.patience_seconds, _DELAY_SECONDS_MAX + _LIST_MARGIN_SECONDS)
        return await self._read(address, rules, None, patience)

    async def _read(
        self, address: str, rules: FetchRules, known: Validators | None, patience_seconds: float
    ) -> Fetched:
        url = self.check(address)
        hold_seconds = rules.seconds + _ROBOTS_RULES.seconds + _HOLD_MARGIN_SECONDS
        turn = HostTurn(self._database, self._store, hold_seconds, patience_seconds)
        async with turn:

            async def ask_leave(hop: URL) -> None:
                await self._ask_leave(hop, turn)

            await ask_leave(url)
            try:
                fetched = await self._fetcher.fetch(url, rules, known=known, before_hop=ask_leave)
            except FetchFailed as error:
                raise WebFailure.of_fetch(error) from None
            if fetched.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
                turn.pause_seconds = _asked_pause(fetched.retry_after)
            if fetched.status not in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}:
                raise WebFailure.of_status(fetched.status)
            return fetched

    async def _ask_leave(self, url: URL, turn: HostTurn) -> None:
        """Take a turn at the site, and see that its robots.txt lets us."""
        await turn.at(url.host or "")
        turn.pause_seconds = self._rule.pause_seconds
        rules = await self._robots_of(url)
        if not rules.allows(url.raw_path_qs):
            raise WebFailure("robots_disallowed")
        delay = min(rules.crawl_delay_seconds or 0.0, _DELAY_SECONDS_MAX)
        turn.pause_seconds = max(self._rule.pause_seconds, delay)

    async def _robots_of(self, url: URL) -> Robots:
        origin = str(url.origin())
        kept = self._robots.get(origin)
        if kept is not None and kept[0] > monotonic():
            self._robots.move_to_end(origin)
            return kept[1]
        found = await self._fetch_robots(url.origin() / "robots.txt")
        self._robots[origin] = monotonic() + _ROBOTS_KEPT_SECONDS, found
        while len(self._robots) > _ROBOTS_KEPT_MAX:
            self._robots.popitem(last=False)
        return found

    async def _fetch_robots(self, url: URL) -> Robots:
        """A site without the file allows everything, one that fails allows nothing."""
        try:
            fetched = await self._fetcher.fetch(url, _ROBOTS_RULES)
        except FetchFailed as error:
            if error.code == "too_many_redirects":
                return Robots.everything()
            if error.code in {"too_large", "unreadable_encoding"}:
                raise WebFailure("robots_unreachable", str(error)) from None
            raise WebFailure.of_fetch(error) from None
        if fetched.status == HTTPStatus.OK:
            return Robots.parse(fetched.content, self._rule.product)
        if 400 <= fetched.status < 500 and fetched.status != HTTPStatus.TOO_MANY_REQUESTS:
            return Robots.everything()
        raise WebFailure("robots_unreachable", f"HTTP {fetched.status}")


def _asked_pause(retry_after: str | None) -> float:
    seconds = float(retry_after) if retry_after and retry_after.isdecimal() else _BUSY_SECONDS
    return min(max(seconds, _BUSY_SECONDS), _BUSY_SECONDS_MAX)
