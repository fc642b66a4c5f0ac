"""Ranked documents of one explained search, stage by stage. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

KEYWORD, VECTOR, FUSED, RERANKED, GIVEN = "keyword", "vector", "fused", "reranked", "given"
STAGES = (KEYWORD, VECTOR, FUSED, RERANKED, GIVEN)

_LAST = 10**9


@dataclass(frozen=True)
class Configuration:
    """A way of searching; `tuning` as the search API takes it, empty for the tenant's own.

    A model that re-ranks is asked one question at a time: it computes for as long as a search
    would wait for it, and several at once would all go without.
    """

    name: str
    tuning: Mapping[str, Any]
    limit: int = 20
    at_once: int = 4


def _weighted(keyword: float, reranker: str = "none") -> dict[str, Any]:
    return {
        "fusion": "weighted",
        "keyword_weight": keyword,
        "vector_weight": round(1 - keyword, 2),
        "reranker": reranker,
    }


DEFAULT = Configuration("default", {})
PLAIN = Configuration("0.5/0.5", _weighted(0.5))
CONFIGURATIONS = (
    DEFAULT,
    Configuration("0.3/0.7", _weighted(0.3)),
    PLAIN,
    Configuration("0.7/0.3", _weighted(0.7)),
    Configuration("rrf", {"fusion": "rrf", "reranker": "none"}),
    Configuration("0.3/0.7 + neighbours", _weighted(0.3, "builtin/neighbours")),
    Configuration("0.5/0.5 + neighbours", _weighted(0.5, "builtin/neighbours")),
    Configuration("rrf + neighbours", {"fusion": "rrf", "reranker": "builtin/neighbours"}),
    Configuration("0.5/0.5 + maxsim", _weighted(0.5, "builtin/maxsim"), limit=10, at_once=1),
)


class NotExplained(RuntimeError):
    """The answer has no record of its candidates."""


def reranker_of(found: Mapping[str, Any]) -> tuple[str, bool]:
    """How this search was re-ranked, and whether a re-ranking model failed it."""
    told = str((found.get("explained") or {}).get("reranker", ""))
    return told, " failed" in told


def rankings(found: Mapping[str, Any]) -> dict[str, list[str]]:
    """Document ids by stage, best first; a document stands where its best passage does."""
    explained = found.get("explained")
    if not explained:
        raise NotExplained("the search did not explain itself: is this platform an older one?")
    candidates = sorted(explained["candidates"], key=lambda one: one["fused_rank"])
    return {
        KEYWORD: _documents(_by(candidates, "keyword_rank")),
        VECTOR: _documents(_by(candidates, "vector_rank")),
        FUSED: _documents(candidates),
        RERANKED: _documents(sorted(candidates, key=_final_place)),
        GIVEN: _documents(found["passages"]),
    }


def _by(candidates: Iterable[Mapping[str, Any]], rank: str) -> list[Mapping[str, Any]]:
    """Only those that the leg proposed, in its order."""
    return sorted((one for one in candidates if one.get(rank)), key=lambda one: int(one[rank]))


def _final_place(candidate: Mapping[str, Any]) -> tuple[int, int]:
    """What was not re-ranked stays behind in its fused order."""
    return candidate.get("rerank_rank") or _LAST, candidate["fused_rank"]


def _documents(passages: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(passage["document_id"]) for passage in passages))
