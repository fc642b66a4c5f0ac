"""How the vectors of one search are compared: all of them, or along the HNSW index. Pure."""

from dataclasses import dataclass

EXACT_PASSAGES_MAX = 3_000
"""Up to so many passages are all compared, whatever it costs: the answer is perfect."""

HNSW_DIMENSIONS = (384, 768, 1024, 1536, 3072)
"""Lengths of vectors that have an HNSW index; others are always compared exactly."""

_EF_SEARCH = 150
_EF_SEARCH_MAX = 800
_EF_SEARCH_FOR = 100_000
_EF_SEARCH_GROWTH = 0.45

# Measured, in microseconds, at 110,000 vectors: one comparison in a row, one step along the index
# (which compares some ten neighbours wherever in the table they lie).
_COMPARED = 1.5
_STEPPED = 40.0

_SCAN_TUPLES_MIN = 20_000
_SCAN_SPARE = 4


@dataclass(frozen=True)
class VectorPlan:
    """`ef_search` None: every vector is compared."""

    ef_search: int | None = None
    scan_tuples_max: int = 0

    def __str__(self) -> str:
        if self.ef_search is None:
            return "exact"
        return f"hnsw, ef_search {self.ef_search}, iterative scan"


def plan(passages: int, everybodys: int, dimensions: int, limit: int) -> VectorPlan:
    """For so many passages that may be seen, among so many vectors of all tenants.

    Along the shared index, one of the tenant's is met every `everybodys / passages` steps: for
    many candidates even a tenant of some size is better served by looking at its own alone.
    """
    if dimensions not in HNSW_DIMENSIONS or passages <= EXACT_PASSAGES_MAX:
        return VectorPlan()
    everybodys = max(everybodys, passages)
    ef_search = ef_search_for(everybodys)
    steps = max(ef_search, limit * everybodys / passages)
    if _COMPARED * passages <= _STEPPED * steps:
        return VectorPlan()
    return VectorPlan(ef_search, max(_SCAN_TUPLES_MIN, int(_SCAN_SPARE * steps)))


def ef_search_for(everybodys: int) -> int:
    """Grows with the table, or recall would sink: 150 at 100,000 vectors, 310 at 500,000."""
    grown: float = _EF_SEARCH * (everybodys / _EF_SEARCH_FOR) ** _EF_SEARCH_GROWTH
    return max(_EF_SEARCH, min(_EF_SEARCH_MAX, round(grown)))
