"""Texts of several requests in one call, and its answer split back; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from llm_router.domain import Vectors, estimated_tokens
from llm_router.provider_limits import CallLimits


@dataclass(eq=False, slots=True)
class Part:
    """One request's texts, and what has come back of them."""

    texts: Sequence[str]
    rows: list[bytes] = field(default_factory=list)
    missing: int = 0
    dimensions: int = 0
    tokens: int = 0

    def __post_init__(self) -> None:
        self.rows = [b""] * len(self.texts)
        self.missing = len(self.texts)

    def whole(self) -> Vectors:
        """The answer, once nothing is missing."""
        return Vectors(tuple(self.rows), self.dimensions, self.tokens)


@dataclass(frozen=True, slots=True)
class Item:
    """One text of one request."""

    part: Part
    place: int
    tokens: int

    @property
    def text(self) -> str:
        """Its words."""
        return self.part.texts[self.place]


def items_of(parts: Sequence[Part]) -> list[Item]:
    """Every text of these requests, in order."""
    return [
        Item(part, place, estimated_tokens(text))
        for part in parts
        for place, text in enumerate(part.texts)
    ]


def cut(items: Sequence[Item], limits: CallLimits) -> list[list[Item]]:
    """Calls that the provider takes, in order; a text that is too long goes alone."""
    calls: list[list[Item]] = []
    tokens = 0
    for item in items:
        full = calls and len(calls[-1]) >= limits.texts
        if not calls or full or tokens + item.tokens > limits.tokens:
            calls.append([])
            tokens = 0
        calls[-1].append(item)
        tokens += item.tokens
    return calls


def deliver(call: Sequence[Item], found: Vectors) -> None:
    """Give each request its vectors and its share of the tokens; no token is lost or doubled."""
    shares = token_shares([item.tokens for item in call], found.tokens)
    for item, row, tokens in zip(call, found.rows, shares, strict=True):
        part = item.part
        if not part.rows[item.place]:
            part.missing -= 1
        part.rows[item.place] = row
        part.dimensions = found.dimensions
        part.tokens += tokens


def token_shares(estimates: Sequence[int], total: int) -> list[int]:
    """The provider's count in proportion to our estimates, in whole tokens that add up to it."""
    whole = sum(estimates)
    if not whole:
        return [total, *[0] * (len(estimates) - 1)] if estimates else []
    shares: list[int] = []
    so_far = given = 0
    for estimate in estimates:
        so_far += estimate
        upto = total * so_far // whole
        shares.append(upto - given)
        given = upto
    return shares
