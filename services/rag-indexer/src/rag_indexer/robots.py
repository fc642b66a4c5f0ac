"""What a site's robots.txt allows us (RFC 9309). Pure, and linear in what it is given.

Our own, because patterns become regular expressions elsewhere: a hostile file could make one that
never ends.
"""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote_to_bytes

PRODUCT: Final = "MetaChatPages"
BYTES_MAX: Final = 500 * 1024
_RULES_MAX: Final = 5_000
_PATTERN_CHARACTERS_MAX: Final = 2_048
_PRODUCT_TOKEN: Final = re.compile(r"[a-z_-]+")
_UNRESERVED_OR_DELIMITER: Final = "-._~!$&'()*+,;=:@/?[]%"


@dataclass(frozen=True, slots=True)
class _Rule:
    allow: bool
    pattern: str


@dataclass(slots=True)
class _Group:
    agents: set[str] = field(default_factory=set)
    rules: list[_Rule] = field(default_factory=list)
    crawl_delay_seconds: float | None = None
    begun: bool = False


class Robots:
    """The rules for one product; `allows` says whether it may read a path with its query."""

    def __init__(self, rules: list[_Rule], crawl_delay_seconds: float | None) -> None:
        self._rules = rules
        self.crawl_delay_seconds = crawl_delay_seconds

    @classmethod
    def parse(cls, content: bytes, product: str = PRODUCT) -> "Robots":
        """Read a file; what is not understood is left out, as the standard wants it."""
        if len(content) > BYTES_MAX:
            content = content[:BYTES_MAX].rpartition(b"\n")[0]
        groups = _groups(content.decode("utf-8", "replace").lstrip("\ufeff"))
        own = product.lower()
        mine = [group for group in groups if own in group.agents]
        mine = mine or [group for group in groups if "*" in group.agents]
        delays = [g.crawl_delay_seconds for g in mine if g.crawl_delay_seconds is not None]
        return cls([rule for group in mine for rule in group.rules], max(delays, default=None))

    @classmethod
    def everything(cls) -> "Robots":
        """Of a site that has no robots.txt."""
        return cls([], None)

    def allows(self, target: str) -> bool:
        """Whether `/path?query` may be read: the longest rule that fits decides, allow wins."""
        wanted = _normal(target)
        if wanted == "/robots.txt":
            return True
        found = max(
            ((len(rule.pattern), rule.allow) for rule in self._rules if _fits(rule, wanted)),
            default=(0, True),
        )
        return found[1]


def _groups(text: str) -> list[_Group]:
    groups: list[_Group] = []
    rules = 0
    for line in text.splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            if not groups or groups[-1].begun:
                groups.append(_Group())
            token = _PRODUCT_TOKEN.match(value.lower())
            groups[-1].agents.add("*" if value.startswith("*") else token[0] if token else "")
        elif groups and key in {"allow", "disallow"}:
            groups[-1].begun = True
            if value and len(value) <= _PATTERN_CHARACTERS_MAX and rules < _RULES_MAX:
                groups[-1].rules.append(_Rule(key == "allow", _normal(value)))
                rules += 1
        elif groups and key == "crawl-delay":
            groups[-1].begun = True
            groups[-1].crawl_delay_seconds = _seconds(value)
    return groups


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds <= 86_400 else None


def _normal(target: str) -> str:
    """One spelling for each address: `%7E` is `~`, `%2f` stays what it is, ä is `%C3%A4`."""
    parts = re.split(r"(%[0-9A-Fa-f]{2})", target)
    return "".join(
        _escape(part) if place % 2 else quote(part, safe=_UNRESERVED_OR_DELIMITER)
        for place, part in enumerate(parts)
    )


def _escape(escaped: str) -> str:
    character = unquote_to_bytes(escaped)
    if character.isalnum() or character in b"-._~":
        return character.decode("ascii")
    return escaped.upper()


def _fits(rule: _Rule, target: str) -> bool:
    """`*` stands for anything, a last `$` for the end; each piece is looked for once."""
    anchored = rule.pattern.endswith("$")
    first, *rest = (rule.pattern[:-1] if anchored else rule.pattern).split("*")
    if not target.startswith(first):
        return False
    place = len(first)
    if not rest:
        return not anchored or place == len(target)
    *middle, last = rest
    for piece in middle:
        found = target.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    if anchored:
        return len(target) - len(last) >= place and target.endswith(last)
    return target.find(last, place) >= 0
